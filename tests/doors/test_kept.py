"""Labs that stay up, by the commands that people use: shells, commands, questions and logs of one that is kept."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.keep.entry import entries, find
from lab.kernel.stage.door import run_at, start_at
from tests.doors.project import LAB, Ended, Nobody, Project

pytestmark = pytest.mark.kernel

DEADLINE_S = 20
UP = ("up", "--matrix", "matrices/small.yaml")
LOG = ("-p", "udp", "--dport", "9", "-j", "LOG", "--log-prefix", "seen: ")


class Kept:
    """A project whose labs are noted in a folder of its own, with a lab ``one`` that is up."""

    def __init__(self, folder: Path) -> None:
        self.project = Project(folder)
        self.runtime = folder / "runtime"
        self.lab(*UP, "--name", "one").ended(0)

    def lab(self, *words: str) -> Ended:
        return self.project.lab(*words)

    def typed(self, *words: str, stdin: str) -> Ended:
        """A command with something to read."""
        done = subprocess.run(
            [LAB, *words], cwd=self.project.folder, input=stdin, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def at(self, node: str, *words: str) -> str:
        """What a command prints in a node of ``one``; it goes through the door, as `exec` does."""
        done = run_at(find("one").door_of(node), words)
        assert done.code == 0, (words, done)
        return done.out.decode()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_RUNTIME_DIR", str(folder / "runtime"))
        made = Kept(folder)
        yield made
        made.lab("down", "--all").ended(0)
        assert not made.runtime.exists()


def until(descriptor: int, words: bytes) -> bytes:
    """What is read there up to these words."""
    read = b""
    while words not in read:
        assert select.select([descriptor], [], [], DEADLINE_S)[0], read
        said = os.read(descriptor, 65536)
        assert said, read
        read += said
    return read


def test_it_is_listed(kept: Kept) -> None:
    head, row = kept.lab("ls").ended(0).out.splitlines()
    assert head.split() == ["LAB", "TOPOLOGY", "UP", "NODES"]
    assert row.split()[:2] == ["one", "small"]
    assert row.endswith("world, gateway, web  as in matrices/small.yaml")


def test_a_command_is_as_if_there(kept: Kept) -> None:
    rules = kept.lab("exec", "one", "gateway", "iptables", "-S", "FORWARD").ended(0).out
    assert rules.startswith("-P FORWARD DROP\n")
    words = ("exec", "one", "web", "--", "sh", "-c", "cat; hostname >&2; exit 7")
    assert kept.typed(*words, stdin="in\n") == Ended(7, "in\n", "web\n")
    assert kept.lab("exec", "one", "web", "no-such").ended(127).err == "web: no-such: there is no such command here\n"
    assert kept.lab("exec", "one", "web", "--", "sh", "-c", "kill -9 $$").ended(137).told == ""


def test_who_is_not_there(kept: Kept) -> None:
    assert kept.lab("exec", "one", "nope", "true").ended(2).err == (
        "one has no node 'nope'\n    its nodes are world, gateway, web\n"
    )
    assert kept.lab("shell", "two", "web").ended(2).err == "no lab called 'two' is up\n    up are: one\n"
    assert kept.lab(*UP, "--name", "one").ended(2).err.startswith("a lab called one is up already\n")


def test_a_shell_in_a_pipe(kept: Kept) -> None:
    assert kept.typed("shell", "one", "gateway", stdin="hostname; echo no >&2\nexit 3\n") == Ended(3, "gateway\n", "no\n")
    (cast,) = (kept.runtime / "one" / "casts").glob("*-gateway-*.cast")
    header, *events = [json.loads(line) for line in cast.read_text().splitlines()]
    assert header["title"] == "one gateway"
    assert "".join(text for _, kind, text in events if kind == "i") == "hostname; echo no >&2\nexit 3\n"


def test_a_shell_on_a_terminal(kept: Kept) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.execv(LAB, [LAB, "shell", "one", "web"])
    until(terminal, b"one web # ")
    os.write(terminal, b"hostname; tty; exit 3\r")
    shown = until(terminal, b"/dev/pts/")
    assert b"web\r\n/dev/pts/" in shown
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 3
    os.close(terminal)


def test_what_is_changed_in_a_node_is_said(kept: Kept) -> None:
    kept.at("gateway", "iptables", "-I", "FORWARD", "-p", "tcp", "--dport", "8443", "-j", "DROP")
    asked = ("trace", "world", "web-vip", "tcp/443", "--lab", "one")
    told = kept.lab(*asked).ended(0).out
    assert told.startswith("note: one: rules were changed by hand at gateway\n")
    assert "gateway filter:FORWARD:1 dropped it  [changed by hand]" in told
    kept.at("gateway", "iptables", "-D", "FORWARD", "1")
    assert "by hand" not in kept.lab(*asked).ended(0).out


def test_what_a_rule_logs_is_in_the_nodes_dmesg(kept: Kept) -> None:
    kept.at("gateway", "iptables", "-I", "INPUT", *LOG)
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with Path(os.devnull).open("r+b") as null, knocking(kept):
        follow = start_at(find("one").door_of("gateway"), ["dmesg", "-w"], (null.fileno(), writing, null.fileno()), {})
        os.close(writing)
        with follow:
            line = until(reading, b"\n").decode()
    os.close(reading)
    assert "seen: IN=wan OUT= " in line
    assert " SRC=198.51.100.254 DST=198.51.100.1 " in line
    kept.at("gateway", "iptables", "-D", "INPUT", *LOG)


def test_packets_are_told_as_they_come(kept: Kept) -> None:
    with knocking(kept):
        for words in (("watch", "one", "gateway"), ("tail", "one")):
            (line,) = kept.lab(*words, "--count", "1", "--json").ended(0).out.splitlines()
            told = json.loads(line)
            assert told["node"] == "gateway"
            assert "198.51.100.254" in line


@contextmanager
def knocking(kept: Kept) -> Iterator[None]:
    """While inside, somebody in the world knocks again and again at a closed port of the gateway."""
    words = ["bash", "-c", "while :; do echo > /dev/udp/198.51.100.1/9; sleep 0.05; done"]
    with Path(os.devnull).open("r+b") as null, start_at(find("one").door_of("world"), words, (null.fileno(),) * 3, {}):
        yield


def test_two_of_one_topology_know_nothing_of_each_other(kept: Kept) -> None:
    assert kept.lab(*UP).ended(0).out.startswith("small is up: world, gateway, web\n")
    run_at(find("small").door_of("gateway"), ["iptables", "-F", "FORWARD"])
    assert "publish-web" in kept.at("gateway", "iptables", "-S", "FORWARD")
    assert "7 passed" in kept.lab("run", "matrices/small.yaml", "--lab", "one").ended(0).out
    assert [entry.name for entry in entries()] == ["one", "small"]
    assert kept.lab("down", "small").ended(0).out == "small is down\n"
    assert [entry.name for entry in entries()] == ["one"]


def test_an_ordinary_user_keeps_labs_of_his_own(nobody: Nobody, open_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_RUNTIME_DIR", str(open_project.folder / "runtime"))
    nobody.lab(*UP).ended(0)
    try:
        shell = ("exec", "small", "gateway", "--", "sh", "-c", "id -u; iptables -I INPUT -j ACCEPT")
        assert nobody.lab(*shell).ended(0).out == "0\n"
        traced = nobody.lab("trace", "world", "gateway", "tcp/22", "--lab", "small").ended(0).out
        assert "gateway filter:INPUT:1 accepted it  [changed by hand]" in traced
    finally:
        nobody.lab("down", "--all").ended(0)
    assert not (open_project.folder / "runtime").exists()
