"""What a change changes, as GitHub's workflow commands."""

from __future__ import annotations

from lab.record.difference import DiffReport


def diff_annotation_lines(report: DiffReport) -> list[str]:
    """``::error file=…,line=…,title=…::message`` lines, the gravest first."""
    return [f"::notice title=netfilter-lab::{len(report.differences)} classes of flows differ"]
