"""Rules that were to stop what passed: where they stand, and why it did not meet them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from lab.record.hint import Hint
from lab.record.packet import PROTOCOL_NAMES
from lab.record.path import End, Path, Rule
from lab.ruleset.asked import Met
from lab.ruleset.conditions import DPORTS, ENTERED, LEFT, PROTO, SPORTS, STATES
from lab.ruleset.effects import ACCEPTS, DENIES
from lab.ruleset.held import Chains, HeldChain, HeldRule
from lab.why.ahead import Coming, coming, is_met_by_none
from lab.why.case import Case
from lab.why.later import earlier
from lab.why.met import met_at
from lab.why.near_misses import MOST, Miss, does, met_in, missed
from lab.why.walk import Base, bases
from lab.why.weight import weight
from lab.why.wording import named, place, unnamed

_PASSED = (End.LEFT, End.DELIVERED)
_TELLING = 4
_LITTLE = 2
_DENYING = frozenset(("DROP", "drop"))


def meant_to_stop(case: Case) -> Iterator[Hint]:
    """The rules that would have denied what passed, had it come to them, or been what they ask for."""
    if case.should_pass or case.verdict.denied:
        return
    paths = [path for path in case.verdict.path if path.node == case.at and path.end in _PASSED]
    chains = case.chains(case.at)
    found = (hint for path in paths if chains for hint in _of_path(case, path, chains))
    yield from islice(dict.fromkeys(found), MOST)


def _of_path(case: Case, path: Path, chains: Chains) -> Iterator[Hint]:
    walked = bases(path, chains)
    asked = [base for base in walked if base.kind != "nat"]
    misses = [miss for base in asked for miss in missed(case, path, base, chains, DENIES)]
    for miss in sorted(filter(_tells, misses), key=lambda miss: miss.rank):
        yield miss.hint
    for base in asked:
        yield from _behind(case, path, base, chains)
    if walked:
        yield from _elsewhere(case, path, [base.hook for base in walked], chains)


def _tells(miss: Miss) -> bool:
    """Whether it is near: of a list of addresses that are shut out, each misses every other packet by its address alone.

    A ban of this very sender is one that was meant for it, whatever the port.
    """
    if miss.of_sender and miss.asked.field == DPORTS:
        return True
    if miss.made is not None or (miss.asked.field == SPORTS and miss.slip):
        return True
    return miss.asked.field in (ENTERED, LEFT, PROTO, STATES) and miss.weight >= _TELLING


def _behind(case: Case, path: Path, base: Base, chains: Chains) -> Iterator[Hint]:
    """A rule that means this packet, behind the one that accepted it."""
    decided = base.decided
    if base.verdict != "accept" or decided is None or decided.number is None:
        return
    for found in coming(chains, base.ahead, met_in(case, path, base)):
        if found.effect == DENIES:
            if _means_it(found):
                by = unnamed(decided)
                yield Hint(
                    f"{named(path.node, found.rule)} would {does(found.rule)} it{_sent(found.by)}, but stands after {by}, "
                    "which accepted it",
                    earlier(base, found),
                )
            return


def _means_it(found: Coming) -> bool:
    """Whether the rule, or one that leads to it, asks for a port or an address: one for all that is left means nothing."""
    return max(map(weight, (found.rule, *found.by))) >= _LITTLE


def _sent(by: Sequence[HeldRule]) -> str:
    return f", sent there by {place(by[-1])}" if by else ""


def _elsewhere(case: Case, path: Path, hooks: Sequence[str], chains: Chains) -> Iterator[Hint]:
    """A rule that means this packet, or its chain's policy, at a hook that it did not come to."""
    through = next((hook for hook in ("input", "forward") if hook in hooks), None)
    if path.entered is None or (through is None and "postrouting" not in hooks):
        return
    went = (through or "forward").upper()
    turned = next((rule for rule in reversed(path.translated_by) if rule.translates == "destination"), None)
    for chain in chains.values():
        hook = chain.hook or ""
        if hook not in ("input", "forward") or hook.upper() == went or chain.kind != "filter" or not chain.judges(case.family):
            continue
        native = bool(chain.rules) and chain.rules[0].is_native
        met = met_at(case, path, 0, hook, "filter", native=native)
        found = _first_denial(chains, chain, met)
        if found is not None and (_means_it(found) or turned is not None):
            what = f"{named(path.node, found.rule)} would {does(found.rule)} it{_sent(found.by)}, but is in {hook.upper()}"
        elif turned is not None and chain.policy in _DENYING and is_met_by_none(chains, chain, met):
            what = f"the policy of {chain.name} would drop it"
        else:
            continue
        yield Hint(f"{what}; this packet {_turned(path, turned)}went through {went}", _mend(path, went, turned))
        return


def _first_denial(chains: Chains, chain: HeldChain, met: Met) -> Coming | None:
    """What would have denied it there, as it came in."""
    first = next(coming(chains, [(chain, 0)], met), None)
    return first if first is not None and first.effect == DENIES and ACCEPTS not in first.doubts else None


def _turned(path: Path, turned: Rule | None) -> str:
    if turned is None:
        return ""
    now = (path.exit or path.head(-1)).end_point("destination")
    return f"was translated to {now} by {unnamed(turned)} and "


def _mend(path: Path, went: str, turned: Rule | None) -> str:
    after = path.exit or path.head(-1)
    if turned is None or after.dport == path.entry.dport or path.entry.dport is None:
        return f"deny it in {went}"
    proto = PROTOCOL_NAMES.get(after.proto, str(after.proto))
    original = f"meta l4proto {proto} ct original proto-dst" if turned.is_native else "-m conntrack --ctorigdstport"
    return f"deny it in {went}, where its port is {after.dport}; `{original} {path.entry.dport}` asks for the one before"
