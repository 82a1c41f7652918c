"""Accepted in INPUT what goes through FORWARD, or the other way round."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.packet import Packet
from lab.record.path import Path, Rule
from lab.ruleset.conditions import DESTINATIONS
from lab.ruleset.effects import ACCEPTS, DENIES
from lab.ruleset.held import HeldRule
from lab.why.ahead import Coming, coming
from lab.why.case import Case
from lab.why.met import met_at
from lab.why.walk import bases
from lab.why.weight import weight
from lab.why.wording import as_rule, named, place, unnamed

_OTHER = {"forward": "input", "input": "forward"}
_TELLING = 4


def in_the_wrong_chain(case: Case) -> Iterator[Hint]:
    """The rule that means this packet and accepts it at a hook that it did not come to."""
    path = case.verdict.path[-1] if case.verdict.path else None
    by = path.dropped_by if path is not None else None
    if not case.should_pass or path is None or by is None or path.entered is None:
        return
    chains = case.chains(path.node)
    walked = bases(path, chains)
    other = _OTHER.get(walked[-1].hook) if walked and walked[-1].decided == by and walked[-1].kind == "filter" else None
    if other is None:
        return
    turned = next((rule for rule in reversed(path.translated_by) if rule.translates == "destination"), None)
    head = path.head(-1)
    for step in (-1, 0):
        found = _accepting(case, path, other, step, turned)
        if found is not None:
            sent = f", sent there by {place(found.by[-1])}" if found.by else ""
            went = walked[-1].hook.upper()
            yield Hint(
                f"{named(path.node, found.rule)} would accept it{sent}, but is in {other.upper()}; this packet "
                f"{_turned(head, turned)}went through {went}",
                f"accept it in {went}{as_rule(head, by)}",
            )
            return


def _accepting(case: Case, path: Path, hook: str, step: int, turned: Rule | None) -> Coming | None:
    """What would accept it there, with its headers as they were at this step."""
    chains = case.chains(path.node)
    for chain in chains.values():
        if chain.hook != hook or chain.kind != "filter" or not chain.judges(case.family):
            continue
        native = bool(chain.rules) and chain.rules[0].is_native
        met = met_at(case, path, step, hook, "filter", native=native)
        found = next(coming(chains, [(chain, 0)], met), None)
        if found is not None and found.effect == ACCEPTS and DENIES not in found.doubts and _means(found, hook, turned):
            return found
    return None


def _means(found: Coming, hook: str, turned: Rule | None) -> bool:
    """Whether it is about this packet: in INPUT a rule without a destination is about the node itself."""
    rules = (found.rule, *found.by)
    if max(map(weight, rules)) < _TELLING:
        return False
    return hook == "forward" or turned is not None or any(map(_asks_where_to, rules))


def _asks_where_to(rule: HeldRule) -> bool:
    return rule.whole is not None and any(one.field == DESTINATIONS and not one.negated for one in rule.whole.asked)


def _turned(head: Packet, turned: Rule | None) -> str:
    return "" if turned is None else f"was translated to {head.end_point('destination')} by {unnamed(turned)} and "
