"""``lab marks``: which marks there are, where each is set, what asks for it, and where it leads."""

from __future__ import annotations

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.ASK, "Map the marks: where each is set, what asks, where it leads.")
def marks(
    matrix: o.Matrix = None, policy: o.Policies = None, topology: o.Topology = None,
    twin: o.Twins = None, addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None,
    backend: o.Backends = o.NFT, json: o.Json = None,
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """List each mark of packets and flows with the rules that set it and ask for it, and where a packet goes without it."""
    from lab.cli.given import Given, dumps
    from lab.cli.marking import map_and_report
    from lab.report.reports import marks_reports

    named, of = [matrix] if matrix else [], dumps(twin, addr, route, rule)
    given = Given(named, policy, topology, mend, allow_commands, shipped, without_macs, of)
    map_and_report(given, backend.backends, marks_reports(json))
