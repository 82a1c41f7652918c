"""A run as a JUnit file: a suite for each matrix, a case for each cell, the machine's provenance as properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from lab.record.result import CellResult, Outcome, RunResult, told_apart
from lab.report.annotations import file_and_line
from lab.report.detail import explain
from lab.report.failure import place
from lab.report.plain import plain, plain_lines


def junit_text(result: RunResult) -> str:
    """Return ``result`` as JUnit XML.

    A cell that behaved otherwise than expected is a failure, one whose measurement failed an error, and so is each
    problem that stopped a matrix, and a signal that stopped the run.  The property ``lab.exit`` is the exit code of the run.
    """
    root = Element("testsuites", name="netfilter-lab", time=f"{result.summary.seconds:.3f}")
    for matrix, cells in groupby(sorted(result.results, key=lambda cell: cell.matrix), key=lambda cell: cell.matrix):
        _suite(root, matrix, list(cells), result)
    if result.stops:
        _problems(root, result)
    for total in ("tests", "failures", "errors"):
        root.set(total, str(sum(int(suite.get(total, "0")) for suite in root)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def machine_properties(result: RunResult, matrix: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield what ``result`` was measured on as (dotted name, text): the machine, and the hashes of one matrix's rulesets.

    Sysctls are in the JSON results.
    """
    if result.provenance is None:
        return
    yield from flat_properties(result.provenance.machine.plain())
    loaded = None if matrix is None else result.provenance.matrices.get(matrix)
    if loaded is not None:
        for node, digest in loaded.rulesets.items():
            yield f"machine.rulesets.{node}", digest


def flat_properties(machine: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield what a machine is as (dotted name, text)."""
    for key, value in machine.items():
        yield f"machine.{key}", str(value)


def _suite(root: Element, matrix: str, cells: Sequence[CellResult], result: RunResult) -> None:
    errors = sum(cell.outcome is Outcome.ERROR for cell in cells)
    failures = sum(cell.outcome not in (Outcome.PASSED, Outcome.ERROR) for cell in cells)
    suite = SubElement(
        root, "testsuite", name=plain(matrix), tests=str(len(cells)), failures=str(failures), errors=str(errors),
        skipped="0", time=f"{sum(cell.probe_us for cell in cells) / 1e6:.6f}",
    )  # fmt: skip
    _properties(suite, [("lab.exit", str(result.exit_code)), *machine_properties(result, matrix)])
    for cell in cells:
        _case(suite, cell)


def _case(suite: Element, cell: CellResult) -> None:
    name = cell.id.removeprefix(f"{cell.matrix}::")
    seconds = f"{cell.probe_us / 1e6:.6f}"
    file, line = file_and_line(cell.where)
    case = SubElement(suite, "testcase", classname=plain(cell.matrix), name=plain(name), time=seconds, file=plain(file))
    if line is not None:
        case.set("line", line)
    marks = [("lab.verdict", str(cell.verdict.kind)), ("lab.outcome", str(cell.outcome)), ("lab.where", cell.where)]
    if (rule := cell.verdict.stopped_by or cell.verdict.rule) is not None:
        marks.append(("lab.rule", f"{rule}{place(rule)}"))
    marks += [("lab.burst", f"{told_apart(cell.bursts, one)}{one.passed} of {one.sent} passed") for one in cell.bursts]
    marks += [(f"lab.{word}", "true") for word, holds in (("suspect", cell.suspect), ("known", cell.known)) if holds]
    _properties(case, marks)
    if cell.outcome is not Outcome.PASSED:
        kind = "error" if cell.outcome is Outcome.ERROR else "failure"
        message = plain("; ".join(cell.differences) or str(cell.verdict))
        SubElement(case, kind, type=str(cell.outcome), message=message).text = explain(cell)
    elif cell.known or cell.suspect or cell.warnings or cell.notes:
        SubElement(case, "system-out").text = explain(cell)


def _problems(root: Element, result: RunResult) -> None:
    count = str(len(result.stops))
    suite = SubElement(root, "testsuite", name="lab", tests=count, failures="0", errors=count, skipped="0", time="0")
    _properties(suite, [("lab.exit", str(result.exit_code)), *machine_properties(result)])
    for number, problem in enumerate(result.stops, start=1):
        case = SubElement(suite, "testcase", classname="lab", name=f"problem {number}", time="0")
        if (where := problem.problem.where) is not None:
            case.set("file", plain(where.file))
            if where.line is not None:
                case.set("line", str(where.line))
            _properties(case, [("lab.where", str(where))])
        told = str(problem)
        SubElement(case, "error", type="problem", message=plain(told)).text = "\n".join(plain_lines(told))


def _properties(parent: Element, pairs: Sequence[tuple[str, str]]) -> None:
    properties = SubElement(parent, "properties")
    for name, value in pairs:
        SubElement(properties, "property", name=plain(name), value=plain(value))
