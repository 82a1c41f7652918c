"""What one command compared, of several policies: the reports of each, one behind the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich.console import Console

from lab.record.difference import DiffReport, DiffReports
from lab.record.result import RunProblem
from lab.report.annotations import notice, problem_command, workflow_command
from lab.report.diff import print_diff
from lab.report.diff_annotations import diff_annotation_lines
from lab.report.diff_markdown import MOST_CHARACTERS, diff_markdown
from lab.report.markup import prose
from lab.report.plain import plain
from lab.report.sarif import Sarif, diff_sarif


def print_diffs(found: DiffReports, console: Console, *, full: bool = False) -> None:
    """Print each report as `print_diff` has it, what stopped the others, and what does not differ at all."""
    _print(apart_lines(found), console)
    for number, report in enumerate(found.reports):
        _print([""] if number or found.apart else [], console)
        print_diff(report, console, full=full)
    _print((plain(str(problem)) for problem in found.problems), console)
    if found.same and not found.reports:
        told = ", ".join(map(plain, found.same))
        _print([f"nothing differs: {told} would load the same text, to the letter"], console)
    _print((f"note: {plain(note)}" for note in found.notes), console)


def _print(lines: Iterable[str], console: Console) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


def apart_lines(found: DiffReports) -> Iterator[str]:
    """What differs and cannot be asked, as only one side has it: this comes first."""
    yield from (f"NOT COMPARED  {plain(text)}" for text in found.apart)


def diffs_markdown(found: DiffReports) -> str:
    """Each report as a page, together of at most 60,000 characters; what is left out is counted."""
    problems = "".join(f"- {prose(str(problem))}\n" for problem in found.problems)
    apart = "".join(f"- **not compared**: {prose(text)}\n" for text in found.apart)
    if not found.reports:
        said = "did not finish" if found.problems else "not compared" if found.apart else "nothing"
        same = ", ".join(found.same)
        told = apart + (f"{prose(same)}: the same text.\n" if same else "")
        return f"## What the change changes: {said}\n\n{problems}{told}"
    pages = [apart] if apart else []
    for number, report in enumerate(found.reports):
        page = diff_markdown(report)
        if sum(map(len, pages)) + len(page) + len(problems) > MOST_CHARACTERS - 200:
            pages.append(f"\n{len(found.reports) - number} more policies differ: `lab diff` tells them all.\n")
            break
        pages.append(page)
    return "\n".join([*pages, problems] if problems else pages)


def diffs_sarif(found: DiffReports) -> Sarif:
    """Each report as a run of one document."""
    documents = [diff_sarif(report) for report in found.reports] or [diff_sarif(_nothing(found))]
    return {**documents[0], "runs": [run for document in documents for run in _runs(document)]}


def _runs(document: Sarif) -> list[object]:
    runs = document["runs"]
    assert isinstance(runs, list)
    return runs


def _nothing(found: DiffReports) -> DiffReport:
    return DiffReport("", "", "", "", problems=found.problems, exit_code=found.exit_code, interrupted=found.interrupted)


def diffs_annotations(found: DiffReports) -> list[str]:
    """The workflow commands of all reports."""
    lines = [problem_command(RunProblem(problem), "") for problem in found.problems]
    lines += [workflow_command("warning", [("title", "netfilter-lab")], f"not compared: {text}") for text in found.apart]
    lines += [line for report in found.reports for line in diff_annotation_lines(report)]
    return lines or [notice("no policy differs")]


def as_one(found: DiffReports) -> DiffReport:
    """All differences as those of one report, for who needs flows alone."""
    first = found.reports[0] if found.reports else _nothing(found)
    return replace(first, differences=tuple(one for report in found.reports for one in report.differences))
