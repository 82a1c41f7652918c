"""``lab bench``: the lab measured on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def bench(
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="One group of figures; repeatable.")] = None,
    runs: Annotated[int, typer.Option(help="Measurements of each whole thing.", min=1)] = 5,
    probes: Annotated[int, typer.Option(help="Probes of each kind.", min=1)] = 3000,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what is large.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here.")] = None,
    svg_file: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Write a plot of them here.")] = None,
) -> None:
    """Measure the lab on this machine: a table, JSON and a plot; some minutes, or `--quick`."""
    from lab.bench.figures import Size
    from lab.bench.measure import groups, measure
    from lab.bench.picture import picture
    from lab.bench.table import table
    from lab.cli.ending import finish
    from lab.kernel.ground.privileges import enter
    from lab.report.file import check_writable
    from lab.report.write import write_all

    chosen = groups(only or ())
    for file in (json_file, svg_file):
        if file is not None:
            check_writable(file)
    enter()
    found = measure(chosen, Size(runs, probes, quick=quick), lambda name: print(f"measuring {name}", file=sys.stderr))

    def write() -> None:
        texts = ((json_file, lambda: json.dumps(found.figures, indent=2) + "\n"), (svg_file, lambda: picture(found.figures)))
        write_all((file, text) for file, text in texts if file is not None)

    def show() -> None:
        print(table(found.figures))
        for note in found.notes:
            print(f"note: {note}")

    finish(found.exit_code, write, show)
