"""An answer that was dropped where its request had passed: what became of the rule that accepts ESTABLISHED."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End, Path, Rule, rules_on
from lab.record.verdict import Kind
from lab.ruleset.conditions import STATES
from lab.ruleset.describe import described
from lab.ruleset.held import Chains, HeldRule, reached
from lab.ruleset.nft.rule import statements
from lab.ruleset.words import words
from lab.why.case import Case

_BEFORE_CONNTRACK = ("raw",)  # its priority, -300, is before conntrack's, -200 (nf_ip_hook_priorities)
_ERRORS = {1: (3, 4, 11, 12), 58: (1, 2, 3, 4)}  # types that quote a packet (RFC 792, RFC 4443)
_IN_STEPS = "; a row that asks for it has the flow too: `steps: [{open: allow}, {icmp-error: {kind: …, expect: allow}}]`"
_FOLLOWING = ("ACK", "data")
_TCP = 6  # of its connections the entry is read at every step


def cut_off(case: Case) -> Iterator[Hint]:
    """Why what follows the handshake was dropped where its first packet had passed."""
    verdict = case.verdict
    if case.later:
        yield from _in_the_midst(case)
        return
    if not case.should_pass or verdict.kind is not Kind.DROPPED or verdict.packet not in _FOLLOWING or verdict.rule is None:
        return
    for path in verdict.observation.others:
        if path.dropped_by == verdict.rule and path.node == verdict.node:
            yield why_not_established(case, path, verdict.rule, verdict.packet)
            return


def _in_the_midst(case: Case) -> Iterator[Hint]:
    """The same of a packet of a flow that has gone on for a while."""
    path = case.verdict.path[-1] if case.verdict.path else None
    by = path.dropped_by if path is not None else None
    if not case.should_pass or path is None or by is None:
        return
    if any(related(case)):
        return  # an ICMP error is never ESTABLISHED
    seen = case.verdict.observation
    known = seen.sent.proto != _TCP or any(one.node == path.node for one in seen.conntrack)
    if _untracked(case, path.node) is None and not known:
        what = f"conntrack of {path.node} does not know this flow by now, so its {case.later} is not ESTABLISHED"
        yield Hint(f"{what}, and {by} {'rejected' if by.rejects else 'dropped'} it")
        return
    yield why_not_established(case, path, by, case.later)


def why_not_established(case: Case, answer: Path, by: Rule, what: str = "answer") -> Hint:
    """Why no rule of the node took the answer, or ``what`` followed, for part of a flow, before ``by`` dropped it."""
    node, dropped = answer.node, f"{answer.node} let the request pass and dropped its {what} by {by}"
    untracked = _untracked(case, node)
    if untracked is not None:
        return Hint(
            f"{dropped}: {untracked} takes the flow from conntrack, so no packet of it is ESTABLISHED",
            f"accept the answers by their source port at {node}, or take {untracked} away" if what == "answer" else
            f"take {untracked} away",
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
        what_first = "that" if later.chain == by.chain else "a rule like it"
        why = f"{dropped}, before it came to {described(node, later)}, which accepts ESTABLISHED"
        return Hint(why, f"put {what_first} before {by}")
    if accepting:
        first = accepting[0]
        return Hint(
            f"{dropped}: {described(node, first)} accepts ESTABLISHED, but not this {what}: `{first.text}`",
            f"accept it by its state alone: {_example(by, hook)}" if all(map(_asks_more, accepting)) else "",
        )
    early = next(_early(case.chains(node), case.family), None)
    if early is not None:
        return Hint(
            f"{dropped}: only {described(node, early)} accepts ESTABLISHED, where conntrack has not looked at the packet yet",
            f"accept it in {hook.upper()}: {_example(by, hook)}",
        )
    return Hint(f"{dropped}: no rule of {hook} there accepts ESTABLISHED", f"put one before it: {_example(by, hook)}")


def related(case: Case) -> Iterator[Hint]:
    """An ICMP error that no rule accepts where answers are: of a known flow it is RELATED (nf_conntrack_icmp_error)."""
    path = case.verdict.path[-1] if case.verdict.path else None
    if not case.should_pass or path is None or path.end is not End.DROPPED or not is_error(case):
        return
    accepting = [*_accepting(case.chains(path.node), path.steps[-1].hook, case.family)]
    lets = next((rule for rule in accepting if _names(rule, "RELATED")), None)
    if accepting and lets is None:
        yield Hint(
            f"{described(path.node, accepting[0])} accepts ESTABLISHED alone, and an ICMP error about a flow is RELATED to it",
            f"accept RELATED too, or path MTU discovery and unreachable hosts end in silence{'' if case.later else _IN_STEPS}",
        )
    elif lets is not None and not case.later:
        yield Hint(
            f"{described(path.node, lets)} accepts RELATED, as which an ICMP error about a flow comes; this one is about none",
            f"leave the rules as they are{_IN_STEPS}",
        )


def is_error(case: Case) -> bool:
    """Whether it is an ICMP error, which comes from anybody on the way of a flow to who sent what it quotes."""
    sent = case.verdict.observation.sent
    return sent.flags in _ERRORS.get(sent.proto, ())


def _asks_more(rule: HeldRule) -> bool:
    """Whether it asks for more than the state, as far as that is known for sure."""
    return rule.whole is not None and any(one.field != STATES for one in rule.whole.asked)


def _example(by: Rule, hook: str) -> str:
    if not by.is_native:
        return f"`-I {hook.upper()} 1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`"
    return "`ct state established,related accept`"


def accepts(rule: HeldRule, state: str) -> bool:
    """Whether packets of this state (``ESTABLISHED``) are among what the rule accepts, as far as its state goes."""
    if rule.is_native and re.search(rf"\b{state.lower()} : accept\b", rule.text):
        return True
    named = "accept" in rule.statements if rule.is_native else rule.target == "ACCEPT"
    return named and _names(rule, state)


def _names(rule: HeldRule, state: str) -> bool:
    named = re.search(rf"\b{state.lower()} : accept\b", rule.text) if rule.is_native else None
    return named is not None or any(
        state in {value.upper() for value in one.values} and not one.negated for one in rule.of(STATES)
    )


def _accepting(chains: Chains, hook: str, family: int) -> Iterator[HeldRule]:
    begun = {(chain.table, chain.name) for chain in chains.values() if chain.hook == hook}
    return (rule for rule in reached(chains, begun, family) if accepts(rule, "ESTABLISHED"))


def _early(chains: Chains, family: int) -> Iterator[HeldRule]:
    begun = {(chain.table, chain.name) for chain in chains.values() if chain.kind in _BEFORE_CONNTRACK}
    return (rule for rule in reached(chains, begun, family) if accepts(rule, "ESTABLISHED"))


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
    return next((rule for rule in rules_on(paths) if untracks(rule)), None)


def untracks(rule: Rule) -> bool:
    """Whether it takes packets from conntrack."""
    if rule.is_native:
        return "notrack" in statements(rule.text)
    return rule.target == "NOTRACK" or (rule.target == "CT" and "--notrack" in words(rule.text))
