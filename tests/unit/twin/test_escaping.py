"""What the script makes of a text is JSON, and reads back as the same bytes, with whichever awk the host has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from lab.twin.script import snapshot_script

AWKS = ("mawk", "gawk", "original-awk", "busybox")
EVERY_BYTE = bytes(byte for byte in range(1, 256) if byte != 10)
ODD = (
    b'-A INPUT -m comment --comment "a \\"quote\\", a \\\\ and a tab\t" -j DROP',
    b"\x1b[31mred\x07", b"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\xa5",
    b"\xc3", b"\xc3(", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xff\xfe",
    b"%s %d \\n \\u0041 &", b"",
    EVERY_BYTE, EVERY_BYTE[::-1],
)  # fmt: skip


def escaped(content: bytes, awk: str | None = None) -> bytes:
    """What the script's own function prints of it, its awk being this one."""
    program = snapshot_script().removesuffix('main "$@"\n')
    if awk is not None:
        program += f'awk() {{ {"busybox awk" if awk == "busybox" else awk} "$@"; }}\n'
    done = subprocess.run(
        ["sh", "-c", f"LC_ALL=C; export LC_ALL\n{program}\nescape"], input=content, capture_output=True, check=True, timeout=60
    )
    assert done.stderr == b""
    return done.stdout


def read(content: bytes) -> bytes:
    text: str = json.loads(b'"' + content + b'"')
    return text.encode(errors="surrogateescape")


@pytest.mark.parametrize("awk", AWKS)
def test_every_byte_comes_back(awk: str) -> None:
    if shutil.which(awk) is None:
        pytest.skip(f"no {awk} here")
    content = b"\n".join(ODD) + b"\n"
    assert read(escaped(content, awk)) == content


@given(some.binary(max_size=300))
@settings(max_examples=40, deadline=None)
def test_any_bytes_come_back(content: bytes) -> None:
    whole = content.replace(b"\0", b"")
    told = escaped(content)
    told.decode()  # the document is UTF-8, whatever it holds
    assert read(told) == whole + (b"" if whole.endswith(b"\n") or not whole else b"\n")


def test_a_long_line_is_whole() -> None:
    content = b'"' + b"x" * 1_000_000 + b"\xff\n"
    assert read(escaped(content)) == content


def test_without_root_nothing_is_printed(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    done = subprocess.run(
        ["sh"], input=snapshot_script(), capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_a_script_that_was_cut_off_runs_nothing() -> None:
    lines = snapshot_script().splitlines(keepends=True)
    for end in range(0, len(lines) - 1, 7):
        done = subprocess.run(["sh"], input="".join(lines[:end]), capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout == ""


def test_the_flows_are_asked_for_in_its_last_line() -> None:
    plain, asked = (snapshot_script(conntrack=wanted).splitlines() for wanted in (False, True))
    assert plain[:-1] == asked[:-1]
    assert (plain[-1], asked[-1]) == ('main "$@"', 'main --conntrack "$@"')
