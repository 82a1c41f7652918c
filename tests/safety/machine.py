"""A machine as a lab must leave it: what of its own network, files, mounts and processes can be told from outside."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

DEADLINE_S = 30.0
PRIVATE = ("/tmp", "/run", "/dev/shm")
_TOOLS = (
    ("ip", "-j", "link"),
    ("ip", "-j", "address"),
    ("ip", "-j", "-4", "route", "show", "table", "all"),
    ("ip", "-j", "-6", "route", "show", "table", "all"),
    ("ip", "-j", "-4", "rule"),
    ("ip", "-j", "-6", "rule"),
    ("ip", "-j", "neighbour", "show", "nud", "permanent"),
    ("ip", "netns", "list"),
    ("nft", "--stateless", "list", "ruleset"),
    ("iptables-nft-save",),
    ("ip6tables-nft-save",),
)
_CLOCKS = ("expires", "preferred_life_time", "valid_life_time")
_COUNTERS = re.compile(r"\[\d+:\d+\]|^#.*$", re.MULTILINE)
_VOLATILE = ("nf_conntrack_count",)  # the machine's own connections
State = Mapping[str, str]


def network_state() -> State:
    """The links, addresses, routes, rules and rulesets of the namespace this process is in, and every sysctl of the network."""
    found = {" ".join(command): _told(command) for command in _TOOLS}
    return found | _sysctls()


def _told(command: tuple[str, ...]) -> str:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": path, "LC_ALL": "C"})
    if command[:2] == ("ip", "-j") and done.stdout.strip():
        entries = [{key: value for key, value in entry.items() if key not in _CLOCKS} for entry in json.loads(done.stdout)]
        return json.dumps(entries)
    return _COUNTERS.sub("", done.stdout + done.stderr)


def _sysctls() -> dict[str, str]:
    found = {}
    for folder, _, files in os.walk("/proc/sys/net"):
        for file in files:
            if file in _VOLATILE:
                continue
            try:
                found[f"{folder}/{file}"] = Path(folder, file).read_text(errors="replace")
            except OSError:  # it can only be written, or is for another user
                found[f"{folder}/{file}"] = ""
    return found


def differences(before: State, after: State) -> list[str]:
    """What is not as it was, in words."""
    names = sorted({*before, *after})
    return [f"{name}: {before.get(name)!r} became {after.get(name)!r}" for name in names if before.get(name) != after.get(name)]


def mounts() -> list[str]:
    """The mounts that this process sees, without their numbers."""
    return sorted(line.split(" ", 3)[3] for line in Path("/proc/self/mountinfo").read_text().splitlines())


def files(folders: Iterable[str]) -> list[str]:
    """Everything that lies in the folders."""
    return sorted(
        f"{place}/{name}" for folder in folders for place, inside, names in os.walk(folder) for name in inside + names
    )  # fmt: skip


def namespaces() -> set[str]:
    """The namespaces that a process, a thread or a descriptor of any visible process holds."""
    found = set()
    for pattern in ("[0-9]*/task/*/ns/*", "[0-9]*/fd/*"):
        for link in Path("/proc").glob(pattern):
            try:
                target = str(link.readlink())
            except OSError:  # it has just been closed
                continue
            if re.fullmatch(r"(net|mnt|user|pid|ipc|uts):\[\d+\]", target):
                found.add(target)
    return found


def processes() -> dict[int, str]:
    """The other processes of this pid namespace: number and name."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        number = int(folder.name)
        if number != os.getpid():
            try:
                found[number] = (folder / "comm").read_text().strip()
            except OSError:  # it has just ended
                continue
    return found


def survivors() -> list[str]:
    """Wait for every other process of this pid namespace, of which this one is the first; those that do not end by themselves.

    They are not told to end: what the kernel's parent-death signal does not end is left.
    """
    deadline = time.monotonic() + DEADLINE_S
    left = []
    for number, name in processes().items():
        try:
            descriptor = os.pidfd_open(number)
        except ProcessLookupError:
            continue
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            left.append(name)
            os.kill(number, signal.SIGKILL)
        os.close(descriptor)
    _reap()
    return left


def _reap() -> None:
    """Take leave of every process that ended as a child of this one."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return
