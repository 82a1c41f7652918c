"""Which rule of a path decided."""

from __future__ import annotations

from collections.abc import Iterable

from lab.record.path import End, Path, Rule

_FILTER_HOOKS = ("input", "forward", "output")


def deciding_rule(path: Path) -> Rule | None:
    """The rule or policy that dropped the packet, or that took it over; if none did, the terminal accept in the filter hook.

    None where no rule was asked: a node without rules, or a packet that vanished before its filter hook.

    >>> from lab.written.expect.example import PASSED
    >>> str(deciding_rule(PASSED.path[0])) == str(PASSED.rule)
    True
    """
    if path.end is End.DROPPED:
        return path.dropped_by
    if path.end is End.STOLEN:
        return path.taken_over_by
    accepts = [
        step.rule
        for step in path.steps
        if step.kind == "filter" and step.hook in _FILTER_HOOKS and step.accepts and step.rule is not None
    ]
    return accepts[-1] if accepts else None


def decided(paths: Iterable[Path]) -> tuple[tuple[str, Rule], ...]:
    """The deciding rule at every node of a packet's way.

    Where a rule took the packet over, and the node sent another in its place, that rule decided, unless it was dropped there.
    """
    found: list[tuple[str, Rule]] = []
    before: Path | None = None
    for path in paths:
        anew = before is not None and before.end is End.STOLEN and path.end is not End.DROPPED
        if not anew and (rule := deciding_rule(path)) is not None:
            found.append((path.node, rule))
        before = path
    return tuple(found)
