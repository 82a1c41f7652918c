"""``lab audit``: the questions of an auditor on one page, answered by the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.ASK, "Answer an auditor: what is open, whose, overdue, logged.")
def audit(
    files: o.Files = None, matrix: o.Matrices = None, policy: o.Policies = None,
    topology: Annotated[
        str | None, Option(metavar="NAME|FILE", help="This one: with the matrices about it, or with --policy alone.")
    ] = None,
    twin: o.Twins = None, addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None,
    sender: Annotated[list[str] | None, Option("--from", metavar="WORD", help="Who is outside, if not the internet.")] = None,
    evidence: Annotated[Path | None, Option(metavar="FILE", help="What a run wrote with --json: the last rehearsal.")] = None,
    family: o.Family = o.BOTH, backend: o.Backends = o.NFT, json: o.Json = None, markdown: o.Markdown = None,
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Say what is reachable from outside, by whose rule, which exceptions are overdue, and which denied flows are logged."""
    from lab.cli.auditing import Wanted, audit_and_report
    from lab.cli.given import Given, Selection, dumps
    from lab.report.reports import audit_reports

    of = dumps(twin, addr, route, rule)
    given = Given([*(files or ()), *(matrix or ())], policy, None, mend, allow_commands, shipped, without_macs, of)
    chosen = Selection(family.families, backend.backends)
    audit_and_report(given, chosen, Wanted(topology, sender or [], evidence), audit_reports(json, markdown))
