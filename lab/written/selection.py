"""What the lists of words in a row stand for in each family, and the families that a row then has cells in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from lab.errors import Where
from lab.written.cell import FAMILIES, Sender, Service, Target
from lab.written.ends import Ends
from lab.written.fields import Place
from lab.written.problems import Problems
from lab.written.service import ServiceNames, read_services

T = TypeVar("T")
Word = str | Place
_ICMP_OF_EACH = "icmp/… is IPv4's and icmpv6/… is IPv6's: [icmp/echo-request, icmpv6/echo-request] asks both"


def shown(word: Word) -> str:
    """A word as a matrix writes it."""
    return word if isinstance(word, str) else f"{{at: {word.at}, address: {word.address}}}"


def families_text(families: Iterable[int]) -> str:
    """``IPv4``, ``IPv6``, ``IPv4 and IPv6``, or ``nothing``."""
    return " and ".join(f"IPv{family}" for family in sorted(families)) or "nothing"


@dataclass(frozen=True, slots=True)
class Selection(Generic[T]):
    """What a list of words stands for: ``found`` of each family, and ``has``, the families that each word has something in.

    ``found`` may hold less: senders are without the nodes under test.  ``path`` is the list's place in the matrix.
    """

    path: tuple[str | int, ...]
    words: tuple[str, ...]
    has: tuple[frozenset[int], ...]
    found: Mapping[int, Sequence[T]]

    @property
    def families(self) -> frozenset[int]:
        """The families that any of its words has something in."""
        return frozenset().union(*self.has)


@dataclass(frozen=True, slots=True)
class Asked:
    """The families that a row or the default may have; ``said`` is what it writes behind ``family:``, None when silent.

    ``silent`` tells what is then done.
    """

    subject: str
    where: Where | None
    families: tuple[int, ...]
    said: str | None
    silent: str = "each family that both ends have is judged"


_Side = Callable[[Ends, Sequence[Word]], Sequence[T]]
_SENDERS: _Side[Sender] = Ends.senders
_TARGETS: _Side[Target] = Ends.targets


class Selector:
    """Resolves lists of words; tells what is wrong, each word at its own place."""

    def __init__(
        self, ends: Mapping[int, Ends], names: ServiceNames, problems: Problems, where: Callable[..., Where | None]
    ) -> None:
        self._ends, self._names, self._problems, self._where = ends, names, problems, where
        self._selected: dict[object, Selection[Any]] = {}

    def senders(self, words: Sequence[Word], *path: str | int) -> Selection[Sender] | None:
        """The senders of both families; None when a word is wrong."""
        return self._selection(words, path, _SENDERS)

    def targets(self, words: Sequence[Word], *path: str | int) -> Selection[Target] | None:
        """The targets of both families; None when a word is wrong."""
        return self._selection(words, path, _TARGETS)

    def services(
        self, texts: Sequence[str], *path: str | int, check: Callable[[Service], None] | None = None
    ) -> Selection[Service] | None:
        """The services, each in its own families; ``check`` raises ValueError for one that does not fit its row."""
        read: list[tuple[Service, ...] | None] = []
        for number, text in enumerate(texts):
            read.append(self._problems.tried(partial(self._checked, text, check), partial(self._where, *path, number)))
        known = [services for services in read if services is not None]
        if len(known) < len(read):
            return None
        return Selection(
            path,
            tuple(texts),
            tuple(frozenset(family for service in services for family in service.families) for services in known),
            {f: [service for services in known for service in services if f in service.families] for f in FAMILIES},
        )

    def _checked(self, text: str, check: Callable[[Service], None] | None) -> tuple[Service, ...]:
        services = read_services(text, self._names)
        for service in services if check is not None else ():
            check(service)  # type: ignore[misc]
        return services

    def _selection(
        self, words: Sequence[Word], path: tuple[str | int, ...], side: _Side[T]
    ) -> Selection[T] | None:
        """What the words stand for; the rows of a matrix say the same few words again and again."""
        said = side, tuple(words)
        if (before := self._selected.get(said)) is not None:
            return replace(before, path=path)
        has: list[frozenset[int] | None] = []
        for number, word in enumerate(words):
            has.append(self._problems.tried(partial(self._has, word, side), partial(self._where, *path, number)))
        known = [families for families in has if families is not None]
        if len(known) < len(has):
            return None
        found = {family: side(ends, words) for family, ends in self._ends.items()}
        self._selected[said] = selection = Selection(path, tuple(map(shown, words)), tuple(known), found)
        return selection

    def _has(self, word: Word, side: _Side[T]) -> frozenset[int]:
        """The families that a word has addresses in; a ValueError for one that is wrong in either, or has none."""
        for ends in self._ends.values():
            side(ends, [word])
        families = frozenset(family for family, ends in self._ends.items() if ends.targets([word]))
        if not families:
            raise ValueError(f"{shown(word)} selects no address")
        return families

    def families(
        self, asked: Asked, senders: Selection[Sender], targets: Selection[Target], services: Selection[Service]
    ) -> tuple[int, ...]:
        """The families to make cells in; none, and a problem told, where a word or the whole selects nothing."""
        told = len(self._problems)
        ends = (senders, targets)
        if asked.said is not None:
            self._as_said(asked, ends, services)
            families = asked.families
        else:
            common = senders.families & targets.families & services.families
            families = tuple(family for family in asked.families if family in common)
            self._as_found(asked, families, ends, services)
        without = [family for family in families if not senders.found[family]]
        if len(self._problems) == told and without and (asked.said is not None or len(without) == len(families)):
            what = f"{', '.join(senders.words)} selects no node that could send"
            what += f" over {families_text(without)}" if len(without) < len(senders.families) else ""
            mend = "role: and net: leave out the node under test here: to send from it, name it"
            self._problems.tell(what, self._where(*senders.path), mend)
        return families if len(self._problems) == told else ()

    def _as_said(
        self, asked: Asked, ends: tuple[Selection[Sender], Selection[Target]], services: Selection[Service]
    ) -> None:
        """Each end must have each family that is said, and each of these a service."""
        says = f"but {asked.subject} says `family: {asked.said}`"
        for side in ends:
            for number, word in enumerate(side.words):
                if lacks := [family for family in asked.families if family not in side.has[number]]:
                    mend = f"without `family`, {asked.silent}"
                    what = f"{word} has no {families_text(lacks)} address, {says}"
                    self._problems.tell(what, self._where(*side.path, number), mend)
        for number, word in enumerate(services.words):
            has = services.has[number]
            if not has & set(asked.families) or not set(asked.families) <= services.families:
                what = f"{word} is sent over {families_text(has)} only, {says}"
                self._problems.tell(what, self._where(*services.path, number), _ICMP_OF_EACH)

    def _as_found(
        self,
        asked: Asked,
        families: tuple[int, ...],
        ends: tuple[Selection[Sender], Selection[Target]],
        services: Selection[Service],
    ) -> None:
        """There must be a family in common, and each end must have one of these."""
        wanted = frozenset(families)
        if families and all(has & wanted for side in ends for has in side.has):
            return
        sides = [f"`{side.path[-1]}` has {families_text(side.families)}" for side in (*ends, services)]
        sides += [f"`source` is {families_text(asked.families)}"] if len(asked.families) == 1 else []
        have = ", ".join(dict.fromkeys(sides)) + (f"\n    {_ICMP_OF_EACH}" if len(services.families) == 1 else "")
        if not families:
            what = f"{asked.subject} selects no cell: its parts have no family in common"
            self._problems.tell(what, asked.where, have)
            return
        for side in ends:
            for number, word in enumerate(side.words):
                if not side.has[number] & wanted:
                    only = families_text(families)
                    what = f"{word} has no {only} address, and {asked.subject} can have {only} cells only"
                    self._problems.tell(what, self._where(*side.path, number), have)
