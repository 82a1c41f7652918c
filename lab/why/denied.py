"""Why a rule or a policy refused what was to pass: what explains it best, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lab.record.hint import Hint
from lab.record.path import Path, Rule
from lab.ruleset.effects import ACCEPTS
from lab.ruleset.held import Chains, HeldRule, reached
from lab.why.case import Case
from lab.why.established import is_error, related
from lab.why.helpers import helpers
from lab.why.later import accepts_later
from lab.why.near_misses import near_misses
from lab.why.other_chains import other_chains
from lab.why.returned import returned
from lab.why.sent_elsewhere import sent_elsewhere
from lab.why.walk import Base, bases
from lab.why.weight import SPECIFIC
from lab.why.wording import as_rule, place, unnamed
from lab.why.wrong_chain import in_the_wrong_chain
from lab.why.wrong_receiver import to_the_wrong_receiver


def denied(case: Case) -> Iterator[Hint]:
    """Accepted elsewhere, further on, at another hook, nearly; else that nothing accepts it, and how it looks by then."""
    if case.later:
        return  # what accepts the flow's first packet says nothing of this one
    misses = [miss for miss in near_misses(case) if not (miss.slip and is_error(case))]
    behind = [
        *other_chains(case), *accepts_later(case), *sent_elsewhere(case), *returned(case), *to_the_wrong_receiver(case),
    ]  # fmt: skip
    if not behind:
        behind = [*in_the_wrong_chain(case)]
    yield from (miss.hint for miss in misses if miss.slip)
    yield from behind
    if not behind and not any(miss.made is not None or miss.weight >= SPECIFIC for miss in misses):
        yield from _translated_then_denied(case)
    yield from (miss.hint for miss in misses if not miss.slip)
    if not behind and not misses and not any((*helpers(case), *related(case))):  # a rule for it alone would mend nothing
        yield from _accepted_by_none(case)


def _denied_path(case: Case) -> tuple[Path, Rule] | None:
    path = case.verdict.path[-1] if case.verdict.path else None
    by = path.dropped_by if path is not None and case.should_pass else None
    return (path, by) if path is not None and by is not None else None


def _turns(path: Path) -> list[Rule]:
    return [rule for rule in path.translated_by if rule.translates == "destination"]


def _translated_then_denied(case: Case) -> Iterator[Hint]:
    """A port forward without a rule that lets it through."""
    found = _denied_path(case)
    turns = _turns(found[0]) if found is not None else []
    if found is not None and turns:
        path, by = found
        head = path.head(-1)
        how = "rejected" if by.rejects else "dropped"
        hook = path.steps[-1].hook.upper()
        turned = f" to {head.end_point('destination')}" if head != path.entry else ""
        walked = bases(path, case.chains(path.node))
        chain = walked[-1].chain.name if walked and walked[-1].decided == by else ""
        what = f"accepts the translated destination{as_rule(head, by)}"
        yield Hint(
            f"translated{turned} by {turns[-1]}, then {how} by {by}",
            f"a port forward needs a rule in {hook} that {what}" if by.number is None or not chain else
            f"a port forward needs a rule in {chain}, before {unnamed(by)}, that {what}",
        )


def _accepted_by_none(case: Case) -> Iterator[Hint]:
    """A chain's policy dropped it, as none of the chain's rules is about it."""
    found = _denied_path(case)
    if found is None or _turns(found[0]):
        return
    path, by = found
    chains = case.chains(path.node)
    walked = bases(path, chains)
    asks = as_rule(path.head(-1), by, path.entered).removeprefix(",")
    end = _end(walked[-1], chains) if walked and walked[-1].decided == by and asks else None
    if end is None:
        return
    how = "rejected" if by.rejects else "dropped"
    since = f" from {place(end.sender)} on" if end.sender is not None else ""
    before = f" before {place(end.sender)}" if end.sender is not None else ""
    so = f"its policy {how} it" if by.number is None else f"{by.place} {how} it, as all that is left{since}"
    yield Hint(
        f"no rule of {end.chain} that it came to accepts it, so {so}",
        f"a rule in {end.chain}{before} that accepts it asks for{asks}",
    )


class _End(NamedTuple):
    """The chain that accepted nothing of a packet, and its rule that then sent it to be denied; None: it denied itself."""

    chain: str
    sender: HeldRule | None = None


def _end(base: Base, chains: Chains) -> _End | None:
    """Where a policy denied it, or the last rule that asks nothing, of a chain that is not there to deny alone."""
    if base.kind != "filter" or base.decided is None:
        return None
    if base.decided.number is None:
        return _End(base.chain.name)
    deciding = base.frames[-1].chain.rules[base.decided.number - 1]
    for rule in (deciding, *reversed(base.senders)):
        if _asks_nothing(rule) and _accepts_some(rule, chains):
            return _End(rule.chain, None if rule is deciding else rule)
    return _End(base.chain.name) if _asks_nothing(deciding) and not _was_sorted(base) else None


def _accepts_some(rule: HeldRule, chains: Chains) -> bool:
    """Whether a rule before this one in its chain accepts, or leads to one that does."""
    before = chains[rule.key].rules[: rule.number - 1]
    led = {(one.table, name) for one in before for name in one.jump_to}
    family = 6 if rule.family == "ip6" else 4
    return any(one.effect == ACCEPTS for one in (*before, *reached(chains, led, family)))


def _was_sorted(base: Base) -> bool:
    """Whether what the packet has led it to the chain where it ended."""
    return not all(map(_asks_nothing, base.senders))


def _asks_nothing(rule: HeldRule) -> bool:
    return rule.whole is not None and not rule.whole.asked


