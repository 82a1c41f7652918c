"""``lab diff OLD NEW``: what a change changes, flow by flow, each proven on both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.CHANGE, "Say what a change changes: the flows that fare otherwise, proven.")
def diff(
    old: Annotated[str | None, Argument(metavar="OLD|REVISION", help="Rules, a snapshot, a policy; or a revision.")] = None,
    new: Annotated[str | None, Argument(metavar="NEW", help="As OLD; without it OLD is a revision of git.")] = None,
    change: Annotated[Path | None, Option(metavar="FILE", help="What it is for: changes/CHG-1.yaml.")] = None,
    seen: Annotated[Path | None, Option(metavar="FILE", help="Live flows: what `conntrack -L` prints, or a pcap.")] = None,
    matrix: o.Matrix = None, topology: o.Topology = None,
    node: Annotated[str | None, Option(metavar="NODE", help="The node that holds OLD, then NEW.")] = None,
    twin: o.Twins = None, addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None,
    full: Annotated[bool, Option("--full", help="Print every class, and what was proposed and denied.")] = False,
    family: o.Family = o.BOTH, backend: o.Backends = o.NFT,
    json: o.Json = None, markdown: o.Markdown = None, annotations: o.Annotations = None,
    sarif: o.Sarif = None, evidence: o.Evidence = None, key: o.EvidenceKey = None, ticket: o.Ticket = None,
    client_script: Annotated[Path | None, o.report("--client-script", what="a script for real clients")] = None,
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Compare two rulesets, or policies with what git has, and list the flows that the kernel treats differently."""
    from lab.cli.differing import Wanted, diff_and_report
    from lab.cli.given import Given, Selection, dumps
    from lab.report.reports import diff_reports

    of, words = dumps(twin, addr, route, rule, alone=True), [word for word in (old, new) if word is not None]
    given = Given([matrix] if matrix else [], None, topology, mend, allow_commands, shipped, without_macs, of)
    reports = diff_reports(json, markdown, sarif, annotations, client_script)
    wanted = Wanted(words, node, change, seen, full)
    diff_and_report(given, Selection(family.families, backend.backends), wanted, reports, (evidence, key, ticket))
