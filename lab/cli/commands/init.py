"""``lab init``: the shipped topologies, policies and matrices laid out in a project of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.command import Job, command


@command(Job.PREPARE, "Lay out topologies, policies, matrices and CI jobs to start from.")
def init(
    folder: Annotated[Path, typer.Argument(help="Where to lay it out.")] = Path(),
    bare: Annotated[bool, typer.Option("--bare", help="One small topology, policy and matrix alone.")] = False,
) -> None:
    """Lay out topologies, policies, matrices, schemas and CI jobs to start from; what is there is left alone."""
    from lab.cli.laid_out import BARE, shipped_files
    from lab.report.file import write_file

    written = left = 0
    for name, text in BARE.items() if bare else shipped_files():
        target = folder / name
        if target.exists():
            left += 1
            continue
        write_file(target, text)
        written += 1
    print(f"{written} files laid out in {folder.resolve()}" + (f", {left} that were there left alone" if left else ""))
    print("next: lab check, then lab run   (as an ordinary user or as root; `lab doctor` tells what is missing)")
