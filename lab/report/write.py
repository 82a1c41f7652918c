"""Reports into files: each written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.errors import InputError, Problem
from lab.record.result import RunResult
from lab.report.annotations import annotation_lines
from lab.report.json import to_json
from lab.report.junit import write_junit
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

    def check(self) -> None:
        """Raise InputError now for a file that could not be written later."""
        for path in self.paths():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("a"):
                    pass
            except OSError as error:
                raise InputError(Problem(f"{path} cannot be written: {error.strerror}")) from None


def write_reports(result: RunResult, outputs: Outputs) -> None:
    """Write every report that is wanted."""
    if outputs.json is not None:
        _write(outputs.json, lambda: json.dumps(to_json(result), indent=1) + "\n")
    if outputs.junit is not None:
        write_junit(result, outputs.junit)
    if outputs.markdown is not None:
        _write(outputs.markdown, lambda: to_markdown(result))
    if outputs.annotations is not None:
        _write(outputs.annotations, lambda: "".join(f"{line}\n" for line in annotation_lines(result)))


def _write(path: Path, text: Callable[[], str]) -> None:
    path.write_text(text(), encoding="utf-8")
