"""``lab run``: matrices to verdicts and reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.ASK, "Run matrices: the verdict of each flow, and the rule behind it.")
def run(
    files: o.Files = None, matrix: o.Matrices = None, policy: o.Policies = None, topology: o.Topology = None,
    twin: o.Twins = None, addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None, family: o.Family = o.BOTH,
    expression: Annotated[str | None, Option("-k", metavar="ID|EXPR", help="Only this id, or: 'web and not mx'.")] = None,
    last_failed: Annotated[bool, Option("--lf", help="Only cells that failed when they were last run, if any did.")] = False,
    first: Annotated[bool, Option("-x", help="Stop at the first cell that fails.")] = False,
    strict: Annotated[bool, Option("--strict", help="Fail what is suspect or overdue.")] = False,
    shuffle: Annotated[int | None, Option(metavar="SEED", help="Run the cells in the order of this seed.")] = None,
    allow_commands: o.AllowCommands = False, backend: o.Backends = o.NFT, json: o.Json = None, markdown: o.Markdown = None,
    junit: o.Junit = None, annotations: o.Annotations = None, evidence: o.Evidence = None, key: o.EvidenceKey = None,
    ticket: o.Ticket = None, mend: o.Mend = False, without_macs: o.NoMacs = False, shipped: o.Shipped = False,
    allow_missing: o.AllowMissing = False, lab: o.OfLab = None,
    pcap: Annotated[Path | None, Option(metavar="DIR", help="Send failing cells again, captured into this folder.")] = None,
    durations: Annotated[int | None, Option(metavar="N", min=0, help="List the N slowest cells; 0: all.")] = None,
    verbose: Annotated[bool, Option("--verbose", "-v", help="Print the evidence of failures, and list all cells.")] = False,
    quiet: Annotated[bool, Option("--quiet", "-q", help="Print failures and the last line alone.")] = False,
    collect: Annotated[bool, Option("--collect", help="List the cells and stop; needs no kernel.")] = False,
) -> None:  # fmt: skip
    """Run matrices and report every flow with its verdict and the rule that decided."""
    from lab.cli.given import Given, Selection, dumps
    from lab.cli.running import Screen, list_cells, run_and_report
    from lab.run.runner import Order
    named, hosts = [*(files or ()), *(matrix or ())], dumps(twin, addr, route, rule)
    given, ids = Given(named, policy, topology, mend, allow_commands, shipped, without_macs, hosts, lab=lab).and_ids()
    chosen = Selection(family.families, backend.backends, expression, last_failed, ids)
    if collect:
        list_cells(given.plans(chosen)[0])
    else:
        screen, order = Screen(verbose, quiet, durations), Order(shuffle, strict, first, allow_missing)
        run_and_report(given, chosen, order, (json, junit, markdown, annotations), screen, pcap, (evidence, key, ticket))
