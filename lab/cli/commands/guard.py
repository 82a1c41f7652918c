"""``lab guard changes/CHG-1.yaml``: the script that makes a change on the real host, tried before it is printed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.CHANGE, "Print the script for the real host: apply, timer, token, rollback.")
def guard(
    change: Annotated[Path, Argument(help="The change file: changes/CHG-1.yaml.")],
    node: Annotated[str | None, Option(metavar="NODE", help="Of a change of several nodes this one.")] = None,
    output: Annotated[Path, o.report("-o", what="the script")] = Path("-"),
    backend: o.Backends = o.NFT,
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Try the script of a change in the lab in every way that its window may go, and print it if it holds."""
    from lab.cli.given import Given
    from lab.cli.guarding import guard_and_print
    from lab.report.reports import guard_reports

    given = Given((), None, None, mend, allow_commands, shipped, without_macs)
    guard_and_print(given, change, node, backend.backends, guard_reports(output))
