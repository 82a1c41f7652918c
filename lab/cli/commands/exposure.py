"""``lab exposure``: which node and port answers to whom, by which rule, and who answers for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.ASK, "List what is open between all zones, and who answers for it.")
def exposure(
    files: o.Files = None, matrix: o.Matrices = None, policy: o.Policies = None,
    topology: Annotated[
        str | None, Option(metavar="NAME|FILE", help="This one: with the matrices about it, or with --policy alone.")
    ] = None,
    twin: o.Twins = None, addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None,
    sender: Annotated[list[str] | None, Option("--from", metavar="WORD", help="Only from this network or end.")] = None,
    target: Annotated[list[str] | None, Option("--to", metavar="WORD", help="Only to this network or end.")] = None,
    family: o.Family = o.BOTH,
    every_port: Annotated[bool, Option("--every-port", help="Send every port, also where one speaks for all.")] = False,
    full: Annotated[bool, Option("--full", help="Print every pair, as soon as it is done.")] = False,
    json: Annotated[Path | None, o.report("--json", "--save", what="the results as JSON, for --against")] = None,
    markdown: o.Markdown = None,
    against: Annotated[
        Path | None, Option(metavar="FILE", help="Compare with what --json wrote; 1 if more is exposed now.")
    ] = None,
    backend: o.Backends = o.NFT, mend: o.Mend = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
    without_macs: o.NoMacs = False,
) -> None:  # fmt: skip
    """Ask every port of both protocols between all zones, and list what is open, by which rule."""
    from lab.cli.exposing import Wanted, measure_and_report
    from lab.cli.given import Given, Selection, dumps
    from lab.report.reports import exposure_reports

    of = dumps(twin, addr, route, rule)
    given = Given([*(files or ()), *(matrix or ())], policy, None, mend, allow_commands, shipped, without_macs, of)
    chosen = Selection(family.families, backend.backends)
    wanted = Wanted(topology, sender or (), target or (), every_port, against)
    measure_and_report(given, chosen, wanted, exposure_reports(json, markdown, against=against), full=full)
