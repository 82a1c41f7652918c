"""What is printed goes through one place: no line is a command, long ones are cut, and a reader who has gone ends nothing."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from lab.cli.early import reports_of
from lab.errors import (
    Interrupted,
    MachineError,
    MeasurementError,
    Problem,
    as_lab_error,
    gravest,
    interrupted_code,
)
from lab.report.plain import LONGEST, plain, without_commands
from lab.report.printed import LONGEST_LINE, Printed
from lab.report.run_json import json_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("##[stop-commands]quiet", r"\x23\x23[stop-commands]quiet"),
        ("a ###[group]", r"a #\x23\x23[group]"),
        ("##vso[task.complete]", r"\x23\x23vso[task.complete]"),
        ("  ::error file=a::x", r"  :\x3aerror file=a::x"),
        ("::stop-commands::x", r":\x3astop-commands::x"),
        ("section_end:1:x", r"section\x5fend:1:x"),
        ("::1 and ::ffff:192.0.2.1", "::1 and ::ffff:192.0.2.1"),
        ("## heading, cell::row, [x]", "## heading, cell::row, [x]"),
    ],
)
def test_a_command_is_written_out(text: str, shown: str) -> None:
    assert plain(text) == without_commands(text) == shown


def test_a_long_value_is_cut_and_says_so() -> None:
    assert plain("x" * LONGEST) == "x" * LONGEST
    assert plain("x" * 100_000) == "x" * LONGEST + "… (98,000 characters more)"


def test_a_command_of_several_pieces_is_one_line() -> None:
    raw = io.StringIO()
    out = Printed(raw)
    print("#", "#[x]\n:", ":error::y", "\x1b[2J", sep="", file=out)
    print("z" * (LONGEST_LINE + 5), end="", file=out)
    out.flush()
    first, second, third = raw.getvalue().split("\n")
    assert (first, second) == (r"\x23\x23[x]", r":\x3aerror::y\x1b[2J")
    assert third.endswith("z… (5 characters more)")


def test_colours_pass_where_they_are_ours() -> None:
    raw = io.StringIO()
    out = Printed(raw).in_colour()
    out.write("\x1b[31m::error::x\x1b[0m ##[y]\n")
    assert raw.getvalue() == "\x1b[31m:\\x3aerror::x\x1b[0m \\x23\\x23[y]\n"


@pytest.mark.parametrize(("number", "told"), [(errno.EPIPE, False), (errno.ENOSPC, True)])
def test_what_cannot_be_printed_ends_nothing(tmp_path: Path, number: int, told: bool) -> None:
    with (tmp_path / "out").open("w") as behind:

        class Raw(io.StringIO):
            def write(self, text: str) -> int:  # noqa: ARG002
                raise OSError(number, os.strerror(number))

            def fileno(self) -> int:
                return behind.fileno()

        out = Printed(Raw())
        beside = out.in_colour()
        print("text", file=out)
        print("text", file=beside)
        assert (out.failed is not None) == (beside.failed is not None) == told


def test_json_holds_no_command_and_means_the_same() -> None:
    assert "##[" not in json_text({"a": "##[group]x"})
    assert r"#\u0023[group]x" in json_text({"a": "##[group]x"})


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files"), MachineError, "ulimit -n"),
        (OSError(errno.EROFS, "Read-only file system", "/proc/sys/x"), MachineError, "(EROFS): /proc/sys/x"),
        (OSError(errno.ENOBUFS, "No buffer space available"), MeasurementError, "No buffer space available (ENOBUFS)"),
        (MemoryError(), MeasurementError, "unforeseen MemoryError in the lab"),
        (MeasurementError(Problem("blind")), MeasurementError, "blind"),
    ],
)
def test_an_error_has_words_and_an_exit_code(error: Exception, kind: type[Exception], words: str) -> None:
    told = as_lab_error(error, "here")
    assert type(told) is kind
    assert words in str(told)


@pytest.mark.parametrize(
    ("codes", "code"), [((), 0), ((1, 3), 3), ((3, 2), 2), ((1, 2, 4), 4), ((0,), 0), ((130, 4), 130), ((3, 143), 143)]
)
def test_the_gravest_exit_code(codes: tuple[int, ...], code: int) -> None:
    assert gravest(codes) == code


def test_exit_codes_of_signals() -> None:
    assert [interrupted_code(error) for error in (KeyboardInterrupt(), Interrupted(15), Interrupted(1))] == [130, 143, 129]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("run --json a.json m.yaml --junit=b.xml", {"json": "a.json", "junit": "b.xml"}),
        ("run --json", {}), ("run --collect --json a", {}), ("run --json a --help", {}), ("", {}),
        ("run -- --json a", {}), ("run json a", {}), ("trace a b --json c", {"json": "c"}), ("check --json c", {}),
        ("sweep a b --json c", {"json": "c"}), ("sweep a b --junit c", {}),
        ("exposure --json --save c", {"json": "c"}), ("exposure --save=c --against d", {"json": "c"}),
        ("run --json - --junit --json", {"json": "-"}), ("exposure --json=a --markdown b", {"json": "a", "markdown": "b"}),
        ("exposure --save c --against ./c", {}), ("exposure --save c --help", {}),
    ],
)  # fmt: skip
def test_reports_are_known_before_the_command_line_is_read(line: str, found: dict[str, str]) -> None:
    assert reports_of(line.split()) == {name: Path(file) for name, file in found.items()}
