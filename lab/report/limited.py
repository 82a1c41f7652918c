"""What comes beyond a limiter, in words."""

from __future__ import annotations

from lab.record.verdict import Kind, Verdict
from lab.report.plain import plain

A_LIMIT = "a limit"
_MET = {Kind.ALLOWED: "let through", Kind.CLOSED: "let through", Kind.UNANSWERED: "not answered"}


def beyond_text(limit: str | None, beyond: Verdict) -> str:
    """``25/second burst 50; beyond that dropped by gateway filter:syn_flood:2``."""
    by = f" by {beyond.rule}" if beyond.rule is not None else f" at {beyond.node}" if beyond.node is not None else ""
    return plain(f"{limit or A_LIMIT}; beyond that {_MET.get(beyond.kind, str(beyond.kind))}{by}")
