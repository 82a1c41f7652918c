"""What a change changes, as GitHub's workflow commands: each group of flows at the line of the rule that decides it now."""

from __future__ import annotations

from lab.record.difference import DiffReport
from lab.record.result import RunProblem
from lab.report.annotations import file_and_line, in_repository, notice, problem_command, workflow_command
from lab.report.diff_groups import Group, answer, failed_rows, groups, row_outcome
from lab.report.differences import CLOSES, OPENS, between, service, size, told

_LEVELS = {OPENS: "error", CLOSES: "warning"}
_SAYS = {OPENS: "opens", CLOSES: "closes"}
_MOST_NAMED = 10


def diff_annotation_lines(report: DiffReport, *, prefix: str = "") -> list[str]:
    """``::error file=…,line=…,title=…::message`` lines, what opens first, one for each place and kind.

    They stand at the new rule's line, or at the old one's where that has none; opening is an error, closing a warning, the
    rest, and all that is intended, a notice.  ``prefix`` goes before each relative file, as in `annotation_lines`.
    """
    places: dict[tuple[str | None, str, bool], list[Group]] = {}
    for group in groups(report.differences, report.node):
        places.setdefault((place_of(group), group.mark, group.intended is not None), []).append(group)
    lines = [problem_command(RunProblem(problem), prefix) for problem in report.problems]
    failed = (f"{word}: {row_outcome(row)}" for word, row in failed_rows(report))
    lines += [workflow_command("error", [("title", "netfilter-lab")], text) for text in failed]
    lines += [_annotation(place, these, prefix) for (place, _, _), these in places.items()]
    return [*lines, *map(notice, (*report.notes, answer(report)))]


def place_of(group: Group) -> str | None:
    """File and line of the new rule, or of the old one where that has none."""
    return next((rule.source for rule in (group.new, group.old) if rule is not None and rule.source), None)


def level_of(group: Group) -> str:
    """``error`` where it opens, ``warning`` where it closes, else ``notice``; what is intended is a notice."""
    return "notice" if group.intended is not None else _LEVELS.get(group.mark, "notice")


def message_of(group: Group) -> str:
    """What became of its flows, and the first of them."""
    rows = [f"  {between(one)} {service(one)} {size(one.of)}".rstrip() for one in group.ones[:_MOST_NAMED]]
    left = len(group.ones) - len(rows)
    more = [f"  and {left:,} more classes"] if left > 0 else []
    asked = [f"as intended by {group.intended}"] if group.intended is not None else []
    return "\n".join((f"was {told(group.was)}", f"now {told(group.now)}", *asked, *rows, *more))


def title_of(group: Group, count: int) -> str:
    """``opens: 3 classes of flows``."""
    return f"{_SAYS.get(group.mark, group.mark)}: {count:,} {'class' if count == 1 else 'classes'} of flows"


def _annotation(place: str | None, these: list[Group], prefix: str) -> str:
    file, line = file_and_line(place) if place is not None else (None, None)
    title = title_of(these[0], sum(len(group.ones) for group in these))
    where = [("file", file and in_repository(file, prefix)), ("line", line), ("title", title)]
    messages = [message_of(group) for group in these[:_MOST_NAMED]]
    if left := len(these) - len(messages):
        messages.append(f"and {left:,} more pairs of rules")
    return workflow_command(level_of(these[0]), where, "\n".join(messages))
