"""What a host runs against its policy, as a person reads it: emergencies first, then what to carry over or to remove."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.reconciled import Moved, OtherPolicy, Reconciled, Reworded, Unloaded, Unwritten
from lab.report.plain import plain


def reconciled_lines(found: Reconciled) -> Iterator[str]:
    """The lines; one says that nothing differs where nothing does."""
    by_hand = [one for one in found.unwritten if one.writer is None]
    sections = (
        ("EMERGENCY RULES without owner, ticket and date", [_unowned(one) for one in found.unowned]),
        ("running, and not in the policy: carry into it, or remove from the host",
         [_unwritten(one) for one in by_hand if not one.is_unowned]),
        ("in the policy, and not running: load it, or take it out of the policy", [_unloaded(one) for one in found.unloaded]),
        ("elsewhere among the rules of its chain", [_moved(one) for one in found.moved]),
        ("chain policies", [_policy(one) for one in found.policies]),
        ("comments", [_reworded(one) for one in found.reworded]),
    )  # fmt: skip
    for heading, lines in sections:
        if lines:
            yield f"{heading} ({len(lines)}):"
            yield from (f"  {plain(line)}" for line in lines)
    if found.is_clean:
        yield "the host runs what its policy says"
    writers = sorted({one.writer for one in found.unwritten if one.writer is not None})
    if writers:
        count = sum(one.writer is not None for one in found.unwritten)
        yield plain(f"{count} rules that {', '.join(writers)} wrote are left aside")
    rules = "rule is" if found.same == 1 else "rules are"
    yield f"{found.same} {rules} in both alike"


def _unowned(one: Unwritten) -> str:
    wrong = f"its date {one.review} is past" if one.overdue else ""
    lacking = f"no {' and no '.join(one.lacks)}" if one.lacks else ""
    return f"{one.place}  {one.text}  [{', '.join(filter(None, (lacking, wrong)))}]"


def _unwritten(one: Unwritten) -> str:
    to = f"behind {one.behind}" if one.behind is not None else "before the others of its chain"
    return f"{one.place}  {one.text}  [{one.owner} {one.ticket}, until {one.review}; {to}]"


def _unloaded(one: Unloaded) -> str:
    return f"{one.source or one.place}  {one.text}"


def _moved(one: Moved) -> str:
    return f"{one.place}  {one.text}  [in the policy number {one.number}{f', {one.source}' if one.source else ''}]"


def _policy(one: OtherPolicy) -> str:
    running, written = (word or "none" for word in (one.running, one.written))
    return f"{one.family} {one.table}:{one.chain}  {running} on the host, {written} in the policy"


def _reworded(one: Reworded) -> str:
    return f"{one.place}  {one.text}  [in the policy {one.written or 'without a comment'!r}]"
