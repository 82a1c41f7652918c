"""Hardware addresses that a dump's owner has made unreadable (``00:1B:XX:XX:XX:XX``): a made-up one, or no match at all."""

from __future__ import annotations

import re
from itertools import pairwise

from lab.ruleset.foreign import shown
from lab.ruleset.mended import Mended, Repair
from lab.ruleset.repairs import Edits, edited, without_text
from lab.ruleset.words import Word

_HIDDEN = re.compile(r"[0-9A-Fa-fXx*?#]{2}(?::[0-9A-Fa-fXx*?#]{2}){5}")
_MADE_UP = re.compile(r"02:00(?::[0-9a-f]{2}){4}", re.IGNORECASE)
_LETTERS = frozenset("Xx*?#")


def without_unreadable_macs(text: str) -> Mended | None:
    """The text without matches of unreadable addresses; each rule that matches more now is told by itself."""
    if "--mac-source" not in text:
        return None
    lines = text.split("\n")
    repairs: list[Repair] = []
    for number, line in enumerate(lines, start=1):
        new = _without(line) if "--mac-source" in line and line.lstrip()[:1] != "#" else line
        if new != line:
            what = f"WIDENED, as asked for: `{shown(line)}` is `{shown(new)}` now, which matches whatever hardware address"
            repairs.append(Repair(number, what))
            lines[number - 1] = new
    return Mended("\n".join(lines), tuple(repairs), tuple(range(1, len(lines) + 1))) if repairs else None


def _without(line: str) -> str:
    found = without_text(line)
    matches = [place for place, word in enumerate(found) if word.value == "--mac-source"]
    taken = [part for place in matches if (part := _match(found, place)) is not None]
    if not taken:
        return line
    if len(taken) == len(matches):
        pairs = ((option, value) for option, value in pairwise(found) if option.value in ("-m", "--match"))
        taken += [(option.start, value.end) for option, value in pairs if value.value == "mac"]
    edits: Edits = [(start, end + len(line[end:]) - len(line[end:].lstrip(" \t")), "") for start, end in sorted(taken)]
    return edited(line, edits).rstrip(" \t")


def _match(found: list[Word], place: int) -> tuple[int, int] | None:
    """Where the match that this option begins stands, with its negation before or behind it; None where it is readable."""
    behind = found[place + 1: place + 3]
    value = next((word for word in behind if word.value != "!"), None)
    if value is None or not _is_unreadable(value.value):
        return None
    before = found[place - 1] if place else None
    return (before.start if before is not None and before.value == "!" else found[place].start), value.end


def _is_unreadable(written: str) -> bool:
    return _HIDDEN.fullmatch(written) is not None and not _LETTERS.isdisjoint(written)


class MadeUpAddresses:
    """Hardware addresses in place of those that were made unreadable: one for each that reads differently."""

    def __init__(self, text: str) -> None:
        self._taken = {found.lower() for found in _MADE_UP.findall(text)}
        self._given: dict[str, str] = {}
        self._number = 0

    def put_into(self, line: str) -> str:
        """The line with a made-up address for each unreadable one of ``--mac-source``."""
        if "--mac-source" not in line:
            return line
        edits: Edits = []
        found = without_text(line)
        for place, option in enumerate(found):
            values = [word for word in found[place + 1: place + 3] if word.value != "!"][:1]
            if option.value == "--mac-source" and values and _is_unreadable(values[0].value):
                edits.append((values[0].start, values[0].end, self._address(values[0].value)))
        return edited(line, edits)

    def _address(self, written: str) -> str:
        while written not in self._given:
            self._number += 1
            address = "02:00:" + self._number.to_bytes(4, "big").hex(":")
            if address not in self._taken:
                self._given[written] = address
        return self._given[written]
