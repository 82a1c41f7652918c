"""What else must hold of a cell whose verdict is right: rule, way, log, arrival, NAT, conntrack."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.path import Path, Rule
from lab.record.verdict import Verdict
from lab.written.cell import Cell
from lab.written.expect.key import About
from lab.written.expect.keys import KEYS


def all_differences(cell: Cell, verdict: Verdict) -> tuple[str, ...]:
    """Every way in which the verdict is not what the row says, one sentence each."""
    return (
        *_way(cell, verdict),
        *_by_keys(cell, verdict, of_passing=False),
        *_through(cell, verdict),
        *_logged(cell, verdict),
        *_by_keys(cell, verdict, of_passing=True),
        *_leaving(cell, verdict),
        *_conntrack(cell, verdict),
    )


def _way(cell: Cell, verdict: Verdict) -> Iterator[str]:
    if cell.expect.action == "allow" and all(path.node != cell.at for path in verdict.path):
        yield f"must be decided at {cell.at}, but its packets never came there"


def _by_keys(cell: Cell, verdict: Verdict, *, of_passing: bool) -> Iterator[str]:
    for key in KEYS:
        if (key.about is About.PASSING) is of_passing and (wanted := cell.expect.get(key)) is not None:
            yield from key.differences(wanted, cell, verdict)


def _rules_on(paths: tuple[Path, ...]) -> list[Rule]:
    return [step.rule for path in paths for step in path.steps if step.rule is not None]


def _through(cell: Cell, verdict: Verdict) -> Iterator[str]:
    met = {rule.comment for rule in _rules_on(verdict.path)}
    for comment in cell.expect.through:
        if comment not in met:
            yield f"must go through rule {comment}, but did not"


def _logged(cell: Cell, verdict: Verdict) -> Iterator[str]:
    wanted = cell.expect.logged
    if wanted is None:
        return
    seen = [rule.log_prefix for rule in _rules_on(verdict.path) if rule.log_prefix is not None]
    if wanted not in seen:
        others = f"; it met the prefixes {', '.join(map(repr, seen))}" if seen else ""
        yield f"must be logged with prefix {wanted!r}, but met no such LOG or NFLOG rule{others}"


def _leaving(cell: Cell, verdict: Verdict) -> Iterator[str]:
    wanted = cell.expect.leaves
    if wanted is None:
        return
    path = next((path for path in verdict.path if path.node == cell.at), None)
    if path is None:
        yield f"must leave {cell.at}, but was not seen there"
        return
    if wanted.via is not None and wanted.via != path.out:
        yield f"must leave {cell.at} via {wanted.via}, but left via {path.out}"
    if wanted.mark is not None and wanted.mark != path.mark:
        yield f"must leave {cell.at} with mark {wanted.mark}, but left with {path.mark}"


def _conntrack(cell: Cell, verdict: Verdict) -> Iterator[str]:
    wanted = cell.expect.conntrack
    if wanted is None:
        return
    entry = next((entry for entry in verdict.observation.conntrack if entry.node == cell.at), None)
    if entry is None:
        yield f"must have a conntrack entry at {cell.at}, but has none"
        return
    if wanted.state is not None and wanted.state != entry.state:
        yield f"conntrack state must be {wanted.state}, but is {entry.state}"
    if wanted.assured is not None and wanted.assured != ("ASSURED" in entry.status):
        yield f"conntrack must {'' if wanted.assured else 'not '}be ASSURED, but its status is {' '.join(entry.status)}"
    if wanted.mark is not None and wanted.mark != entry.mark:
        yield f"conntrack mark must be {wanted.mark}, but is {entry.mark}"
