"""A team's own renderer: run without a shell, its failures told in words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.run import command
from lab.run.command import run_renderer


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_what_it_prints_is_the_ruleset(tmp_path: Path) -> None:
    (tmp_path / "part").write_text("*filter\nCOMMIT\n")
    rendered = run_renderer(python("print(open('part').read(), end='')"), tmp_path)
    assert rendered.text == "*filter\nCOMMIT\n"
    assert rendered.sources[1] is not None
    assert rendered.sources[1].endswith(":2")


def test_there_is_no_shell(tmp_path: Path) -> None:
    text = run_renderer([*python("import sys; print(sys.argv[1])"), "$HOME; echo `id`"], tmp_path).text
    assert text == "$HOME; echo `id`\n"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (python("import sys; print('first', file=sys.stderr); sys.exit('no such host')"), "failed with code 1: no such host"),
        (python("import sys; sys.exit(3)"), "failed with code 3: it said nothing"),
        (["./nothing-is-there"], "cannot be run"),
        (python("import sys; sys.stdout.buffer.write(bytes([255, 254]))"), "not UTF-8"),
    ],
)
def test_failures(tmp_path: Path, argv: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        run_renderer(argv, tmp_path)


def test_one_that_prints_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MAX_BYTES", 1 << 16)
    with pytest.raises(InputError, match="printed more than"):
        run_renderer(["yes"], tmp_path)


def test_one_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "DEADLINE_S", 0.2)
    with pytest.raises(InputError, match=r"did not end within 0\.2 s"):
        run_renderer(python("import signal; signal.pause()"), tmp_path)
