"""``lab run``: matrices to verdicts and reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.choices import NFT, BackendChoice, FamilyChoice, Shipped

if TYPE_CHECKING:
    from rich.console import Console

    from lab.errors import LabError
    from lab.prepare.plan import Plan
    from lab.record.result import RunResult
    from lab.run.runner import Order

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
    from lab.cli.ending import Failure, finish, reported
    from lab.record.result import no_result
    from lab.report.write import Outputs

    outputs = Outputs(json_file, junit, markdown, annotations)
    inputs = [*(files or ()), *(Path(one.partition("=")[2]) for one in policy or ()), *([Path(topology)] if topology else [])]

    def failed(failure: Failure) -> None:
        if not collect:
            told = no_result(failure.problems, failure.exit_code, interrupted=failure.interrupted)
            outputs.write(told, sparing=inputs)

    with reported(failed):
        outputs.check(inputs)
        if not collect:
            # before anything that takes time: what kills the lab from now on leaves no report of yesterday
            outputs.begin()
        from lab.cli.files import assignments, matrix_files
        from lab.prepare.plan import Choices
        from lab.prepare.policies import Rendering
        from lab.run.runner import Order, inputs_of, make_plans

        rendering = Rendering(mend=mend, allow_commands=allow_commands)
        choices = Choices(expression, assignments(policy or ()), topology, family.families, rendering, shipped)
        unforeseen: list[LabError] = []
        matrices = matrix_files(files or (), shipped=shipped)
        inputs += matrices
        outputs.check(inputs)
        plans = make_plans(matrices, choices, backend.backends, unforeseen)
        if collect:
            for plan in plans:
                for cell in plan.cells:
                    print(cell.id)
            return
        inputs += inputs_of(plans)
        outputs.check(inputs)
        result, console = _measured(plans, Order(shuffle, strict), unforeseen, pcap)

    from lab.report.console import print_run

    finish(result.exit_code, lambda: outputs.write(result), lambda: print_run(result, console, verbose=verbose))


def _measured(
    plans: Sequence[Plan], order: Order, before: Sequence[LabError], pcap: Path | None
) -> tuple[RunResult, Console]:
    from rich.console import Console

    from lab.cli.printed import coloured_output
    from lab.kernel.ground.privileges import enter
    from lab.kernel.ground.tools import need
    from lab.prepare.plan import tools_for
    from lab.report.progress import progress_for
    from lab.run.after.pcap import capture_failures
    from lab.run.runner import run as run_plans

    for tool in tools_for(plans):
        need(tool)
    enter()
    console = Console(file=coloured_output())
    if console.width < 40:
        # a terminal that does not know its width
        console = Console(file=coloured_output(), width=80)
    result = run_plans(plans, order, progress_for(console), before)
    if pcap is not None and not result.interrupted:
        result = capture_failures(plans, result, pcap)
    return result, console
