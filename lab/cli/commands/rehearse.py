"""``lab rehearse changes/CHG-1.yaml``: the window of a change, from the baseline to confirmed or rolled back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.CHANGE, "Rehearse a change: apply, confirm or roll back while flows run.")
def rehearse(
    changes: Annotated[list[Path] | None, Argument(help="Change files or folders; without any, all of changes/.")] = None,
    backend: o.Backends = o.NFT,
    trials: Annotated[bool, Option("--trials/--no-trials", help="Try the rollback in every way too.")] = True,
    json: o.Json = None, markdown: o.Markdown = None,
    svg: Annotated[Path | None, o.report("--svg", what="a plot of the window as SVG")] = None,
    evidence: o.Evidence = None, key: o.EvidenceKey = None, ticket: o.Ticket = None,
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Play the window of a change in the lab, and say what got through, what broke, and whether the rollback holds."""
    from lab.cli.given import Given, Selection
    from lab.cli.rehearsing import rehearse_and_report
    from lab.report.reports import rehearse_reports

    given = Given(changes or (), None, None, mend, allow_commands, shipped, without_macs)
    chosen = Selection((4, 6), backend.backends)
    rehearse_and_report(given, chosen, rehearse_reports(json, markdown, svg), (evidence, key, ticket), trials=trials)
