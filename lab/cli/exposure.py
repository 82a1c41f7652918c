"""``lab exposure``: which node and port answers to whom, by which rule, and who answers for it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.choices import NFT, BackendChoice, FamilyChoice, Shipped

if TYPE_CHECKING:
    from lab.run.plan import Plan


def exposure(
    files: Annotated[list[Path] | None, typer.Argument(help="Matrices that assert; without any, all of matrices/.")] = None,
    topology: Annotated[str | None, typer.Option(help="The topology, where the matrices have several.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="NODE=FILE: this policy in place of the matrix's.")] = None,
    sender: Annotated[list[str] | None, typer.Option("--from", help="Only from this node or network.")] = None,
    target: Annotated[list[str] | None, typer.Option("--to", help="Only to this node, name, address or network.")] = None,
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
    from lab.cli.files import assignments, matrix_files
    from lab.errors import InputError, Problem
    from lab.report.exposure import exposure_json, exposure_lines, exposure_markdown
    from lab.report.write import check_writable, write_json
    from lab.run.plan import Choices
    from lab.run.rulesets import Rendering
    from lab.run.runner import make_plans
    from lab.study.compare_exposures import read_saved
    from lab.study.exposures import measure, one_topology

    if as_json and markdown:
        raise InputError(Problem("--json and --markdown: one of them is printed", mend="--save writes the JSON beside"))
    if len(backend.backends) > 1:
        raise InputError(Problem("an exposure is measured on one backend", mend="--backend nft"))
    rendering = Rendering(backend.backends[0], mend=mend, allow_commands=allow_commands)
    choices = Choices(None, assignments(policy or ()), None, family.families, rendering, shipped)
    plans = one_topology(make_plans(matrix_files(files or (), shipped=shipped), choices, backend.backends), topology)
    then = read_saved(against, plans[0].topology.topology) if against is not None else None
    if save is not None:
        check_writable(save)
    _ready(plans)
    report = measure(plans, family.families, sender or (), target or (), every_port=every_port, then=then, progress=_progress)
    if as_json:
        print(json.dumps(exposure_json(report), indent=1))
    elif markdown:
        print(exposure_markdown(report), end="")
    else:
        for line in exposure_lines(report):
            print(line)
    if save is not None and not report.interrupted:
        write_json(save, exposure_json(report))
    sys.exit(130 if report.interrupted else 3 if report.lost else 1 if report.added else 0)


def _ready(plans: list[Plan]) -> None:
    from lab.kernel.privileges import enter
    from lab.kernel.tools import need
    from lab.run.plan import tools_for

    for tool in tools_for(plans):
        need(tool)
    enter()


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {of} questions" if done < of else "\r\033[K", end="", file=sys.stderr, flush=True)
