"""Reports into files: each written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.errors import InputError, Problem
from lab.record.result import RunResult
from lab.report.annotations import annotation_lines
from lab.report.json import to_json
from lab.report.junit import junit_text
from lab.report.markdown import to_markdown


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where reports go; None for a report that is not wanted."""

    json: Path | None = None
    junit: Path | None = None
    markdown: Path | None = None
    annotations: Path | None = None

    def paths(self) -> Iterator[Path]:
        """The files that will be written."""
        return (path for path in (self.json, self.junit, self.markdown, self.annotations) if path is not None)

    def check(self, inputs: Iterable[Path]) -> None:
        """Raise InputError now for a file that could not be written later, or that is one of the ``inputs``."""
        read = {path.resolve() for path in inputs}
        for path in self.paths():
            if path.resolve() in read:
                raise InputError(Problem(f"{path} is a matrix: a report would overwrite it"))
            check_writable(path)


def check_writable(path: Path) -> None:
    """Raise InputError now for a file that could not be written later."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a"):
            pass
    except OSError as error:
        raise InputError(_unwritable(path, error)) from None


def write_text(path: Path, text: str) -> None:
    """Write one file, whole or not at all; InputError when it cannot be written."""
    try:
        _write(path, text)
    except OSError as error:
        raise InputError(_unwritable(path, error)) from None


def write_reports(result: RunResult, outputs: Outputs) -> None:
    """Write every report that is wanted; those that cannot be written are told together (InputError)."""
    reports: tuple[tuple[Path | None, Callable[[], str]], ...] = (
        (outputs.json, lambda: json.dumps(to_json(result), indent=1) + "\n"),
        (outputs.junit, lambda: junit_text(result)),
        (outputs.markdown, lambda: to_markdown(result)),
        (outputs.annotations, lambda: "".join(f"{line}\n" for line in annotation_lines(result))),
    )
    problems = []
    for path, text in reports:
        if path is not None:
            try:
                _write(path, text())
            except OSError as error:
                problems.append(_unwritable(path, error))
    if problems:
        raise InputError(problems)


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as JSON; raises InputError when the file cannot be written."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    """Whole or not at all, where the file is an ordinary one."""
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> Problem:
    return Problem(f"{path} cannot be written: {error.strerror}")
