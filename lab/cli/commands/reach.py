"""``lab reach --service tcp/22``: which addresses reach which by a service, all of both ends in classes, and by which rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.ASK, "Say which addresses reach which by a service: its matrix.")
def reach(
    matrix: Annotated[Path | None, Argument(metavar="[FILE]", help="A matrix file, for its topology and policies.")] = None,
    service: Annotated[
        list[str] | None, Option("--service", metavar="SERVICE", help="tcp/22,80: a matrix of each; repeatable.")
    ] = None,
    policy: o.Policies = None, topology: o.Topology = None,
    twin: o.Twins = None, addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None, family: o.Family = o.BOTH,
    every_class: Annotated[
        bool, Option("--every-class", help="Tell addresses apart by all rules, also those that are not about the service.")
    ] = False,
    full: Annotated[bool, Option("--full", help="Print every group with all its addresses, and every way.")] = False,
    json: o.Json = None,
    against: Annotated[
        Path | None, Option(metavar="FILE", help="Compare with what --json wrote; 1 if more is reached now.")
    ] = None,
    svg: Annotated[Path | None, o.report("--svg", what="the matrices as a picture")] = None,
    backend: o.Backends = o.NFT, mend: o.Mend = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
    without_macs: o.NoMacs = False,
) -> None:  # fmt: skip
    """Ask every class of addresses of the one end for every class of the other, and join those that fare alike."""
    from lab.cli.given import Given, Selection, dumps
    from lab.cli.reaching import Wanted, measure_and_report
    from lab.report.reports import reach_reports

    of = dumps(twin, addr, route, rule)
    given = Given([matrix] if matrix else [], policy, topology, mend, allow_commands, shipped, without_macs, of)
    wanted = Wanted(tuple(service or ()), every_class, against)
    reports = reach_reports(json, svg, against=against)
    measure_and_report(given, Selection(family.families, backend.backends), wanted, reports, full=full)
