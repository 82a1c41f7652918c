"""``lab shell`` at a terminal and in a pipe: what is typed arrives, what is shown is shown, all of it is recorded."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.drill.typed.commands import commands_of
from lab.record.cast import Cast, CastKind, read_cast
from lab.ruleset.backend import Backend
from tests.kernel.keepers import other
from tests.kernel.scenes import corridor

pytestmark = pytest.mark.kernel

CLIENT = """
import sys
from pathlib import Path
from lab.keep.shelling import shell_at
sys.exit(shell_at(sys.argv[1], Path(sys.argv[2]), "office", "gateway"))
"""
DEADLINE_MS = 60_000


@pytest.fixture(scope="module")
def door() -> Iterator[str]:
    with other("worlds", Backend.NFT, corridor(), {}, []) as keeper:
        folder, _ = json.loads(keeper.line())
        yield f"/proc/{keeper.pid}/root{folder}/gateway"


class Person:
    """Somebody at a terminal, in which a command was started."""

    def __init__(self, terminal: int, process: subprocess.Popen[bytes]) -> None:
        self.terminal, self.process, self.shown = terminal, process, b""

    def types(self, line: bytes, answer: bytes) -> None:
        """Type, and read until the answer is shown."""
        before = len(self.shown)
        os.write(self.terminal, line)
        self.sees(answer, before)

    def sees(self, words: bytes, after: int = 0) -> None:
        waiting = select.poll()
        waiting.register(self.terminal, select.POLLIN)
        while words not in self.shown[after:]:
            assert waiting.poll(DEADLINE_MS), self.shown
            self.shown += os.read(self.terminal, 1 << 16)

    def settings(self) -> list[object]:
        return termios.tcgetattr(self.terminal)


@contextmanager
def person(door: str, casts: Path) -> Iterator[Person]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 30, 100, 0, 0))
    command = [sys.executable, "-c", CLIENT, door, str(casts)]
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    ) as process:  # fmt: skip
        os.close(slave)
        try:
            yield Person(master, process)
        finally:
            process.kill()
            process.wait()
            os.close(master)


def casts_in(folder: Path) -> list[Cast]:
    found = [read_cast(file.name, file.read_text().splitlines()) for file in sorted(folder.glob("*.cast"))]
    return [cast for cast in found if cast is not None]


def test_a_session_at_a_terminal_is_one_and_is_recorded(door: str, tmp_path: Path) -> None:
    with person(door, tmp_path) as somebody:
        before = somebody.settings()
        somebody.sees(b"office")
        somebody.types(b"stty sixe\x7f\x7fze\r", b"30 100")
        assert somebody.settings() != before
        fcntl.ioctl(somebody.terminal, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
        somebody.types(b"", b"")
        somebody.types(b"echo $((6*7)) in $(hostname)\r", b"42 in gateway")
        somebody.types(b"\x1b[A\x1b[A\r", b"40 120")
        somebody.types(b"exit 7\r", b"exit")
        assert somebody.process.wait(60) == 7
        assert somebody.settings() == before
    (cast,) = casts_in(tmp_path)
    assert (cast.header.width, cast.header.height, cast.header.node) == (100, 30, "gateway")
    assert [event.text for event in cast.events if event.kind is CastKind.RESIZED] == ["120x40"]
    assert [one.line for one in commands_of([cast])] == ["stty size", "echo $((6*7)) in $(hostname)", "stty size", "exit 7"]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_whichever_signal_ends_it_the_terminal_is_as_it_was_and_the_recording_is_there(
    door: str, tmp_path: Path, signum: signal.Signals
) -> None:
    with person(door, tmp_path) as somebody:
        before = somebody.settings()
        somebody.types(b"echo $((6*7))\r", b"42")
        somebody.process.send_signal(signum)
        code = somebody.process.wait(60)
        assert code == 128 + signum
        assert somebody.settings() == before
    (cast,) = casts_in(tmp_path)
    assert "42" in "".join(event.text for event in cast.events if event.kind is CastKind.SHOWN)


def test_a_pipe_is_read_as_a_shell_reads_it(door: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLIENT, door, str(tmp_path)]
    done = subprocess.run(command, input=b"hostname\necho oops >&2; exit 3\n", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"gateway\n", b"oops\n")
    assert [one.line for one in commands_of(casts_in(tmp_path))] == ["hostname", "echo oops >&2; exit 3"]
