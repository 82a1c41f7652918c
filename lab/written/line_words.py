"""What lines of ``ip route`` and ``ip rule`` have in common: a word, what follows it, and what is said of one that is wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lab.written.tables import is_table_name, table_number
from lab.written.words import Address, Network, is_address, number_of, parse_address, parse_network, text_of

_SHOWN = 300  # characters of a line that a complaint quotes
HIGHEST = 0xFFFFFFFF
FAMILIES = {"inet": 4, "inet6": 6, "-4": 4, "-6": 6, "ipv4": 4, "ipv6": 6}
_OBJECTS = {"route": ("route", "routes", "ro", "r"), "rule": ("rule", "rules", "ru")}
_ADDS = ("add", "append", "replace", "change")
_SHOWS = ("show", "list", "ls", "sh", "s", "l")


class Line(NamedTuple):
    """One route or rule: its text with what belongs to it, and the family (4 or 6) and table that are said before it."""

    text: str
    family: int | None = None
    table: str | None = None


class Words:
    """The words of a line, taken one by one; every complaint is a ValueError that quotes the line."""

    def __init__(self, text: str, words: Sequence[str], form: str) -> None:
        self.text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        self._words = deque(words)
        self._form = form
        self._seen: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._words)

    @property
    def next(self) -> str:
        """The word that is to come; "" at the end."""
        return self._words[0] if self._words else ""

    def take(self) -> str:
        """The next word, which is there."""
        return self._words.popleft()

    def after(self, word: str) -> str:
        """What follows ``word``, which was taken."""
        if not self._words:
            raise self.wrong(f"nothing follows {word!r}; it is written {self._form}")
        return self._words.popleft()

    def once(self, meaning: str, word: str) -> None:
        """That ``word`` with this ``meaning`` stands here: a second time it is wrong."""
        if meaning in self._seen:
            raise ValueError(f"{self.text!r} says {word!r} twice")
        self._seen.add(meaning)

    def wrong(self, what: str) -> ValueError:
        """What is wrong, with the line."""
        return ValueError(f"{self.text!r}: {what}")

    def unknown(self, word: str) -> ValueError:
        """That a word has no meaning here."""
        return self.wrong(f"{word!r} is not known here; it is written {self._form}")

    def number(self, what: str, word: str, highest: int = HIGHEST) -> int:
        """The number that ``word`` is, from 0 to ``highest``."""
        try:
            number = number_of(word)
        except ValueError:
            raise self.wrong(f"{what} must be a number, not {word!r}") from None
        if not 0 <= number <= highest:
            raise self.wrong(f"{what} {number} is not between 0 and {highest}")
        return number

    def span(self, what: str, word: str, highest: int) -> tuple[int, int]:
        """``N`` or ``N-M``."""
        first, dash, last = word.partition("-")
        low = self.number(what, first, highest)
        high = self.number(what, last, highest) if dash else low
        if high < low:
            raise self.wrong(f"{what} {word} ends before it begins")
        return low, high

    def table(self, word: str) -> int:
        """A routing table: one that has a name everywhere, a number, or a name of the host's own, which gets a number."""
        if word == "[l3mdev-table]":
            raise self.wrong("no interface of a lab is in a VRF, so this never selects\nleave the line out")
        return table_number(word) if is_table_name(word) else self.number("table", word)

    def realm(self, word: str) -> int:
        """``N`` or ``FROM/N``, as RTA_FLOW has them."""
        before, slash, after = word.rpartition("/")
        return (self.number("realm", before, 0xFFFF) << 16 if slash else 0) | self.number("realm", after, 0xFFFF)

    def address(self, word: str) -> Address:
        """An address without ``%INTERFACE``."""
        if not is_address(word):
            raise self.wrong(f"{word!r} is not an address")
        try:
            return parse_address(word)
        except ValueError as error:
            raise self.wrong(str(error)) from None

    def prefix(self, word: str) -> Network:
        """A prefix without host bits."""
        try:
            return parse_network(word)
        except ValueError as error:
            raise self.wrong(str(error)) from None


def lines_of(value: object, kind: str) -> Iterator[Line]:
    """The lines of one item of ``routes`` or ``rules``, as ``kind`` ("route", "rule") has them.

    ``nexthop`` lines belong to the one before them.  The command itself, ``ip -6 route show table 7``, says of which family
    and table the lines are that follow it.
    """
    said: Line | None = None
    found: list[tuple[list[str], Line]] = []
    for written in text_of(value).strip("\n").splitlines() or [""]:
        command = _command(written.split(), kind)
        said = command or said
        text = written.strip() if command is None else command.text
        if not text and (command or found):
            continue
        if text.split()[:1] == ["nexthop"] and found:
            found[-1][0].append(text)
        else:
            found.append(([text], said or Line("")))
    return (of._replace(text=" ".join(texts)) for texts, of in found)


def _command(words: Sequence[str], kind: str) -> Line | None:
    """What a line that is the command itself says of those after it, and the line that it adds; None of any other."""
    rest = list(words)[1:] if words[:1] in (["$"], ["#"]) else list(words)
    rest = rest[1:] if rest[:1] == ["sudo"] else rest
    if rest[:1] != ["ip"]:
        return None
    family = FAMILIES.get(rest[1]) if len(rest) > 1 else None
    rest = rest[1:] if family is None else rest[2:]
    if not rest or rest[0] not in _OBJECTS[kind]:
        return None
    if rest[1:2] and rest[1] in _ADDS:
        return Line(" ".join(rest[2:]), family)
    shown = rest[2:] if rest[1:2] and rest[1] in _SHOWS else rest[1:]
    if not shown:
        return Line("", family or 4)
    if len(shown) == 2 and shown[0] == "table":
        return Line("", family or 4, None if shown[1] == "all" else shown[1])
    return None
