"""A connection that a helper of conntrack would expect, were there a session that announces it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End
from lab.ruleset.conditions import without_texts
from lab.ruleset.describe import described
from lab.ruleset.held import HeldRule, reached, rules_of
from lab.why.case import Case
from lab.why.established import accepts

_SYN, _UDP = 0x02, 17
_DATA_PORTS = 1024  # what a session agrees on is no port of a service
_HELPER = re.compile(r"-j CT\b.*--helper (?P<one>\S+)|\bct helper set \"?(?P<other>[^\s\"]+)")


def helpers(case: Case) -> Iterator[Hint]:
    """What a row cannot ask with one packet: it is NEW, where the data connection of a session is RELATED."""
    path = case.verdict.path[-1] if case.verdict.path else None
    sent = case.verdict.observation.sent
    begins = sent.flags == _SYN or sent.proto == _UDP
    if not case.should_pass or path is None or path.end is not End.DROPPED or not begins or (sent.dport or 0) < _DATA_PORTS:
        return
    if case.verdict.observation.session is not None:
        return
    chains = case.chains(path.node)
    assigns = next((rule for rule in rules_of(chains, case.family) if helper_of(rule)), None)
    begun = {(chain.table, chain.name) for chain in chains.values() if chain.hook == path.steps[-1].hook}
    lets = next((rule for rule in reached(chains, begun, case.family) if accepts(rule, "RELATED")), None)
    if assigns is not None and lets is not None:
        yield Hint(
            f"{described(path.node, lets)} accepts RELATED, as which a data connection comes that the helper "
            f"{helper_of(assigns)} of a session expects ({described(path.node, assigns)}); "
            "this packet is of no session, and NEW"
        )


def helper_of(rule: HeldRule) -> str | None:
    """The helper that a rule gives a flow."""
    return helper_of_text(rule.text) if rule.is_native or rule.target == "CT" else None


def helper_of_text(text: str) -> str | None:
    """The helper that a rule with this text gives a flow."""
    found = _HELPER.search(without_texts(text))
    return None if found is None else found["one"] or found["other"]
