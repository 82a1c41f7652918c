"""A translation that had no free port, or address, left to give."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import Path, Rule
from lab.record.verdict import Kind
from lab.why.case import Case
from lab.why.wording import with_text

_FAILED = "insert_failed"


def exhausted(case: Case) -> Iterator[Hint]:
    """The entry of a translated flow could not be told from another's, so conntrack took the packet (nf_conntrack_confirm)."""
    seen = case.verdict.observation
    if case.verdict.kind is not Kind.CONSUMED or not case.verdict.path:
        return
    path = case.verdict.path[-1]
    counted = any(loss.node == path.node and loss.counter == _FAILED for loss in seen.losses)
    rule = _translation(path) if counted else None
    if rule is None:
        return
    which = "source" if rule.translates == "source" else "destination"
    end = (path.exit or path.head(-1)).end_point(which)
    yield Hint(
        f"{with_text(rule)} had no free port left for it: {end}, which it was given, is in use by another flow to the same "
        "end, and no other of its range is free",
        "give it more ports or addresses (`--to-source A-B`, no `:PORTS`), or let flows that are over go sooner "
        "(net.netfilter.nf_conntrack_*_timeout)" if not rule.is_native else
        "give it more ports or addresses (`snat to A-B`), or let flows that are over go sooner "
        "(net.netfilter.nf_conntrack_*_timeout)",
    )


def _translation(path: Path) -> Rule | None:
    return path.translated_by[-1] if path.translated_by else None
