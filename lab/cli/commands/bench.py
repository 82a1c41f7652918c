"""``lab bench``: the lab measured on this machine."""

from __future__ import annotations

import sys
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.SERVE, "Measure the lab on this machine.")
def bench(
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="One group of figures; repeatable.")] = None,
    runs: Annotated[int, typer.Option(help="Measurements of each whole thing.", min=1)] = 5,
    probes: Annotated[int, typer.Option(help="Probes of each kind.", min=1)] = 3000,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what is large.")] = False,
    json: o.Json = None,
    svg: Annotated[Path | None, o.report("--svg", what="a plot of them")] = None,
) -> None:
    """Measure the lab on this machine: a table, JSON and a plot; some minutes, or `--quick`."""
    from lab.bench.figures import Size
    from lab.bench.measure import groups, measure
    from lab.bench.picture import picture
    from lab.bench.table import table
    from lab.cli.ending import finish
    from lab.kernel.ground.privileges import enter
    from lab.report.file import STDOUT, check_writable
    from lab.report.write import write_all

    chosen = groups(only or ())
    for file in (json, svg):
        if file is not None:
            check_writable(file)
    enter()
    found = measure(chosen, Size(runs, probes, quick=quick), lambda name: print(f"measuring {name}", file=sys.stderr))
    texts = ((json, lambda: dumps(found.figures, indent=2) + "\n"), (svg, lambda: picture(found.figures)))
    told = [table(found.figures), *(f"note: {note}" for note in found.notes)] if STDOUT not in (json, svg) else []
    written = [(file, text) for file, text in texts if file is not None]
    finish(found.exit_code, lambda: write_all(written), lambda: print(*told, sep="\n", end="\n" * bool(told)))
