"""Why a rule or a policy refused what was to pass: what explains it best, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import Path, Rule
from lab.why.case import Case
from lab.why.later import accepts_later
from lab.why.near_misses import near_misses
from lab.why.other_chains import other_chains
from lab.why.returned import returned
from lab.why.walk import Base, bases
from lab.why.weight import SPECIFIC
from lab.why.wording import as_rule
from lab.why.wrong_chain import in_the_wrong_chain
from lab.why.wrong_receiver import to_the_wrong_receiver


def denied(case: Case) -> Iterator[Hint]:
    """Accepted elsewhere, further on, at another hook, nearly; else that nothing accepts it, and how it looks by then."""
    misses = [*near_misses(case)]
    behind = [*other_chains(case), *accepts_later(case), *returned(case), *to_the_wrong_receiver(case)]
    if not behind:
        behind = [*in_the_wrong_chain(case)]
    yield from (miss.hint for miss in misses if miss.slip)
    yield from behind
    if not behind and not any(miss.made is not None or miss.weight >= SPECIFIC for miss in misses):
        yield from _translated_then_denied(case)
    yield from (miss.hint for miss in misses if not miss.slip)
    if not behind and not misses:
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
        yield Hint(
            f"translated{turned} by {turns[-1]}, then {how} by {by}",
            f"a port forward needs a rule in {hook} that accepts the translated destination{as_rule(head, by)}",
        )


def _accepted_by_none(case: Case) -> Iterator[Hint]:
    """A chain's policy dropped it, as none of the chain's rules is about it."""
    found = _denied_path(case)
    if found is None or _turns(found[0]):
        return
    path, by = found
    walked = bases(path, case.chains(path.node))
    asks = as_rule(path.head(-1), by, path.entered)
    if not walked or walked[-1].decided != by or not asks or not _denies_what_is_left(walked[-1]):
        return
    base = walked[-1].chain.name
    how = "rejected" if by.rejects else "dropped"
    so = f"its policy {how} it" if by.number is None else f"{by.place} {how} it, as all that is left"
    yield Hint(
        f"no rule of {base} that it came to accepts it, so {so}",
        f"a rule in {base} that accepts it asks for{asks.removeprefix(',')}",
    )


def _denies_what_is_left(base: Base) -> bool:
    """Whether a policy denied it, or a rule that asks nothing, behind rules that ask nothing."""
    if base.kind != "filter" or base.decided is None:
        return False
    if base.decided.number is None:
        return True
    deciding = base.frames[-1].chain.rules[base.decided.number - 1]
    return all(rule.whole is not None and not rule.whole.asked for rule in (*base.senders, deciding))


