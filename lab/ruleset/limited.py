"""Which limiter stands between what becomes of the first packets and what becomes of those beyond."""

from __future__ import annotations

from lab.record.path import Rule
from lab.record.verdict import Verdict
from lab.ruleset.limits import limit_in


def limit_between(first: Verdict, beyond: Verdict | None) -> str | None:
    """How much the limiter lets through, in words: that of a rule which one of the two met and the other did not.

    None where nothing is known of ``beyond``, or no rule on either way says how much.

    >>> from lab.written.expect.example import PASSED
    >>> limit_between(PASSED, None) is None
    True
    """
    if beyond is None:
        return None
    these, those = _met(first), _met(beyond)
    apart = [rule for rule in these if rule not in those] + [rule for rule in those if rule not in these]
    return next((said for rule in (*apart, *these, *those) if (said := limit_in(rule.text)) is not None), None)


def _met(verdict: Verdict) -> list[Rule]:
    steps = [step.rule for path in verdict.path for step in path.steps]
    return [rule for rule in (*steps, verdict.rule) if rule is not None]
