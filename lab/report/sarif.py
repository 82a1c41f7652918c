"""What a change changes, as SARIF 2.1.0."""

from __future__ import annotations

from lab.record.difference import DiffReport


def diff_sarif(report: DiffReport) -> dict[str, object]:
    """The report as one run of a tool, with one result for each difference."""
    return {"version": "2.1.0", "runs": [{"results": [{} for _ in report.differences]}]}
