"""An answer that was dropped where its request had passed: what became of the rule that accepts ESTABLISHED."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End, Path, Rule, rules_on
from lab.ruleset.conditions import STATES
from lab.ruleset.held import Chains, HeldRule, reached
from lab.why.case import Case

_IN_A_MAP = re.compile(r"\bestablished : accept\b")
_BEFORE_CONNTRACK = ("raw",)  # its priority, -300, is before conntrack's, -200 (nf_ip_hook_priorities)
_ERRORS = {1: (3, 4, 11, 12), 58: (1, 2, 3, 4)}  # types that quote a packet (RFC 792, RFC 4443)
_UNTRACKED = re.compile(r"\bnotrack\b|NOTRACK")


def why_not_established(case: Case, answer: Path, by: Rule) -> Hint:
    """Why no rule of the node took the answer for one, before ``by`` dropped it."""
    node, dropped = answer.node, f"{answer.node} let the request pass and dropped its answer by {by}"
    untracked = _untracked(case, node)
    if untracked is not None:
        return Hint(
            f"{dropped}: {untracked} takes the flow from conntrack, so no packet of it is ESTABLISHED",
            f"accept the answers by their source port at {node}, or take {untracked} away",
        )
    hook = answer.steps[-1].hook
    if hook == "ingress" or answer.steps[-1].kind in _BEFORE_CONNTRACK:
        return Hint(
            f"{dropped}, where conntrack has not looked at the packet yet: nothing is ESTABLISHED there",
            f"let it not match what comes from {answer.head(-1).source}, or ask that in a chain behind conntrack",
        )
    accepting = [*_accepting(case.chains(node), hook, case.family)]
    later = next((rule for rule in accepting if not _was_asked(rule, answer)), None)
    if later is not None:
        return Hint(f"{dropped}, before it came to {name(node, later)}, which accepts ESTABLISHED", f"put that before {by}")
    if accepting:
        return Hint(f"{dropped}: {name(node, accepting[0])} accepts ESTABLISHED, but not this answer: `{accepting[0].text}`")
    early = next(_early(case.chains(node), case.family), None)
    if early is not None:
        return Hint(
            f"{dropped}: only {name(node, early)} accepts ESTABLISHED, where conntrack has not looked at the packet yet",
            f"accept it in {hook.upper()}: {_example(by, hook)}",
        )
    return Hint(f"{dropped}: no rule of {hook} there accepts ESTABLISHED", f"put one before it: {_example(by, hook)}")


def related(case: Case) -> Iterator[Hint]:
    """An ICMP error that no rule accepts where answers are: of a known flow it is RELATED (nf_conntrack_icmp_error)."""
    path = case.verdict.path[-1] if case.verdict.path else None
    sent = case.verdict.observation.sent
    if not case.should_pass or path is None or path.end is not End.DROPPED or sent.flags not in _ERRORS.get(sent.proto, ()):
        return
    accepting = [*_accepting(case.chains(path.node), path.steps[-1].hook, case.family)]
    if accepting and not any(_names(rule, "RELATED") for rule in accepting):
        yield Hint(
            f"{name(path.node, accepting[0])} accepts ESTABLISHED alone, and an ICMP error about a flow is RELATED to it",
            "accept RELATED too, or path MTU discovery and unreachable hosts end in silence",
        )


def name(node: str, rule: HeldRule) -> str:
    """A rule as messages name it: ``gateway filter:FORWARD:3 (web)``."""
    family = "" if rule.family == "ip" else f"{rule.family} "
    comment = f" ({rule.comment})" if rule.comment else ""
    return f"{node} {family}{rule.table}:{rule.chain}:{rule.number}{comment}"


def _example(by: Rule, hook: str) -> str:
    if by.text.startswith("-"):
        return f"`-I {hook.upper()} 1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`"
    return "`ct state established,related accept`"


def accepts_established(rule: HeldRule) -> bool:
    """Whether answers of known flows are among what the rule accepts, as far as its state goes."""
    if rule.is_native and _IN_A_MAP.search(rule.text):
        return True
    accepts = "accept" in rule.statements if rule.is_native else rule.target == "ACCEPT"
    return accepts and _names(rule, "ESTABLISHED")


def _names(rule: HeldRule, state: str) -> bool:
    named = re.search(rf"\b{state.lower()} : accept\b", rule.text) if rule.is_native else None
    return named is not None or any(
        state in {value.upper() for value in one.values} and not one.negated for one in rule.of(STATES)
    )


def _accepting(chains: Chains, hook: str, family: int) -> Iterator[HeldRule]:
    begun = {(chain.table, chain.name) for chain in chains.values() if chain.hook == hook}
    return (rule for rule in reached(chains, begun, family) if accepts_established(rule))


def _early(chains: Chains, family: int) -> Iterator[HeldRule]:
    begun = {(chain.table, chain.name) for chain in chains.values() if chain.kind in _BEFORE_CONNTRACK}
    return (rule for rule in reached(chains, begun, family) if accepts_established(rule))


def _was_asked(rule: HeldRule, path: Path) -> bool:
    """Whether the kernel came to the rule on this path: its chain told of one that stands behind it, or of its end."""
    for step in path.steps:
        if (step.table, step.chain) != (rule.table, rule.chain):
            continue
        if step.rule is None or step.rule.number is None or step.rule.number >= rule.number:
            return True
    return False


def _untracked(case: Case, node: str) -> Rule | None:
    seen = case.verdict.observation
    paths = [path for path in (*seen.request, *seen.answer, *seen.others) if path.node == node]
    return next((rule for rule in rules_on(paths) if _UNTRACKED.search(rule.text)), None)
