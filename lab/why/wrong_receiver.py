"""Translated to another place than the row says, or to another source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lab.record.hint import Hint
from lab.record.packet import Packet
from lab.record.path import Path, Rule
from lab.ruleset.effects import TRANSLATES
from lab.ruleset.held import HeldRule
from lab.why.ahead import coming
from lab.why.case import Case
from lab.why.near_misses import met_in
from lab.why.translated import catches_too_much
from lab.why.walk import bases
from lab.why.wording import named, unnamed, with_text
from lab.written.expect.arrives import ARRIVES, ArrivesSpec

_TO = re.compile(
    r"(?:--to-(?:destination|source)|[ds]nat (?:ip6? )?to) "
    r"(?:\[(?P<six>[0-9a-f:]+)\]|(?P<four>(?:\d+\.){3}\d+)|(?P<bare>[0-9a-f]*:[0-9a-f:]*:[0-9a-f:]*))(?::(?P<port>\d+))?(?![-\d.])"
)


def to_the_wrong_receiver(case: Case) -> Iterator[Hint]:
    """A translation to another host or port than it was to arrive at, and the rule behind it that has the right one.

    Where it arrived, the row's own words tell where, as does the hint of what was caught too much: then only such a rule is
    news.
    """
    wanted = case.expect.get(ARRIVES)
    path = case.verdict.path[-1] if case.verdict.path else None
    rule = _translator(path, "destination") if path is not None else None
    if not case.should_pass or wanted is None or path is None or rule is None:
        return
    head = path.exit or path.head(-1)
    moved = (head.destination, head.dport) != (path.entry.destination, path.entry.dport)
    differs = _differs(case, wanted, head) if moved else ""
    later = _later(case, path, rule, lambda one: _leads_there(case, wanted, one, head)) if differs else None
    news = case.verdict.arrived is None and not any(catches_too_much(case))
    if differs and (later is not None or news):
        behind = f"; {named(path.node, later)} stands after it" if later is not None else ""
        mend = f"put {_shortly(later)} before {unnamed(rule)}, or take that away" if later is not None else ""
        yield Hint(f"{with_text(rule)} translated it to {head.end_point('destination')}, {differs}{behind}", mend)


def from_the_wrong_source(case: Case) -> Iterator[Hint]:
    """A translation to another source than it was to arrive from, where a rule behind it has the right one."""
    wanted, arrived = case.expect.get(ARRIVES), case.verdict.arrived
    if not case.should_pass or wanted is None or arrived is None or wanted.source in (None, "kept", arrived.source):
        return
    for path in case.verdict.path:
        rule = _translator(path, "source")
        later = _later(case, path, rule, lambda one: _address(one) == (wanted.source, None)) if rule is not None else None
        if rule is not None and later is not None:
            yield Hint(
                f"{named(path.node, later)} would translate its source to {wanted.source}, but stands after {unnamed(rule)}, "
                f"which translated it to {arrived.source}",
                f"put {_shortly(later)} before {unnamed(rule)}",
            )
            return


def _differs(case: Case, wanted: ArrivesSpec, head: Packet) -> str:
    """Where it goes instead, in words; nothing where another node may still lead it on."""
    owners = case.topology.owners(head.destination)
    if len(owners) > 1 or any(case.topology.nodes[one].forwards for one in owners):
        return ""
    whose = owners[0] if owners else "nobody"
    if wanted.at and whose not in wanted.at:
        return f"which {'is ' + whose if owners else 'nobody has'}, and was to come to {' or '.join(wanted.at)}"
    if wanted.address is not None and wanted.address != head.destination:
        return f"and was to come to {wanted.address}"
    if wanted.port is not None and wanted.port != head.dport and whose not in case.held:
        return f"and was to come to port {wanted.port}"
    return ""


def _leads_there(case: Case, wanted: ArrivesSpec, rule: HeldRule, head: Packet) -> bool:
    """Whether a rule translates to where it was to arrive."""
    address, port = _address(rule)
    return (
        address is not None
        and (not wanted.at or case.topology.owner(address) in wanted.at)
        and wanted.address in (None, address)
        and wanted.port in (None, port if port is not None else head.dport)
    )


def _address(rule: HeldRule) -> tuple[str | None, int | None]:
    """The one address, and the port, that a rule translates to, as far as its text is plain."""
    found = _TO.search(rule.text)
    if found is None:
        return None, None
    return found["six"] or found["bare"] or found["four"], int(found["port"]) if found["port"] else None


def _later(case: Case, path: Path, rule: Rule, wanted: Callable[[HeldRule], bool]) -> HeldRule | None:
    """The rule behind the one that translated it that would have translated it otherwise, as it was wanted."""
    chains = case.chains(path.node)
    for base in bases(path, chains):
        if base.decided == rule:
            for found in coming(chains, base.ahead, met_in(case, path, base)):
                if found.effect == TRANSLATES and not found.doubts and wanted(found.rule):
                    return found.rule
    return None


def _translator(path: Path, end: str) -> Rule | None:
    return next((rule for rule in reversed(path.translated_by) if rule.translates == end), None)


def _shortly(rule: HeldRule) -> str:
    return f"{rule.table}:{rule.chain}:{rule.number}"
