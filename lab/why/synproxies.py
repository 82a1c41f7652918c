"""A SYNPROXY that answers the client and never speaks to the server."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.observation import Milestone
from lab.record.path import End
from lab.record.verdict import Kind
from lab.why.case import Case
from lab.why.wording import with_text

_LOOSE = "net.netfilter.nf_conntrack_tcp_loose"
_TAKES_OVER = ("SYNPROXY", "synproxy")


def synproxies(case: Case) -> Iterator[Hint]:
    """It takes the client's ACK by its state INVALID, which it has only where conntrack picks no connection up (tcp_loose)."""
    verdict = case.verdict
    last = verdict.path[-1] if verdict.path else None
    if not case.should_pass or verdict.kind is not Kind.CONSUMED or last is None or last.end is not End.STOLEN:
        return
    rule = last.taken_over_by
    if rule is None or rule.target not in _TAKES_OVER or verdict.observation.stage is not Milestone.CONNECTED:
        return
    if case.sysctls.get(last.node, {}).get(_LOOSE) == "1":
        yield Hint(
            f"{with_text(rule)} answered the SYN, but conntrack took the sender's ACK for a connection in the midst, and so it "
            f"was not INVALID when it came to the rule: {_LOOSE} is 1 at {last.node}",
            f"`sysctls: {{{_LOOSE}: 0}}` in the topology, as on the host",
        )
