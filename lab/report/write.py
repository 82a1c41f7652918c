"""The reports of a run into files: written at every end of it, and never those of yesterday."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.errors import InputError, LabError, MachineError, MeasurementError, Problem, as_lab_error, gravest
from lab.record.result import RunResult, no_result
from lab.report.annotations import annotation_lines
from lab.report.file import check_writable, is_file_or_new, write_file
from lab.report.junit import junit_text
from lab.report.markdown import to_markdown
from lab.report.run_json import json_text, to_json

UNFINISHED = Problem("this run did not finish: it is under way, or it was killed")
_HEADS = (
    b'{\n "version": ', b'<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="netfilter-lab"',
    b"## Firewall matrices: ", b"::error ", b"::notice ",
)  # fmt: skip
_LONGEST_HEAD = max(map(len, _HEADS))


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
        """Raise InputError for a file that is one of the ``inputs``, or that two reports would share."""
        check_apart(self.paths(), inputs)

    def begin(self) -> None:
        """Put reports that say that the run did not finish in the place of yesterday's; raises for what cannot be written.

        A file that is no report of the lab is left alone until the end: what the user wrote must not go for a slip.
        """
        unfinished = no_result((UNFINISHED,), 3, interrupted=True)
        write_all((path, partial(text, unfinished) if replaceable(path) else None) for path, text in self._reports())

    def _reports(self) -> Iterator[tuple[Path, Callable[[RunResult], str]]]:
        texts: tuple[tuple[Path | None, Callable[[RunResult], str]], ...] = (
            (self.json, lambda result: json_text(to_json(result))),
            (self.junit, junit_text),
            (self.markdown, to_markdown),
            (self.annotations, lambda result: "".join(f"{line}\n" for line in annotation_lines(result))),
        )
        return ((path, text) for path, text in texts if path is not None)

    def write(self, result: RunResult, *, sparing: Iterable[Path] = ()) -> None:
        """Write every report that is wanted, whatever becomes of the others; raises what `write_all` raises.

        A file of ``sparing`` is left alone: it is an input.
        """
        spared = {path.resolve() for path in sparing}
        write_all((path, partial(text, result)) for path, text in self._reports() if path.resolve() not in spared)


def begin(path: Path, text: str) -> None:
    """As `Outputs.begin`, for one file of another kind: ``text`` says that what is in it did not finish."""
    write_all([(path, (lambda: text) if replaceable(path) else None)])


def check_apart(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise InputError when an output is one of the inputs, or another output."""
    read = {path.resolve() for path in inputs}
    seen: set[Path] = set()
    for path in outputs:
        if path.resolve() in read:
            raise InputError(Problem(f"{path} is read by this command: a report would overwrite it"))
        if path.resolve() in seen and is_file_or_new(path):
            raise InputError(Problem(f"{path} is named for two reports: one would overwrite the other"))
        seen.add(path.resolve())


def write_all(reports: Iterable[tuple[Path, Callable[[], str] | None]]) -> None:
    """Write each report (with None: only see whether it could be); those that cannot be are told together.

    Raises MachineError when a disk was full for one of them, else InputError; MeasurementError for what nobody foresaw.
    """
    failed: list[LabError] = []
    for path, text in reports:
        try:
            if text is None:
                check_writable(path)
            else:
                write_file(path, text())
        except Exception as error:  # noqa: BLE001 - what one report ends with loses none of the others
            failed.append(as_lab_error(error, str(path)))
    if failed:
        code = gravest(error.exit_code for error in failed)
        kind = next(kind for kind in (MachineError, InputError, MeasurementError) if kind.exit_code == code)
        raise kind(problem for error in failed for problem in error.problems)


def replaceable(path: Path) -> bool:
    """Whether at the start of a command this file can go: there is none, it is empty, or it is a report of the lab."""
    if not is_file_or_new(path):
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_LONGEST_HEAD)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not head or head.startswith(_HEADS)
