"""``--evidence``: what the command line says of it, and the end of a command that keeps a bundle."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lab.cli.ending import finish
from lab.errors import InputError, LabError, Problem, as_lab_error
from lab.report.plain import plain
from lab.report.write import raise_all

if TYPE_CHECKING:
    from lab.evidence.bundle import Bundle
    from lab.evidence.keeping import Command, Keeping

Options = tuple[Path | None, Path | None, str | None]
"""``--evidence``, ``--key`` and ``--ticket``."""
NO_EVIDENCE: Options = None, None, None


def begin(options: Options, command: Command) -> Keeping | None:
    """What gathers the evidence of a command, None where none is wanted; raises where the folder takes no bundle."""
    archive, key, ticket = options
    if archive is not None:
        from lab.evidence.keeping import Keeping, Wanted  # a command without evidence is not to wait for what makes it

        return Keeping(Wanted(archive, key, ticket), command, sys.argv[1:])
    if key is not None or ticket is not None:
        raise InputError(Problem(f"{'--key' if key is not None else '--ticket'} belongs to --evidence DIR"))
    return None


def finish_with(
    code: int, write: Callable[[], None], show: Callable[[], None], bundle: Callable[[], Bundle] | None, *, printed: bool
) -> NoReturn:
    """End a command as `finish` does, with its bundle of evidence, of which a line tells.

    Where a report is ``printed`` that line goes to standard error.
    """
    if bundle is None:
        finish(code, write, show)
    made: list[Bundle] = []

    def write_both() -> None:
        made.clear()
        _each(write, lambda: made.append(bundle()))

    def show_both() -> None:
        show()
        for one in made:
            told = f"evidence: {one.folder}, {one.files} files, sha256:{one.digest}"
            print(plain(told), file=sys.stderr if printed else sys.stdout)

    finish(code, write_both, show_both)


def _each(*writes: Callable[[], None]) -> None:
    """Do each, whatever becomes of the others; raises what is gravest of what failed, with all problems."""
    failed: list[LabError] = []
    for write in writes:
        try:
            write()
        except Exception as error:  # noqa: BLE001 - what one ends with loses none of the others
            failed.append(as_lab_error(error))
    raise_all(failed)
