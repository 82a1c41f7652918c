"""``lab tail``: what the rules log of each flow, a line of JSON a packet; of a lab that is up, what happens there."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.ASK, "Run matrices and print each packet that is logged, as JSON.")
def tail(
    files: o.Files = None, matrix: o.Matrices = None, policy: o.Policies = None, topology: o.Topology = None,
    twin: o.Twins = None, addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None, family: o.Family = o.BOTH,
    expression: Annotated[str | None, Option("-k", metavar="ID|EXPR", help="Only this id, or: 'web and not mx'.")] = None,
    last_failed: Annotated[bool, Option("--lf", help="Only cells that failed when they were last run, if any did.")] = False,
    allow_commands: o.AllowCommands = False, backend: o.Backends = o.NFT, mend: o.Mend = False,
    without_macs: o.NoMacs = False, shipped: o.Shipped = False,
    node: Annotated[str | None, Option(metavar="NODE", help="Of a lab that is up: at this node alone.")] = None,
    top: Annotated[bool, Option("--top", help="Of a lab that is up: who is denied most.")] = False,
    json: Annotated[bool, Option("--json", help="Of a lab that is up: lines of JSON.")] = False,
    count: o.Count = None,
) -> None:  # fmt: skip
    """Run matrices and print a line of JSON for each packet that a LOG or NFLOG rule logged, flow by flow.

    Of a lab that is up (its name in place of files), print each packet that is denied or logged, as it happens.
    """
    from lab.cli.live import lab_to_tail, tail_lab

    if (up := lab_to_tail(files or (), meant=bool(node or top or json or count))) is not None:
        tail_lab(up, node, json=json, top=top, count=count)
    from lab.cli.given import Given, Selection, dumps
    from lab.cli.tailing import tail_and_print

    named, hosts = [*(files or ()), *(matrix or ())], dumps(twin, addr, route, rule)
    given, ids = Given(named, policy, topology, mend, allow_commands, shipped, without_macs, hosts).and_ids()
    tail_and_print(given, Selection(family.families, backend.backends, expression, last_failed, ids))
