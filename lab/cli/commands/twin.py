"""``lab twin FILE``: a real host's snapshot or rules written out as topology, policy and a first matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.PREPARE, "Write a real host out as topology, policy and a first matrix.")
def twin(
    files: Annotated[list[str], Argument(metavar="FILE...", help="Snapshots (lab snapshot), or rules; - reads them.")],
    addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None,
    into: Annotated[Path, Option(metavar="DIR", help="The project's folder.")] = Path(),
    name: Annotated[str | None, Option(metavar="NAME", help="What the files are called; by default as the host.")] = None,
    backend: o.Backends = o.NFT, mend: o.Mend = False, without_macs: o.NoMacs = False,
) -> None:  # fmt: skip
    """Make topologies/NAME.yaml, each guess a comment at its line; policies/NAME.*; matrices/NAME.yaml: what is so today."""
    from lab.cli.given import Given, dumps
    from lab.cli.twinned import lay_out

    given = Given(mend=mend, without_macs=without_macs, dumps=dumps(files, addr, route, rule))
    lay_out(given, into, name, backend.backends[0])
