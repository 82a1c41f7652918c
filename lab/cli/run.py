"""``lab run``: matrices to verdicts and reports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.choices import NFT, BackendChoice, FamilyChoice, Shipped

Files = Annotated[list[Path] | None, typer.Argument(help="Matrix files or folders; without any, all of matrices/.")]


def run(
    files: Files = None,
    expression: Annotated[str | None, typer.Option("-k", help="Only cells whose id matches: 'web and not partner'.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="NODE=FILE: this policy in place of the matrix's.")] = None,
    topology: Annotated[str | None, typer.Option(help="Run on this topology in place of the matrix's.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail what is suspect or overdue.")] = False,
    shuffle: Annotated[int | None, typer.Option(help="Run the cells in the order of this seed.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the results as JSON.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the results as JUnit XML.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a summary as Markdown.")] = None,
    annotations: Annotated[Path | None, typer.Option(help="Write GitHub annotations at the template's lines.")] = None,
    pcap: Annotated[Path | None, typer.Option(help="Send failing cells again and capture them into this folder.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="List passed cells too.")] = False,
    collect: Annotated[bool, typer.Option("--collect", help="List the cells and stop; needs no kernel.")] = False,
    family: Annotated[FamilyChoice, typer.Option(help="Which family's cells to run.")] = FamilyChoice.BOTH,
    backend: Annotated[BackendChoice, typer.Option(help="Which iptables loads the rulesets; both compares them.")] = NFT,
    mend: Annotated[bool, typer.Option("--mend", help="Repair dumps (line ends, prose, `-d !`), listing each.")] = False,
    allow_commands: Annotated[bool, typer.Option("--allow-commands", help="Let policies run their own renderers.")] = False,
    shipped: Shipped = False,
) -> None:
    """Run matrices and report every flow with its verdict and the rule that decided."""
    from rich.console import Console

    from lab.cli.files import assignments, matrix_files
    from lab.kernel.privileges import enter
    from lab.kernel.tools import need
    from lab.report.console import print_run
    from lab.report.progress import progress_for
    from lab.report.write import Outputs, write_reports
    from lab.run.pcap import capture_failures
    from lab.run.plan import Choices, tools_for
    from lab.run.rulesets import Rendering
    from lab.run.runner import Order, make_plans
    from lab.run.runner import run as run_plans

    rendering = Rendering(mend=mend, allow_commands=allow_commands)
    choices = Choices(expression, assignments(policy or ()), topology, family.families, rendering, shipped)
    plans = make_plans(matrix_files(files or (), shipped=shipped), choices, backend.backends)
    if collect:
        for plan in plans:
            for cell in plan.cells:
                print(cell.id)
        return
    outputs = Outputs(json_file, junit, markdown, annotations)
    outputs.check(plan.file for plan in plans)
    for tool in tools_for(plans):
        need(tool)
    enter()
    console = Console()
    if console.width < 40:
        # a terminal that does not know its width
        console = Console(width=80)
    result = run_plans(plans, Order(shuffle, strict), progress_for(console))
    if pcap is not None:
        result = capture_failures(plans, result, pcap)
    print_run(result, console, verbose=verbose)
    write_reports(result, outputs)
    sys.exit(result.exit_code)
