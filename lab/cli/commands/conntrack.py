"""``lab conntrack FROM TO SERVICE``: the table of a node while flows are held open, or one that was printed on a host."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.ASK, "Print what a node tracks while flows are open, and sum it up.")
def conntrack(
    flows: Annotated[
        list[str] | None, Argument(metavar="[FROM TO SERVICE]...", help="Flows to hold open; by default the allow rows.")
    ] = None,
    at: Annotated[str | None, Option(metavar="NODE", help="Whose table; by default the node under test.")] = None,
    read: Annotated[
        str | None, Option(metavar="TABLE|-", help="Print what `conntrack -L` printed on a host, and build nothing.")
    ] = None,
    expression: Annotated[str | None, Option("-k", metavar="ID|EXPR", help="Of the rows those, as in lab run.")] = None,
    full: Annotated[bool, Option("--full", help="Print every entry, not the first 40.")] = False,
    matrix: o.Matrix = None, policy: o.Policies = None, topology: o.Topology = None,
    twin: o.Twins = None, addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None,
    family: o.EitherFamily = None, backend: o.Backends = o.NFT, json: o.Json = None,
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Hold flows open through the rules, and print the entries that a node tracks; or print a table of a real host."""
    from lab.cli.given import Given, Selection, dumps
    from lab.cli.tracking import Wanted, print_table

    of = dumps(twin, addr, route, rule)
    given = Given([matrix] if matrix else [], policy, topology, mend, allow_commands, shipped, without_macs, of)
    wanted = Wanted(tuple(flows or ()), o.families(family), at, read, full)
    print_table(given, Selection((family or o.BOTH).families, backend.backends, expression), wanted, json)
