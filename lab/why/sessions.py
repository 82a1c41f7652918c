"""A data connection that conntrack could not tell from any other, as nobody read what the control connection announced."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import Path, Rule, rules_on
from lab.record.session import Session
from lab.record.verdict import Kind
from lab.ruleset.describe import described
from lab.ruleset.held import HeldRule, reached, rules_of
from lab.why.case import Case
from lab.why.established import accepts
from lab.why.helpers import assigning, helper_of, helper_of_text

_UNTOLD = "{node} translates the connection, and not the addresses that its ends announce"
_STOPPED = (Kind.DROPPED, Kind.REJECTED, Kind.UNROUTED)


def sessions(case: Case) -> Iterator[Hint]:
    """That the helper is missing, or that nothing accepts what it expects; and the rule that would do so."""
    session = case.verdict.observation.session
    if session is None or not case.should_pass:
        return
    control = session.control or case.verdict.observation
    if session.control is None:
        if session.refused and (at := _unhelped(control.request)) is not None:
            yield _missing(case, session, at, _UNTOLD.format(node=at.node))
        return
    stopped = next((path for path in control.request if path.node == case.verdict.node), None)
    if case.verdict.kind not in _STOPPED:
        return
    if stopped is None:
        if (at := _unhelped(control.request)) is not None:
            yield _missing(case, session, at, _UNTOLD.format(node=at.node))
    elif not _helped(stopped):
        yield _missing(case, session, stopped, f"to {stopped.node} its data is NEW, and nothing that was announced")
    else:
        yield from _not_accepted(case, stopped)


def _unhelped(ways: tuple[Path, ...]) -> Path | None:
    """The first node that translated the connection, and gave it no helper."""
    return next((way for way in ways if not _helped(way) and _is_translated(way)), None)


def _is_translated(path: Path) -> bool:
    left = path.exit
    return left is not None and (left.source, left.destination) != (path.entry.source, path.entry.destination)


def _helped(path: Path) -> Rule | None:
    return next((rule for rule in rules_on((path,)) if helper_of_text(rule.text)), None)


def _missing(case: Case, session: Session, path: Path, why: str) -> Hint:
    name, port = session.service.partition("/")[0], path.entry.dport
    others = [rule for rule in rules_of(case.chains(path.node), case.family) if helper_of(rule) is not None]
    passed_by = f" ({described(path.node, others[0])} gives one, and this connection did not match it)" if others else ""
    first = "read request" if name == "tftp" else "control connection"
    what = f"the helper {name} is missing: no rule of {path.node} gives it to the {first}{passed_by}; {why}"
    made_here = bool(path.steps) and path.steps[0].hook == "output"
    return Hint(what, assigning(case, path.node, name, port, path.entry.proto, made_here=made_here))


def _not_accepted(case: Case, control: Path) -> Iterator[Hint]:
    """Where the helper is there, and no rule lets in what it expects."""
    assigns = _helped(control)
    last = case.verdict.path[-1] if case.verdict.path else None
    if assigns is None or last is None or not last.steps:
        return
    chains = case.chains(control.node)
    begun = {(chain.table, chain.name) for chain in chains.values() if chain.hook == last.steps[-1].hook}
    lets: list[HeldRule] = [rule for rule in reached(chains, begun, case.family) if accepts(rule, "RELATED")]
    if not lets:
        yield Hint(
            f"{assigns} gives the session its helper, so that its data is RELATED, and no rule of "
            f"{last.steps[-1].hook} at {control.node} accepts that",
            "accept RELATED beside ESTABLISHED",
        )
