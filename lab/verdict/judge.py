"""Verdict and expectation to a class and its differences, by the table of the design."""

from __future__ import annotations

from dataclasses import dataclass

from lab.record.path import rules_on
from lab.record.result import Outcome
from lab.record.verdict import Kind, Verdict
from lab.verdict.differences import all_differences
from lab.written.cell import Cell, Expectation
from lab.written.expect.by import BY, excuses
from lab.written.expect.rule import RULE
from lab.written.reject import canonical_reject

_NEVER_PASSED = (Kind.CONSUMED, Kind.UNROUTED)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The class of one verdict under one expectation, with the differences in words."""

    outcome: Outcome
    differences: tuple[str, ...] = ()
    suspect: bool = False


def judge(cell: Cell, verdict: Verdict) -> Judgement:
    """What ``verdict`` means for ``cell``; fail-open comes before everything but a failed measurement.

    >>> from dataclasses import replace
    >>> from lab.written.expect.example import PASSED
    >>> str(judge(replace(cell, expect=Expectation("deny")), PASSED).outcome)
    'fail-open'
    """
    expect = cell.expect
    left_open = expect.action != "allow" and verdict.passed_node and not verdict.observation.faults
    if verdict.kind is Kind.LOST and not left_open:
        return Judgement(Outcome.ERROR, (verdict.proof,))
    outcome, difference = _allow(verdict) if expect.action == "allow" else _deny(cell, verdict)
    if outcome is not Outcome.PASSED:
        return Judgement(outcome, (difference,))
    found = all_differences(cell, verdict)
    if found:
        return Judgement(Outcome.MISMATCH, found)
    return Judgement(Outcome.PASSED, suspect=is_suspect(expect, verdict))


def is_suspect(expect: Expectation, verdict: Verdict) -> bool:
    """Whether a deny that passed may have been denied for the wrong reason, in a row that does not name its rule."""
    if expect.action == "allow" or expect.get(RULE) is not None or expect.get(BY) is not None or verdict.rule is None:
        return False
    seen = verdict.observation
    paths = (*seen.request, *seen.answer, *seen.others)
    kinds = (step.kind for path in paths for step in path.steps if step.rule == verdict.rule)
    return next(kinds, verdict.rule.table) != "filter" or verdict.rule.about_invalid


def _allow(verdict: Verdict) -> tuple[Outcome, str]:
    if verdict.kind is Kind.ALLOWED:
        return Outcome.PASSED, ""
    return Outcome.FAIL_CLOSED, f"must pass, but was {_told(verdict)}"


def _deny(cell: Cell, verdict: Verdict) -> tuple[Outcome, str]:
    expect = cell.expect
    wanted = {"drop": "be dropped", "reject": "be rejected", "deny": "be denied"}[expect.action]
    if verdict.passed_node or verdict.kind in (Kind.ALLOWED, Kind.UNANSWERED, Kind.CLOSED):
        passed = "a copy of it passed" if was_copied(verdict) else "passed"
        return Outcome.FAIL_OPEN, f"must {wanted}, but {passed}: {_told(verdict)}"
    if verdict.kind in _NEVER_PASSED:
        if _excused(expect, verdict):
            return Outcome.PASSED, ""
        return Outcome.MISMATCH, f"must {wanted} by a rule, but was {_told(verdict)}"
    kinds = {"drop": (Kind.DROPPED,), "reject": (Kind.REJECTED,), "deny": (Kind.DROPPED, Kind.REJECTED)}[expect.action]
    if verdict.kind not in kinds:
        return Outcome.MISMATCH, f"must {wanted}, but was {verdict}"
    if verdict.node != cell.at:
        return Outcome.MISMATCH, f"must {wanted} at {cell.at}, but never came there: {verdict}"
    if verdict.muted and expect.action == "reject":
        return Outcome.MISMATCH, f"must {wanted} aloud, but no answer came back ({verdict})"
    wanted_kind = expect.reject_with and canonical_reject(expect.reject_with, family=cell.family)
    if wanted_kind and verdict.reject != wanted_kind:
        return Outcome.MISMATCH, f"must be rejected with {expect.reject_with}, but was with {verdict.reject}"
    return Outcome.PASSED, ""


def was_copied(verdict: Verdict) -> bool:
    """Whether what was denied passed in a copy alone, which a rule of the same node had made."""
    copying = (rule for rule in rules_on(verdict.path) if rule.copies and rule.node == verdict.node)
    return verdict.passed_node and verdict.denied and next(copying, None) is not None


def _told(verdict: Verdict) -> str:
    """The verdict, and its proof where that says more than the rule that it names."""
    plain = verdict.observation.session is None
    says_all = plain and (verdict.stopped_by is not None or verdict.kind in (Kind.ALLOWED, Kind.CLOSED))
    return str(verdict) if says_all and not verdict.muted else f"{verdict}: {verdict.proof}"


def _excused(expect: Expectation, verdict: Verdict) -> bool:
    """Whether the row says that something else than a rule refuses, and nothing the kernel told speaks against it."""
    by = expect.get(BY)
    return by is not None and expect.action != "reject" and excuses(by, verdict)
