"""A team's own renderer: run without a shell, its failures told in words."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.prepare import renderer
from lab.prepare.renderer import run_renderer


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
    monkeypatch.setattr(renderer, "MAX_BYTES", 1 << 16)
    with pytest.raises(InputError, match="printed more than"):
        run_renderer(["yes"], tmp_path)


def test_one_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer, "DEADLINE_S", 0.2)
    with pytest.raises(InputError, match=r"did not end within 0\.2 s"):
        run_renderer(python("import signal; signal.pause()"), tmp_path)


def test_it_is_given_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_SECRET_ACCESS_KEY", "s3cret"), ("GITHUB_TOKEN", "t0ken"), ("LAB_SITE", "north"), ("LC_ALL", "C")):
        monkeypatch.setenv(name, value)
    text = run_renderer(["env"], tmp_path).text
    assert "s3cret" not in text
    assert "t0ken" not in text
    assert "LAB_SITE=north\n" in text
    assert "LC_ALL=C\n" in text


LEAVES = (
    "import os, subprocess, sys\n"
    "left = subprocess.Popen(['sleep', '1000'], start_new_session=True, stdout=subprocess.DEVNULL)\n"
    "print(left.pid, flush=True)\n"
)


def open_process(number: str) -> int:
    try:
        return os.pidfd_open(int(number))
    except ProcessLookupError:
        return -1


def has_ended(process: int) -> bool:
    """Whether it ends within half a minute."""
    if process < 0:
        return True
    try:
        return bool(select.select([process], [], [], 30)[0])
    finally:
        os.close(process)


def test_nothing_that_it_started_goes_on(tmp_path: Path) -> None:
    assert has_ended(open_process(run_renderer(python(LEAVES), tmp_path).text))


def test_nothing_goes_on_after_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer, "DEADLINE_S", 2)
    note = tmp_path / "number"
    program = f"{LEAVES}open({str(note)!r}, 'w').write(str(left.pid))\nleft.wait()"
    with pytest.raises(InputError, match="did not end within 2 s"):
        run_renderer(python(program), tmp_path)
    assert has_ended(open_process(note.read_text()))


def test_it_and_all_that_it_started_die_with_the_lab(tmp_path: Path) -> None:
    fifo = tmp_path / "number"
    os.mkfifo(fifo)
    lab = os.fork()
    if lab == 0:
        try:
            run_renderer(python(f"{LEAVES}open({str(fifo)!r}, 'w').write(str(left.pid))\nleft.wait()"), tmp_path)
        finally:
            fifo.open("w").close()  # where it was not begun, nobody else would end the reading of it
            os._exit(0)
    left = open_process(fifo.read_text())
    os.kill(lab, signal.SIGKILL)
    os.waitpid(lab, 0)
    assert left >= 0
    assert has_ended(left)
