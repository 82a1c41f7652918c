"""What a change changes, as Markdown for a pull request."""

from __future__ import annotations

from lab.record.difference import DiffReport


def diff_markdown(report: DiffReport) -> str:
    """The report as GitHub-flavoured Markdown of at most 60,000 characters; nothing of a file is taken for markup."""
    return f"## What the change changes: {len(report.differences)} classes of flows\n"
