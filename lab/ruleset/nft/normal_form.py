"""What ``nft -s list ruleset`` prints in a normal form: what two prints of the same have in common.

Out are counters, what time has left of a timeout, and the order of tables, chains, sets and elements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from lab.errors import MeasurementError, Problem
from lab.record.node_state import ChangedBy, Part
from lab.ruleset.nft.listing import OF_THE_CHAIN, OPENS_RULES, whole_line
from lab.ruleset.nft.rule import written_sets
from lab.ruleset.nft.tokens import NAME, without_strings

BARE_RULESET = ("nft", "-s", "list", "ruleset")  # without counters' values and handles
COUNTED = ("nft", "list", "counters"), ("nft", "list", "quotas")  # with their values

_TABLE = re.compile(rf"table (\w+) ({NAME}) \{{(?: # .*)?")  # of an owned table whose it is
_BLOCK = re.compile(r"\t(\w+(?: \w+)?) (\S+) \{")
_ELEMENTS = "elements = {"
_ELEMENT = re.compile(r'(?:"[^"]*"|[^",])+')
_SETS = ("set", "map", "meter")
_VALUED = ("counter", "quota")
_WHAT_TIME_LEFT = re.compile(r' expires \S+|("[^"]*")')
_TIMED = re.compile(r"\btimeout\b")
Hidden = Callable[[tuple[str, str]], bool]
"""Whether a table (family, name) is no part of what is told."""


def _nothing(_table: tuple[str, str]) -> bool:
    return False


@dataclass(slots=True)
class _Table:
    """A table's blocks (kind, name, lines) and what it says of itself."""

    family: str
    name: str
    said: list[str] = field(default_factory=list)
    blocks: list[tuple[str, str, list[str]]] = field(default_factory=list)


def of_nft(listing: str, others: Collection[tuple[str, str, str]], hidden: Hidden = _nothing) -> Iterator[Part]:
    r"""The tables of a listing, without those that are ``hidden`` and without the chains of ``others``, told of elsewhere.

    >>> text = "table inet t {\n\tchain c {\n\t\ttype filter hook input priority 0; policy drop;\n\t\taccept\n\t}\n}\n"
    >>> [(part.kind, part.lines) for part in of_nft(text, ())]
    [('tables', ('',)), ('rules', ('{ type filter hook input priority 0; policy drop; }', 'accept'))]
    """
    for table in _tables(listing):
        if hidden((table.family, table.name)):
            continue
        place = f"{table.family} {table.name}"
        own = [block for block in table.blocks if block[0] != "chain" or (table.family, table.name, block[1]) not in others]
        if table.said or len(own) == len(table.blocks):
            said = f"{{ {'; '.join(table.said)} }}" if table.said else ""
            yield Part("tables", place, f"nft table {place}", (said,))
        chains = {name: _rules(lines) for kind, name, lines in own if kind == "chain"}
        written = {name for rules in chains.values() for rule in rules for name in written_sets(rule)}
        for kind, name, lines in own:
            if kind == "chain":
                yield Part("rules", f"{place} {name}", f"nft {place} {name}", tuple(chains[name]), ordered=True)
            elif kind in _SETS:
                yield from _set(kind, f"{place} {name}", lines, by_rules=name in written)
            else:
                yield Part("objects", f"{kind} {place} {name}", f"nft {kind} {place} {name}", (_joined(lines),))


def values_of(listing: str, hidden: Hidden = _nothing) -> Iterator[Part]:
    r"""What named counters and quotas have counted, as nft lists them with their values.

    >>> [part.lines for part in values_of("table ip t {\n\tcounter web {\n\t\tpackets 3 bytes 180\n\t}\n}\n")]
    [('packets 3 bytes 180',)]
    """
    for table in _tables(listing):
        for kind, name, lines in table.blocks:
            if kind in _VALUED and lines and not hidden((table.family, table.name)):
                place = f"{table.family} {table.name} {name}"
                said = (" ".join(lines),)
                yield Part("counted values", f"{kind} {place}", f"nft {kind} {place}:", said, ChangedBy.PACKETS)


def has_values(listing: str) -> bool:
    r"""Whether the listing has counters or quotas with a name.

    >>> has_values("table ip t {\n\tcounter web {\n\t}\n}\n")
    True
    """
    return any(f"\n\t{kind} " in listing for kind in _VALUED)


def _tables(listing: str) -> Iterator[_Table]:
    lines = listing.split("\n")
    at = 0
    while at < len(lines):
        line, at = whole_line(lines, at)
        if not line or line.isspace() or line.startswith("#"):
            continue
        begun = _TABLE.fullmatch(line)
        if begun is None:
            raise MeasurementError(Problem(f"nft's listing of the ruleset: {line.strip()!r} is not the beginning of a table"))
        table = _Table(begun[1], begun[2])
        body, at = _until("}", lines, at)
        inner = 0
        while inner < len(body):
            line, inner = body[inner], inner + 1
            if block := _BLOCK.fullmatch(line):
                within, inner = _until("\t}", body, inner)
                table.blocks.append((block[1], block[2].strip('"'), [one.strip() for one in within]))
            elif line.strip():
                table.said.append(line.strip())
        yield table


def _until(end: str, lines: Sequence[str], at: int) -> tuple[list[str], int]:
    """The whole lines up to the one that is ``end``, and where it goes on."""
    found: list[str] = []
    while at < len(lines):
        line, at = whole_line(lines, at)
        if line == end:
            return found, at
        found.append(line)
    raise MeasurementError(Problem(f"nft's listing of the ruleset ends before {end!r}"))


def _rules(lines: Sequence[str]) -> list[str]:
    """What a chain says of itself (hook, policy, comment; "" where it says nothing), and its rules, each on one line."""
    head = "; ".join(line.removesuffix(";") for line in lines if line.startswith(OF_THE_CHAIN))
    rules: list[str] = []
    depth = 0
    for line in lines:
        if depth or line.startswith("}"):
            rules[-1] += f" {line}"
        elif line and not line.startswith(OF_THE_CHAIN):
            rules.append(line)
        depth += line.endswith(OPENS_RULES) - line.startswith("}")
    return [f"{{ {head}; }}" if head else "", *rules]


def _set(kind: str, name: str, lines: Sequence[str], *, by_rules: bool) -> Iterator[Part]:
    """A set or map as it is made, and its elements."""
    begin = next((number for number, line in enumerate(lines) if line.startswith(_ELEMENTS)), len(lines))
    made = lines[:begin]
    yield Part("sets", name, f"nft {kind} {name}", (_joined(made),))
    text = " ".join(lines[begin:]).removeprefix(_ELEMENTS).strip().removesuffix("}")
    timed = any(line.startswith("timeout ") for line in made)
    found: dict[ChangedBy, list[str]] = {}
    for one in _ELEMENT.findall(text):
        element = _WHAT_TIME_LEFT.sub(r"\1", one).strip()
        passes = timed or _TIMED.search(without_strings(element)) is not None
        changed_by = ChangedBy.PACKETS if by_rules else ChangedBy.TIME if passes else ChangedBy.NOBODY
        if element:
            found.setdefault(changed_by, []).append(element)
    for changed_by, elements in found.items():
        yield Part("set elements", name, f"nft element {name}", tuple(sorted(elements)), changed_by)


def _joined(lines: Sequence[str]) -> str:
    said = "; ".join(line for line in lines if line)
    return f"{{ {said} }}" if said else "{ }"
