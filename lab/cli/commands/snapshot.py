"""``lab snapshot``: the script that takes a snapshot of a real host."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from lab.cli.command import Job, command


@command(Job.PREPARE, "Print the script that takes a snapshot of a real host, read-only.")
def snapshot(
    conntrack: Annotated[bool, Option("--conntrack", help="Have it take the tracked flows too.")] = False,
) -> None:
    """Print a POSIX shell script: lab snapshot | ssh root@gw sh > gw.json. It changes nothing on the host."""
    from lab.report.printed import print_machine_readable
    from lab.twin.script import snapshot_script

    print_machine_readable(snapshot_script(conntrack=conntrack))
