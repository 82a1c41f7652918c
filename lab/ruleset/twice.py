"""Tables that a policy's texts give twice: an `iptables-save` beside an nft listing that repeats it, one listing twice.

Loaded together each rule would stand there twice, or the second text's chain policies in place of the first's; of two dumps
of iptables in one text, iptables-restore forgets the first's rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.errors import Problem
from lab.ruleset.both_families import both_families
from lab.ruleset.extensions import BUILT_IN_CHAINS
from lab.ruleset.nft.given import Given, given_chains
from lab.ruleset.render import Rendered

_OPEN_CHAIN = re.compile(r":[A-Z]+[ \t]+ACCEPT\b")
_FAMILIES = {"v4": "ip", "v6": "ip6"}


@dataclass(frozen=True, slots=True)
class _Saved:
    """A table of an `iptables-save` text: its first line and its chains."""

    line: int
    chains: set[str]


def given_twice(texts: Mapping[str, Rendered]) -> Iterator[Problem]:
    r"""A problem for each table that several of the ``texts`` (``v4``, ``v6``, ``nft``) give, or that ``nft`` gives twice.

    A table of native nft that has an iptables table's name and no chain of it is none: both can be there.

    >>> dump = Rendered("*filter\n:INPUT DROP [0:0]\nCOMMIT\n", ("edge.rules:1",), "edge.rules")
    >>> listing = Rendered("table ip filter { chain INPUT { } }", ("edge.nft:1",), "edge.nft")
    >>> [problem.what for problem in given_twice({"v4": dump, "nft": listing})]
    ['table ip filter is given twice: its chain INPUT is in edge.rules:1 too']
    """
    for kind in _FAMILIES:
        if kind in texts:
            yield from _again(texts[kind])
    script = texts.get("nft")
    if script is None:
        return
    given = list(given_chains(script.text))
    for kind, family in _FAMILIES.items():
        if kind in texts:
            yield from _repeated(texts[kind], script, [place for place in given if place.family == family])
    yield from _within(script, given)


def _repeated(saved: Rendered, script: Rendered, given: list[Given]) -> Iterator[Problem]:
    for name, table in _saved_tables(saved.text).items():
        place = next((one for one in given if one.table == name and one.chain in table.chains), None)
        if place is not None:
            what = f"table {place.family} {name} is given twice: its chain {place.chain} is in {saved.where(table.line)} too"
            mend = f"leave it in one of the two files: a listing of nft repeats what iptables-nft made of {saved.file}"
            yield Problem(what, script.where(place.line), mend)


def _within(script: Rendered, given: list[Given]) -> Iterator[Problem]:
    first: dict[tuple[object, ...], Given] = {}
    told: set[tuple[str, str]] = set()
    for place in given:
        if not (place.base and place.rules):
            continue
        table = place.family, place.table
        before = first.setdefault((*table, place.chain, place.emptied, place.rules), place)
        if before is not place and table not in told:
            told.add(table)
            what = f"table {' '.join(table)} is given twice: its chain {place.chain} has the same rules in"
            yield Problem(
                f"{what} {script.where(before.line)}", script.where(place.line), "take the second listing out of the file"
            )


def _again(saved: Rendered) -> Iterator[Problem]:
    """A problem for the first table of a dump that begins once more, though it has rules or policies already."""
    held: dict[str, int] = {}
    table, begun, is_known = "", 0, False
    for number, line in enumerate(saved.text.split("\n"), start=1):
        if line[:1] == "*":
            table, begun = (line[1:].split() or [""])[0], number
            if table in held:
                yield _two(saved, table, number, held[table])
                return
            is_known = False
        elif not is_known and line and line[0] != "#" and line != "COMMIT" and not _OPEN_CHAIN.match(line):
            held.setdefault(table, begun)
            is_known = True


def _two(saved: Rendered, table: str, number: int, before: int) -> Problem:
    both = both_families(saved.text)
    what = "the text is two rulesets"
    if both is not None:
        of = ("IPv4", "IPv6") if both[0].kind == "v4" else ("IPv6", "IPv4")
        what += f", of {of[0]} up to line {both[0].last} and of {of[1]} from there on"
    what += f": *{table} begins once more, and iptables-restore would forget its rules from {saved.where(before)} on"
    mend = "put each into a file of its own: NAME.rules holds rules of IPv4, NAME.rules6 those of IPv6"
    return Problem(what, saved.where(number), mend + ("; or: --mend would do that" if both is not None else ""))


def _saved_tables(text: str) -> dict[str, _Saved]:
    tables: dict[str, _Saved] = {}
    table: _Saved | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("*"):
            name = line[1:].strip()
            table = tables.setdefault(name, _Saved(number, set(BUILT_IN_CHAINS.get(name, ()))))
        elif table is not None and line.startswith(":"):
            table.chains.update(line[1:].split()[:1])
    return tables
