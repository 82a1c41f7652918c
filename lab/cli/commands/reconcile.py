"""``lab reconcile SNAPSHOT --policy POLICY``: what a host runs against what its policy says."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.ASK, "Hold what a host runs against its policy: drift, rule by rule.")
def reconcile(
    snapshot: Annotated[str, Argument(metavar="SNAPSHOT", help="What `lab snapshot` took, or rules; - reads it.")],
    policy: o.Policies = None,
    addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None,
    full: Annotated[bool, Option("--full", help="Print every class of flows.")] = False,
    family: o.Family = o.BOTH, backend: o.Backends = o.NFT, json: o.Json = None,
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False,
) -> None:  # fmt: skip
    """Tell which flows fare otherwise than the policy says, which rules to carry into it or to remove, and whose they are."""
    from lab.cli.given import Given, Selection, dumps
    from lab.cli.reconciling import reconcile_and_report
    from lab.report.reports import reconcile_reports

    of = dumps([snapshot], addr, route, rule)
    given = Given((), policy, None, mend, allow_commands, without_macs=without_macs, dumps=of)
    chosen = Selection(family.families, backend.backends)
    reconcile_and_report(given, chosen, reconcile_reports(json), full=full)
