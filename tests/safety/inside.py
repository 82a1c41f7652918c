"""Run as the first process of a machine of its own: ends labs at chosen moments and prints, as JSON, what was left.

``inside.py kill SEED MOMENTS``, ``tools TIMES``, ``interrupt``, ``ended SIGNAL …``, ``whole`` or ``kept``, then the command
line of the lab.  The caller has given it a pid and a mount namespace, and empty folders in the place of /tmp and the like.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.safety import inside_kept, machine

Report = dict[str, Any]
_WHILE_BUILT = 5
_LOOK_S = 0.005  # between two looks at a lab that runs undisturbed


class Watch:
    """What the machine was like before the first lab."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = folders
        self._files = machine.files(folders)
        self._namespaces = machine.namespaces()
        self._mounts = Counter(machine.mounts())

    def settle(self) -> None:
        """Take the network's state as it is now, after a first lab: its rules may have made the kernel load modules."""
        self._network = machine.network_state()

    def left(self) -> list[str]:
        """What is there now and was not; the lab's process has ended."""
        found = [f"process {name}" for name in machine.survivors()]
        found += [f"file {name}" for name in machine.files(self._folders) if name not in self._files]
        found += [f"namespace {name}" for name in machine.namespaces() - self._namespaces]
        found += [f"mount {line}" for line in (Counter(machine.mounts()) - self._mounts).elements()]
        return found + machine.differences(self._network, machine.network_state())


def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the lab, its output going nowhere."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process ends by itself within that time."""
    descriptor = os.pidfd_open(process.pid)
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    ended = bool(waiting.poll(seconds * 1000))
    os.close(descriptor)
    return ended


def nodes_of(process: subprocess.Popen[bytes]) -> int:
    """How many network namespaces the lab holds."""
    links = set()
    for link in Path(f"/proc/{process.pid}/fd").glob("*"):
        try:
            target = str(link.readlink())
        except OSError:  # it has just been closed
            continue
        if target.startswith("net:"):
            links.add(target)
    return len(links)


def tools_of(process: subprocess.Popen[bytes]) -> dict[int, str]:
    """The processes that the lab has started and that run, by number."""
    return {number: name for number, name in machine.processes().items() if number != process.pid}


def kill_now(process: subprocess.Popen[bytes], watch: Watch, at: float) -> Report:
    """``kill -9``, and what was left."""
    nodes, tools = nodes_of(process), tools_of(process)
    process.kill()
    code = process.wait()
    return {"at": round(at, 4), "code": code, "nodes": nodes, "tools": list(tools.values()), "left": watch.left()}


def first_run(command: Sequence[str], watch: Watch) -> None:
    """A lab to which nothing happens, before the others."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    machine.survivors()
    watch.settle()


def life(command: Sequence[str]) -> tuple[float, float]:
    """When the lab makes its first node, and when it ends, if nothing happens to it: in seconds since its start."""
    begin, process = time.perf_counter(), start(command)
    while nodes_of(process) == 0 and not ended_within(process, _LOOK_S):
        pass
    built = time.perf_counter() - begin
    assert process.wait() == 0
    return built, time.perf_counter() - begin


def kill(command: Sequence[str], watch: Watch, seed: int, moments: int) -> Iterator[Report]:
    """Kill the lab at random moments of its life, until that many were killed; each fifth while its nodes are being made.

    That is a moment of some milliseconds, which chance may miss.  Another fifth is at any moment of its life, the
    rest from the first node on: before it has one, it has little to leave.  A lab that ended before its moment tells how long
    one takes by now: other work of the machine comes and goes.
    """
    first_run(command, watch)
    built, seconds = life(command)
    chance = random.Random(seed)
    killed = 0
    while killed < moments:
        at = chance.uniform(0 if killed % _WHILE_BUILT == 1 else min(built, seconds), seconds)
        process, begin = start(command), time.perf_counter()
        if killed % _WHILE_BUILT == 0:
            while nodes_of(process) <= killed // _WHILE_BUILT and not ended_within(process, 0):
                pass
        elif ended_within(process, at):
            seconds = min(seconds, time.perf_counter() - begin)
        report = kill_now(process, watch, at)
        killed += report["code"] == -signal.SIGKILL
        yield report


def kill_with_tools(command: Sequence[str], watch: Watch, times: int) -> Iterator[Report]:
    """Kill the lab as soon as its first tool (iptables-restore) is at work, then another lab at its second, and so on."""
    first_run(command, watch)
    for wanted in range(1, times + 1):
        process = start(command)
        begin, seen = time.perf_counter(), set[int]()
        while len(seen) < wanted and not ended_within(process, 0):
            seen |= set(tools_of(process))
        yield kill_now(process, watch, time.perf_counter() - begin)


def interrupt(command: Sequence[str], watch: Watch) -> Iterator[Report]:
    """Ctrl-C when the first matrix is done and the second is under way."""
    first_run(command[:3], watch)
    # a shell's background job ignores the signal, and so would all that it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if " passed" in line:
            process.send_signal(signal.SIGINT)
            break
    told += process.stdout.read()
    yield {"code": process.wait(), "told": told, "left": watch.left()}


def ended(command: Sequence[str], watch: Watch, *signals: int) -> Iterator[Report]:
    """A lab that sends itself these signals, each in another run, of which the environment tells it."""
    first_run(command, watch)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, signum in enumerate(signals):
        done = subprocess.run(
            command, env={**os.environ, "LAB_MOMENT": str(number), "LAB_SIGNAL": str(signum)}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        yield {"code": done.returncode, "out": done.stdout, "err": done.stderr, "left": watch.left()}


def whole(command: Sequence[str], watch: Watch) -> Iterator[Report]:
    """A whole run in a network that counts what it sends."""
    first_run(command, watch)
    before = sent()
    code = start(command).wait()
    yield {"code": code, "left": watch.left(), "sent": [before, sent()]}


def labs_that_stay_up(command: Sequence[str], watch: Watch) -> Iterator[Report]:
    """Those of `inside_kept`."""
    return inside_kept.kept(command, watch.settle, watch.left)


def sent() -> dict[str, list[int]]:
    """Bytes and packets that each interface has sent."""
    fields = (line.split() for line in Path("/proc/thread-self/net/dev").read_text().replace(":", " ").splitlines()[2:])
    return {name: [int(numbers[8]), int(numbers[9])] for name, *numbers in fields}


def main() -> None:
    """Do what the command line says, a line of JSON for each lab."""
    what, folders, *rest = sys.argv[1:]
    watch = Watch(folders.split(","))
    split = rest.index("--")
    numbers, command = [int(number) for number in rest[:split]], rest[split + 1 :]
    ways = {
        "kill": kill, "tools": kill_with_tools, "interrupt": interrupt, "ended": ended, "whole": whole,
        "kept": labs_that_stay_up,
    }  # fmt: skip
    for report in ways[what](command, watch, *numbers):  # type: ignore[operator]
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
