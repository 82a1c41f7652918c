"""What a change changes, as SARIF 2.1.0 (OASIS): a result for each difference, at the line of the rule that decides it now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import quote

from lab import __version__
from lab.record.difference import Difference, DiffReport
from lab.record.path import Rule
from lab.report.annotations import file_and_line
from lab.report.diff_groups import Group, failed_rows, groups, how, row_outcome
from lab.report.differences import CLOSES, OPENS, between, flow_text, service, size, told
from lab.report.plain import plain

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_RULES = {
    OPENS: ("opens", "A flow that was denied is allowed.", "error"),
    CLOSES: ("closes", "A flow that was allowed is denied.", "warning"),
    "ANSWER": ("answer", "A flow is answered otherwise.", "note"),
    "REFUSAL": ("refusal", "A flow is refused otherwise: dropped, or rejected in another way.", "note"),
    "NAT": ("translation", "A flow is translated otherwise.", "note"),
    "WAY": ("way", "A flow gets another mark, or leaves by another interface.", "note"),
    "LOG": ("log", "A flow is logged otherwise.", "note"),
    "RULE": ("rule", "Another rule decides a flow, as before.", "note"),
}
"""By the mark of a group: the rule's id, what it says, and the level of its results (SARIF 2.1.0, 3.27.10)."""
Sarif = dict[str, object]


def diff_sarif(report: DiffReport) -> Sarif:
    """The report as one run of a tool, as GitHub's code scanning and others take it.

    What is intended is a ``note``; what stopped the comparison, or is not proven, is a notification of the run.
    """
    results = [_result(group, one) for group in groups(report.differences, report.node) for one in group.ones]
    run: Sarif = {
        "tool": {"driver": {"name": "netfilter-lab", "version": __version__, "rules": list(_rules())}},
        "invocations": [_invocation(report)],
        "columnKind": "unicodeCodePoints",
        "properties": {"old": plain(report.old), "new": plain(report.new), "reached": how(report.reached)},
        "results": results,
    }
    return {"version": "2.1.0", "$schema": _SCHEMA, "runs": [run]}


def _rules() -> Iterator[Sarif]:
    for name, said, level in _RULES.values():
        yield {"id": name, "shortDescription": {"text": said}, "defaultConfiguration": {"level": level}}


def _invocation(report: DiffReport) -> Sarif:
    said = [("error", str(problem)) for problem in report.problems]
    said += [("error", f"{word}: {row_outcome(row)}") for word, row in failed_rows(report)]
    said += [("warning", f"not proven: {lost}") for lost in report.lost]
    said += [("note", note) for note in report.notes]
    notifications = [{"level": level, "message": {"text": plain(text)}} for level, text in said]
    finished = not report.problems and not report.interrupted
    return {
        "executionSuccessful": finished, "exitCode": report.exit_code, "toolExecutionNotifications": notifications,
    }  # fmt: skip


def _result(group: Group, one: Difference) -> Sarif:
    name, _, level = _RULES[group.mark]
    asked = f" As intended by {plain(group.intended)}." if group.intended is not None else ""
    class_ = " ".join(words for words in (between(one), service(one), size(one.of)) if words)
    text = f"{class_}: was {told(group.was)}; now {told(group.now)}. Shown by {flow_text(one.flow)}.{asked}"
    rule = next((rule for rule in (group.new, group.old) if rule is not None and rule.source), group.new or group.old)
    return {
        "ruleId": name,
        "ruleIndex": list(_RULES).index(group.mark),
        "level": "note" if group.intended is not None else level,
        "message": {"text": text},
        "locations": [_location(rule)] if rule is not None else [],
        "partialFingerprints": {"netfilter-lab/flow": plain(f"{name} {one.flow}")},
    }


def _location(rule: Rule) -> Sarif:
    """Where it is written, if anybody knows, and what it is called."""
    called: Sarif = {"logicalLocations": [{"fullyQualifiedName": plain(f"{rule.node}/{rule.place}"), "kind": "member"}]}
    if not rule.source:
        return called
    file, line = file_and_line(rule.source)
    region: Sarif = {"region": {"startLine": int(line)}} if line is not None and int(line) > 0 else {}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, **region}, **called}


def _uri(file: str) -> str:
    """A file as RFC 3986 has it: relative, or ``file:///…``."""
    path = PurePosixPath(file)
    quoted = quote(str(path), errors="replace")
    return f"file://{quoted}" if path.is_absolute() else quoted
