"""The rule that a row names, where another one decided: what kept it from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from lab.record.hint import Hint
from lab.record.path import Path
from lab.ruleset.asked import has
from lab.ruleset.describe import described
from lab.ruleset.held import Chains, HeldRule, reached, rules_of
from lab.why.case import Case
from lab.why.denied import denied
from lab.why.meant_to_stop import meant_to_stop
from lab.why.near_misses import met_in
from lab.why.recents import unmet
from lab.why.walk import Base, bases
from lab.why.wording import fact, named, unnamed
from lab.written.expect.logged import LOGGED
from lab.written.expect.rule import RULE

_MOST = 3
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")


def named_rule(case: Case) -> Iterator[Hint]:
    """Why the packet did not match the rule that the row names: what it wants, or that the packet did not come to it."""
    wanted = case.expect.get(RULE)
    paths = [path for path in case.verdict.path if path.node == case.at]
    if wanted is None or len(paths) != 1:
        return
    (path,) = paths
    if any(step.rule is not None and step.rule.is_called(wanted) for step in path.steps):
        return
    rules = [*islice((rule for rule in rules_of(case.chains(case.at), case.family) if _is_called(case, rule, wanted)), 2)]
    if not rules and case.chains(case.at):
        yield Hint(f"no rule of {case.at} is called {wanted}: by a comment, or as `filter:FORWARD:3`")
    elif len(rules) == 1:
        name = str(described(case.at, rules[0]))
        if not any(hint.why.startswith(name) for teller in (denied, meant_to_stop) for hint in teller(case)):
            yield from _why_not(case, path, rules[0])


def log_rule(case: Case) -> Iterator[Hint]:
    """The same of the one rule that logs with the prefix that the row names; or that no rule does."""
    logged = case.expect.get(LOGGED)
    wanted = None if logged is None or (logged.times is not None and logged.times.max == 0) else logged.prefix
    paths = [path for path in case.verdict.path if path.node == case.at]
    if wanted is None or len(paths) != 1 or not case.chains(case.at):
        return
    (path,) = paths
    if any(step.rule is not None and step.rule.log_prefix == wanted for step in path.steps):
        return
    logging = [rule for rule in rules_of(case.chains(case.at), case.family) if rule.log_prefix is not None]
    rules = [rule for rule in logging if rule.log_prefix == wanted]
    if len(rules) == 1:
        yield from _why_not(case, path, rules[0])
    elif not rules:
        others = ", ".join(repr(prefix) for prefix in dict.fromkeys(rule.log_prefix for rule in logging[:_MOST]))
        yield Hint(f"no rule of {case.at} logs with {wanted!r}" + (f"; there are {others}" if others else ""))


def _is_called(case: Case, rule: HeldRule, wanted: str) -> bool:
    """Whether the row may mean this one; most rules hold nothing of the name."""
    return (wanted in rule.text or wanted.endswith(f":{rule.number}")) and described(case.at, rule).is_called(wanted)


def _why_not(case: Case, path: Path, rule: HeldRule) -> Iterator[Hint]:
    chains = case.chains(case.at)
    walked = bases(path, chains)
    for base in walked:
        if any(one is rule for one in base.missed):
            lacking = _lacking(case, path, base, rule)
            why = f"it wants {lacking}" if lacking else unmet(rule, rules_of(chains, case.family))
            yield Hint(f"{named(case.at, rule)} did not match{f': {why}' if why else ''}")
            return
        for chain, asked in base.ahead:
            if chain.key == rule.key and rule.number > asked and base.decided is not None:
                by = unnamed(base.decided)
                yield Hint(f"{named(case.at, rule)} was not asked: it stands after {by}, which decided")
                return
    hooks = _hooks(chains, rule)
    met = {base.hook for base in walked}
    if hooks and walked and met.isdisjoint(hooks):
        through = " and ".join(hook.upper() for hook in _HOOKS if hook in met)
        stands = " and ".join(map(str.upper, hooks))
        yield Hint(f"{named(case.at, rule)} was not asked: it is in {stands}, and this packet went through {through}")


def _lacking(case: Case, path: Path, base: Base, rule: HeldRule) -> str:
    """Each thing that it asks and that the packet surely has not."""
    met = met_in(case, path, base)
    asked = rule.whole.asked if rule.whole is not None else rule.partly.asked  # one that it has not is enough
    wants = [f"`{one.words}`, and {fact(one, met, case.at)}" for one in asked if has(one, met) is False]
    return "; ".join(wants[:_MOST])


def _hooks(chains: Chains, rule: HeldRule) -> Sequence[str]:
    """The hooks whose base chains lead to the rule."""
    begins = (chain for chain in chains.values() if chain.hook is not None and chain.family == rule.family)
    family = 6 if rule.family == "ip6" else 4
    return sorted({
        chain.hook or "" for chain in begins
        if any(one is rule for one in reached({key: each for key, each in chains.items() if each.table == chain.table},
                                              {(chain.table, chain.name)}, family))
    })  # fmt: skip
