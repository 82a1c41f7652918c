"""What a program that works on a stranger's text may still do, were the text to have its way: print, within limits."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.kernel.ground import landlock, tools
from lab.kernel.ground.confinement import Confined, Limits, Means, Pipes, Program, confine_thread, loader, means_here, programs
from lab.kernel.hold.kinds import refusal
from lab.kernel.hold.loading import load
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from tests.kernel.scenes import rendered, rulesets, table

pytestmark = pytest.mark.kernel

SHELL = "/bin/sh"
needs_landlock = pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")
ALL = Limits(seconds=30)
MEANS = [pytest.param(Means.LANDLOCK, marks=needs_landlock), Means.READ_ONLY]
WRITES = {
    "a new file": "echo x > {0}/new",
    "more in a file": "echo x >> {0}/old",
    "a file cut short": ": > {0}/old",
    "no file": "rm {0}/old",
    "another name": "mv {0}/old {0}/new",
    "a link": "ln -s x {0}/new",
    "a hard link": "ln {0}/old {0}/new",
    "a folder": "mkdir {0}/new",
    "no folder": "rmdir {0}/folder",
    "a pipe": "mkfifo {0}/new",
}

Ran = Callable[..., tuple[str, int, str]]


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    """Runs a command confined; why it was stopped, its exit code and what it printed, into both files, at most 64 KiB."""

    def run(
        command: Sequence[str], limits: Limits = ALL, means: Sequence[Means] = tuple(Means), *, executes: bool = True
    ) -> tuple[str, int, str]:
        with (tmp_path / "printed").open("w+b") as out:
            program = Program(command, tools.ENVIRONMENT, programs(command[0]) if executes else None, means=means)
            confined = Confined(program, Pipes(0, out, out), limits)
            stopped = confined.wait()
            out.seek(0)
            return stopped, confined.code, out.read(1 << 16).decode()

    return run


@pytest.mark.parametrize("means", MEANS)
@pytest.mark.parametrize("command", WRITES.values(), ids=WRITES)
def test_no_file_changes(ran: Ran, tmp_path: Path, means: Means, command: str) -> None:
    folder = tmp_path / "machine"
    (folder / "folder").mkdir(parents=True)
    (folder / "old").write_text("as it was")
    stopped, code, out = ran([SHELL, "-c", command.format(folder)], means=[means], executes=False)
    assert (stopped, code != 0) == ("", True), out
    assert "denied" in out.lower() or "Read-only file system" in out
    assert sorted(path.name for path in folder.iterdir()) == ["folder", "old"]
    assert (folder / "old").read_text() == "as it was"
    (folder / "old").write_text("and we may write as before")


@pytest.mark.parametrize("means", MEANS)
def test_what_it_may_do(ran: Ran, means: Means) -> None:
    told = ran([SHELL, "-c", "echo x > /dev/null && read line < /etc/passwd && echo done"], means=[means])
    assert told == ("", 0, "done\n")


@needs_landlock
def test_no_other_program_runs(ran: Ran, tmp_path: Path) -> None:
    own = tmp_path / "evil.sh"
    own.write_text(f"#!{SHELL}\ntouch {tmp_path}/ran\n")
    own.chmod(0o755)
    for program in (str(own), "/bin/ls", f"{SHELL} -c :"):
        _, code, out = ran([SHELL, "-c", f"exec {program}"])
        assert (code, "denied" in out) == ((0, False) if program.startswith(SHELL) else (126, True))
    assert not (tmp_path / "ran").exists()


def test_it_ends(ran: Ran) -> None:
    told = ran(["/usr/bin/tail", "-f", "/dev/null"], Limits(seconds=0.2))
    assert told == ("did not end within 0.2 s", -9, "")


def test_what_it_started_ends_with_it() -> None:
    reading, writing = os.pipe()
    confined = Confined(
        Program([SHELL, "-c", "/usr/bin/tail -f /dev/null & wait"], tools.ENVIRONMENT), Pipes(0, writing, writing), Limits(0.2)
    )
    os.close(writing)
    confined.wait()
    assert select.select([reading], [], [], 10)[0], "somebody still holds the pipe"
    assert os.read(reading, 1) == b""
    os.close(reading)


LAB = f"""
from lab.kernel.ground.confinement import Confined, Limits, Pipes, Program
from lab.kernel.ground.tools import ENVIRONMENT, find
command = [find("setpriv"), "--pdeathsig", "KILL", "{SHELL}", "-c", "echo $$; exec tail -f /dev/null"]
Confined(Program(command, ENVIRONMENT), Pipes(0, 1, 2), Limits(seconds=60)).wait()
"""


@pytest.mark.skipif(tools.find("setpriv") is None, reason="setpriv (util-linux) is not on this machine")
def test_it_dies_with_the_lab() -> None:
    with subprocess.Popen([sys.executable, "-c", LAB], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        tool = os.pidfd_open(int(process.stdout.readline()))
        assert not select.select([tool], [], [], 0)[0], "it works as long as the lab does"
        process.kill()
        assert select.select([tool], [], [], 10)[0]
        os.close(tool)


def test_it_prints_no_more_than_it_may(ran: Ran) -> None:
    stopped, code, _ = ran(["/usr/bin/yes"], Limits(seconds=30, printed=1 << 20))
    assert (stopped, code) == ("printed more than 1 MiB", -signal.SIGXFSZ)


def test_it_uses_no_more_memory_than_it_may(ran: Ran) -> None:
    stopped, code, out = ran(["/usr/bin/tail", "/dev/zero"], Limits(seconds=30, memory=64 << 20))
    assert (stopped, code, "memory exhausted" in out) == ("", 1, True)


def test_it_gains_no_privilege(ran: Ran) -> None:
    assert "NoNewPrivs:\t1" in ran(["/bin/cat", "/proc/self/status"])[2]


def test_it_sees_nothing_of_our_environment(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    monkeypatch.setenv("XTABLES_LIBDIR", "/tmp")
    seen = {line.partition("=")[0] for line in tools.run(node.namespace, ["env"]).out.splitlines()}
    assert seen == {"PATH", "LC_ALL", "XTABLES_LOCKFILE"}


def test_a_tool_that_is_stopped_is_told_with_its_text(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "DEADLINE_S", 0.2)
    done = tools.run(node.namespace, ["nft", "monitor"])
    assert done.stopped == "did not end within 0.2 s"
    told = refusal("nft", Backend.NFT, done, rendered("monitor\n", "p.nft"))
    assert isinstance(told, InputError)
    assert str(told) == "p.nft: nft did not end within 0.2 s over this ruleset, and was stopped"


def test_a_program_that_cannot_start(ran: Ran) -> None:
    with pytest.raises(FileNotFoundError):
        ran(["/no/such/program"])


@pytest.mark.parametrize("means", MEANS)
def test_every_tool_works_confined(node: Node, monkeypatch: pytest.MonkeyPatch, means: Means) -> None:
    monkeypatch.setattr("lab.kernel.ground.confinement.confine_thread", lambda executes, _: confine_thread(executes, [means]))
    sets = rendered("create friends hash:ip\nadd friends 192.0.2.1\n", "p.ipset")
    rule = "-A INPUT -m set --match-set friends src -j ACCEPT"
    load(node, Rulesets(ipset=sets, nft=rendered("table inet own {\n}\n", "p.nft")))
    for backend in Backend:
        load(node, rulesets(table("filter", rule), v6=table("filter")), backend)
        assert rule in tools.run(node.namespace, [f"iptables-{backend}-save"]).out


def test_this_machine_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    assert means_here() is (Means.LANDLOCK if landlock.version() else Means.READ_ONLY)
    assert loader(SHELL), "a shell is a dynamic ELF file"
    assert programs(SHELL, __file__) is None, "what a script executes is not known"
