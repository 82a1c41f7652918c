"""``lab init``: the shipped topologies, policies and matrices laid out in a project of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.command import Job, command

_FOLDERS = ("topologies", "policies", "matrices", "schemas", "ci")
_CI = ("github-actions.yml", "gitlab-ci.yml")


@command(Job.PREPARE, "Lay out topologies, policies, matrices and CI jobs to start from.")
def init(
    folder: Annotated[Path, typer.Argument(help="Where to lay it out.")] = Path(),
) -> None:
    """Lay out topologies, policies, matrices, schemas and CI jobs to start from; what is there is left alone."""
    from lab.report.file import write_file
    from lab.written.shipped import shipped_root

    root = shipped_root()
    written = left = 0
    for name in _FOLDERS:
        for source in sorted((root / name).rglob("*")):
            if not source.is_file() or (name == "ci" and source.name not in _CI):
                continue
            target = folder / source.relative_to(root)
            if target.exists():
                left += 1
                continue
            write_file(target, source.read_text(encoding="utf-8"))
            written += 1
    print(f"{written} files laid out in {folder.resolve()}" + (f", {left} that were there left alone" if left else ""))
    print("next: lab check, then lab run   (as an ordinary user or as root; `lab doctor` tells what is missing)")
