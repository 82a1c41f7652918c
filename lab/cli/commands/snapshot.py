"""``lab snapshot``: the script that takes a snapshot of a real host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import BadParameter, Option

from lab.cli.command import Job, command


@command(Job.PREPARE, "Print the script that takes a snapshot of a real host, read-only.")
def snapshot(
    conntrack: Annotated[bool, Option("--conntrack", help="Have it take the tracked flows too.")] = False,
    pseudonymise: Annotated[
        Path | None, Option(metavar="FILE", help="Print this snapshot with other addresses in it, prefixes kept.")
    ] = None,
    key: Annotated[
        Path | None, Option(metavar="FILE", help="The key of the pseudonyms: the same one for hosts that belong together.")
    ] = None,
) -> None:
    """Print a POSIX shell script: lab snapshot | ssh root@gw sh > gw.json. It changes nothing on the host."""
    from lab.report.printed import print_machine_readable
    from lab.twin.pseudonymised import key_in, new_key, pseudonymised
    from lab.twin.script import snapshot_script

    if pseudonymise is None:
        if key is not None:
            raise BadParameter("it belongs to --pseudonymise", param_hint="--key")
        print_machine_readable(snapshot_script(conntrack=conntrack))
    elif conntrack:
        raise BadParameter("it is for the script, and says nothing of a snapshot that is there", param_hint="--conntrack")
    else:
        print_machine_readable(pseudonymised(pseudonymise, new_key() if key is None else key_in(key)))
