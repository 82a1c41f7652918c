"""A text with its repairs: each with its line, and where each line of the new text came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair, in a short sentence; ``line`` counts from 1 in the text as it was.

    ``of`` is what of the line it speaks of, where that is another thing in each line: repairs with the same ``what`` are of
    one kind.
    """

    line: int
    what: str
    of: str = ""

    def __str__(self) -> str:
        return f"{self.of} {self.what}" if self.of else self.what


@dataclass(frozen=True, slots=True)
class Mended:
    """A repaired text: ``lines[i]`` is the line, from 1, of the old text that line i+1 of the new one came from."""

    text: str
    repairs: tuple[Repair, ...]
    lines: tuple[int, ...]

    def then(self, stage: Callable[[str], Mended | None]) -> Mended:
        """What a further stage makes of it, told by the lines of the text as it was first; None changes nothing."""
        found = stage(self.text)
        if found is None or (found.text == self.text and not found.repairs):
            return self
        repairs = [Repair(self.lines[one.line - 1], one.what, one.of) for one in found.repairs]
        told = sorted((*self.repairs, *repairs), key=lambda repair: repair.line)
        return Mended(found.text, tuple(told), tuple(self.lines[line - 1] for line in found.lines))


def unchanged(text: str) -> Mended:
    """The text as it is."""
    return Mended(text, (), tuple(range(1, text.count("\n") + 2)))


def by_kind(repairs: Iterable[Repair]) -> list[list[Repair]]:
    """The repairs, those of one kind together, in the order of their first lines.

    >>> [len(kind) for kind in by_kind([Repair(1, "left out", "`x`"), Repair(2, "made up"), Repair(3, "left out", "`y`")])]
    [2, 1]
    """
    kinds: dict[str, list[Repair]] = {}
    for repair in repairs:
        kinds.setdefault(repair.what, []).append(repair)
    return list(kinds.values())


def in_short(repairs: Iterable[Repair]) -> str:
    """What ``--mend`` would do, for a message: how many kinds of repairs, and the first of them.

    >>> in_short([Repair(3, "the blanks in front are taken away"), Repair(4, "the blanks in front are taken away")])
    'in 1 way, first in line 3: the blanks in front are taken away'
    """
    kinds = by_kind(repairs)
    ways = "1 way" if len(kinds) == 1 else f"{len(kinds)} ways"
    return f"in {ways}, first in line {kinds[0][0].line}: {kinds[0][0]}"


def mender(kind: str, *, without_macs: bool = False) -> Callable[[str], Mended]:
    r"""What repairs a text of this kind (v4, v6, nft); ``without_macs`` as `lab.ruleset.mend.mend` says.

    >>> mender("nft")("table ip edge {\r\n}\r\n").text
    'table ip edge {\n}\n'
    """
    # most texts are never mended
    if kind == "nft":
        from lab.ruleset.nft.mend import mend as mend_script

        return mend_script
    from lab.ruleset.mend import mend

    return partial(mend, without_macs=without_macs)
