"""What `inside.py` does with labs that stay up: it ends one of their processes, or all that a player can end, and looks."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.safety import machine

Report = dict[str, Any]
DEADLINE_MS = 60_000
UP = ("up", "--matrix", "tests/doors/small/matrices/small.yaml", "--name", "one")
NOTED = Path("/run/netfilter-lab/one/lab.json")
LEFT_RUNNING = "setsid sleep 1000 & sleep 1000 & echo begun; exec sleep 1000\n"
ALL_OF_IT = """
rm -rf --no-preserve-root / 2> /dev/null
iptables -F; iptables -t nat -F; nft flush ruleset; ip route flush table all; ip addr flush dev wan; ip addr flush dev dmz
ip link del wan; ip link del dmz; ip link set lo down
kill -9 -1
"""
ASKED = (
    ("status", "one"), ("trace", "world", "web-vip", "tcp/443", "--lab", "one"), ("exec", "one", "gateway", "hostname"),
)  # fmt: skip


def told(command: Sequence[str], *words: str) -> Report:
    """What a command of the lab ends with and says."""
    done = subprocess.run(
        [*command, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    return {"words": words, "code": done.returncode, "out": done.stdout, "err": done.stderr}


def brought_up(command: Sequence[str]) -> tuple[int, int]:
    """Bring one up; its keeper and its sweeper."""
    done = told(command, *UP)
    assert done["code"] == 0, done
    noted = json.loads(NOTED.read_text())
    return noted["keeper"], noted["sweeper"]


def kept(command: Sequence[str], settle: Callable[[], None], left: Callable[[], list[str]]) -> Iterator[Report]:
    """One that a player destroys and that is taken down, then one each whose keeper, sweeper, or both are killed."""
    brought_up(command)
    running = shell_killed(command)
    said = [told(command, "exec", "one", "gateway", "--", "sh", "-c", ALL_OF_IT)]
    said += [told(command, *words) for words in ASKED]
    said.append(told(command, "down", "one"))
    settle()
    yield {"killed": "by its player", "running": running, "said": said, "left": left()}
    for which in ("keeper", "sweeper"):
        keeper, sweeper = brought_up(command)
        ends = [os.pidfd_open(process) for process in (keeper, sweeper)]
        os.kill(keeper if which == "keeper" else sweeper, signal.SIGKILL)
        yield {"killed": which, "ended": ended(*ends), "left": left()}
    keeper, sweeper = brought_up(command)
    shell, ends = a_shell(command), [os.pidfd_open(process) for process in (keeper, sweeper)]
    for signum in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that neither sees anything of the other's end
        os.kill(sweeper, signum)
        os.kill(keeper, signum)
    over, code = ended(*ends), shell.wait()
    yield {"killed": "both", "ended": over, "shell": code, "said": [told(command, "ls")], "left": left()}


def a_shell(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """A shell in which something runs, and more that it started."""
    shell = subprocess.Popen(
        [*command, "shell", "one", "web"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(LEFT_RUNNING.encode())
    shell.stdin.flush()
    assert shell.stdout.readline() == b"begun\n"
    return shell


def shell_killed(command: Sequence[str]) -> list[bool]:
    """Kill a ``lab shell``; of each process that came with it whether it ended with that."""
    before = machine.processes()
    shell = a_shell(command)
    came = [os.pidfd_open(process) for process in machine.processes().keys() - before.keys() - {shell.pid}]
    shell.kill()
    shell.wait()
    return [ended(descriptor) for descriptor in came]


def ended(*descriptors: int) -> bool:
    """Whether these processes end by themselves."""
    over = True
    for descriptor in descriptors:
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        over = bool(waiting.poll(DEADLINE_MS)) and over
        os.close(descriptor)
    return over
