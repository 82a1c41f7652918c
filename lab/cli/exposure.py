"""``lab exposure``: which node and port answers to whom, by which rule, and who answers for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.choices import NFT, BackendChoice, FamilyChoice, Shipped

if TYPE_CHECKING:
    from lab.prepare.plan import Plan
    from lab.record.exposure import ExposureReport


def exposure(
    files: Annotated[list[Path] | None, typer.Argument(help="Matrices that assert; without any, all of matrices/.")] = None,
    topology: Annotated[str | None, typer.Option(help="The topology, where the matrices have several.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="NODE=FILE: this policy in place of the matrix's.")] = None,
    sender: Annotated[list[str] | None, typer.Option("--from", help="Only from this network, or word of a row.")] = None,
    target: Annotated[list[str] | None, typer.Option("--to", help="Only to this network, or word of a row.")] = None,
    family: Annotated[FamilyChoice, typer.Option(help="4, 6 or both.")] = FamilyChoice.BOTH,
    every_port: Annotated[bool, typer.Option("--every-port", help="Send every port, also where one speaks for all.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    save: Annotated[Path | None, typer.Option(help="Write the JSON to this file too, for --against.")] = None,
    against: Annotated[Path | None, typer.Option(help="Compare with what --save wrote; 1 if more is exposed now.")] = None,
    backend: Annotated[BackendChoice, typer.Option(help="Which iptables loads the rulesets: nft or legacy.")] = NFT,
    mend: Annotated[bool, typer.Option("--mend", help="Repair dumps as `lab run --mend` does.")] = False,
    allow_commands: Annotated[bool, typer.Option("--allow-commands", help="Let policies run their own renderers.")] = False,
    shipped: Shipped = False,
) -> None:
    """Ask every port of both protocols between all zones, and list what is open, by which rule."""
    from lab.cli.ending import Failure, finish, reported
    from lab.errors import InputError, Problem
    from lab.report.exposure import begin_exposure, exposure_json, no_exposure
    from lab.report.run_json import json_text
    from lab.report.write import check_apart, write_all

    inputs = [*(files or ()), *([against] if against else [])]
    rolling = save is not None and against is not None and save.resolve() == against.resolve()
    """What is compared with goes only for one that is finished."""

    def write(report: ExposureReport) -> None:
        if save is not None and (report.finished or save.resolve() not in {path.resolve() for path in inputs}):
            write_all([(save, lambda: json_text(exposure_json(report)))])

    def failed(failure: Failure) -> None:
        report = no_exposure(failure.problems, failure.exit_code, interrupted=failure.interrupted)
        write(report)
        if as_json or markdown:
            _print(report, as_json=as_json, markdown=markdown)

    with reported(failed):
        if save is not None and not rolling:
            check_apart([save], inputs)
            begin_exposure(save)
        if as_json and markdown:
            raise InputError(Problem("--json and --markdown: one of them is printed", mend="--save writes the JSON beside"))
        if len(backend.backends) > 1:
            raise InputError(Problem("an exposure is measured on one backend", mend="--backend nft"))
        from lab.cli.files import assignments, matrix_files
        from lab.prepare.plan import Choices
        from lab.prepare.policies import Rendering
        from lab.report.file import check_writable
        from lab.run.runner import inputs_of, make_plans
        from lab.study.compare_exposures import read_saved
        from lab.study.exposure import measure, one_topology

        rendering = Rendering(backend.backends[0], mend=mend, allow_commands=allow_commands)
        choices = Choices(None, assignments(policy or ()), None, family.families, rendering, shipped)
        plans = one_topology(make_plans(matrix_files(files or (), shipped=shipped), choices, backend.backends), topology)
        then = read_saved(against, plans[0].topology.topology) if against is not None else None
        if save is not None and rolling:
            check_writable(save)
        elif save is not None:
            inputs += inputs_of(plans)
            check_apart([save], inputs)
        _ready(plans)
        asked = sender or (), target or ()
        report = measure(plans, family.families, *asked, every_port=every_port, then=then, progress=_progress)
    finish(report.exit_code, lambda: write(report), lambda: _print(report, as_json=as_json, markdown=markdown))


def _print(report: ExposureReport, *, as_json: bool, markdown: bool) -> None:
    from lab.cli.printed import print_machine_readable
    from lab.report.exposure import exposure_json, exposure_lines, exposure_markdown
    from lab.report.run_json import json_text

    if as_json:
        print_machine_readable(json_text(exposure_json(report)))
    elif markdown:
        print_machine_readable(exposure_markdown(report))
    else:
        for line in exposure_lines(report):
            print(line)


def _ready(plans: list[Plan]) -> None:
    from lab.kernel.ground.privileges import enter
    from lab.kernel.ground.tools import need
    from lab.prepare.plan import tools_for

    for tool in tools_for(plans):
        need(tool)
    enter()


def _progress(done: int, of: int) -> None:
    terminal = sys.__stderr__  # as these are escape sequences of our own
    if terminal is not None and terminal.isatty():
        print(f"\r{done} of {of} questions" if done < of else "\r\033[K", end="", file=terminal, flush=True)
