"""A node's world: a root, processes and a name of its own, and a door at which others start commands in it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.resources import files as contents
from pathlib import Path

import lab
from lab.errors import InputError, MachineError, Problem
from lab.kernel.ground.syscalls import CLONE_NEWNS, MS_NODEV, MS_NOEXEC, MS_NOSUID, make_mounts_private, mount, unshare
from lab.kernel.ground.tools import find
from lab.kernel.stage.node import Node
from lab.kernel.stage.program import door_client, world_init
from lab.kernel.stage.program.process import Process

_OWN = ("/etc/", "/run/", "/root/", "/tmp/", "/var/")
_SPARE = ("/mnt", "/media", "/srv", "/opt", "/home", "/boot", "/var/tmp", "/tmp")
_PATH = "/run/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Furniture:
    """What is in a world beside the machine's programs.

    ``hosts`` is its /etc/hosts, ``files`` are texts by their paths below /etc, /run, /root, /tmp or /var, ``hidden`` is
    covered if it could be seen at all, ``lab`` is what the prompt calls the lab.  ``backend`` (nft or legacy) is what
    `iptables` and its like are there, the machine's choice where it is empty.
    """

    lab: str
    hosts: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    hidden: Sequence[Path] = ()
    backend: str = ""


class World(Process):
    """A world that begins, until it is stopped; it dies with the process that made it, and with it all that runs in it."""

    def __init__(self, node: Node, doors: Path, furniture: Furniture) -> None:
        _refuse_elsewhere(node.name, furniture.files)
        self._set_up(node.name, ("world",))
        self._asked = json.dumps(_asked(node.name, doors, furniture)).encode()
        try:
            self._status = self._begin(node.namespace, world_init.__name__)
        except BaseException:
            self.stop()
            raise

    def tell(self) -> None:
        """Tell it what to make."""
        self._tell(self._asked)

    def wait_until_open(self) -> None:
        """Wait until there is somebody behind its door; raises MachineError."""
        with self._status:
            if (said := self._status.read()) != world_init.OPEN:
                why = (said.decode(errors="replace") or self.output()).strip()
                raise MachineError(Problem(f"{self._name}: its world cannot be made: {why}", mend="`lab doctor`"))


def start_worlds(nodes: Sequence[Node], doors: Path, furniture: Callable[[Node], Furniture]) -> tuple[Process, ...]:
    """Give each of the nodes a world, made side by side; otherwise as `start_world`."""
    with ExitStack() as undo:
        worlds = tuple(undo.enter_context(World(node, doors, furniture(node))) for node in nodes)
        for world in worlds:
            world.tell()
        for world in worlds:
            world.wait_until_open()
        undo.pop_all()
    return worlds


def start_world(node: Node, doors: Path, furniture: Furniture) -> Process:
    """Give a node a world, whose door is ``doors``/NODE as soon as this returns.

    Every world sees all ``doors`` in /run/lab/nodes.  ``doors`` may be what `make_doors` made: others then find the door in
    /proc/PID/root of the process that made it.  Raises MachineError when it cannot be made, InputError for a file elsewhere.
    """
    return start_worlds((node,), doors, lambda _: furniture)[0]


def make_doors() -> Path:
    """Give this process, which must have one thread, mounts of its own with a folder for doors that no file system has.

    It lies over a folder in which this process has nothing.  Raises MachineError.
    """
    used = [Path(path).resolve() for path in (*sys.path, sys.prefix, sys.base_prefix, str(Path.cwd()), lab.__file__) if path]
    spare = next((path for path in _SPARE if _is_spare(path, used)), None)
    if spare is None:
        what = f"none of {', '.join(_SPARE)} is a folder that this process does not use"
        raise MachineError(Problem(what, mend="mkdir /mnt"))
    try:
        unshare(CLONE_NEWNS)
        make_mounts_private()
        mount("tmpfs", spare, "mode=700,size=1m,nr_inodes=4k", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError as error:
        raise MachineError(Problem(f"no folder for doors can be made: {error.strerror}", mend="`lab doctor`")) from error
    doors = Path(spare, "doors")
    doors.mkdir()
    return doors


def _is_spare(path: str, used: Sequence[Path]) -> bool:
    real = Path(path).resolve()
    return real.is_dir() and not any(one.is_relative_to(real) for one in used)


def _refuse_elsewhere(name: str, files: Mapping[str, str]) -> None:
    for path in files:
        if not path.startswith(_OWN) or ".." in Path(path).parts or "\0" in path:
            what = f"{name}: {path} is not below /etc, /run, /root, /tmp or /var, where a node has its own files"
            raise InputError(Problem(what))


def _asked(name: str, doors: Path, furniture: Furniture) -> dict[str, object]:
    """What process 1 is told."""
    prompt = f"{furniture.lab} {name} # "
    startup = f"PS1='{prompt}'\nunset HISTFILE\n"
    return {
        "hostname": name,
        "doors": str(doors),
        "files": {
            "/etc/hostname": f"{name}\n", "/etc/hosts": furniture.hosts, "/etc/resolv.conf": "", "/run/lab/dmesg": "",
            "/root/.bashrc": startup, "/root/.profile": startup, **furniture.files,
        },
        "commands": _commands(),
        "called": _called(furniture.backend),
        "hidden": [str(path) for path in (*furniture.hidden, Path(lab.__file__).parent)],
        "python": [sys.base_prefix, sys.base_exec_prefix],
        "environment": {
            "PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb", "PS1": prompt, "USER": "root", "LOGNAME": "root",
            "SHELL": "/bin/sh",
        },
    }  # fmt: skip


def _called(backend: str) -> dict[str, str]:
    """What iptables and its like lead to, by name, where that is not left to the machine."""
    names = [f"{tool}{action}" for tool in ("iptables", "ip6tables") for action in ("", "-restore", "-save")] if backend else []
    tools = {name: find(name.replace("tables", f"tables-{backend}")) for name in names}
    return {name: path for name, path in tools.items() if path}


def _commands() -> dict[str, str]:
    """The lab's own commands in a world, by name."""
    found = {
        one.name: one.read_text(encoding="utf-8") for one in contents("lab.kernel.stage.program").joinpath("bin").iterdir()
    }
    source = Path(door_client.__file__).read_text(encoding="utf-8")
    return {**found, "lab-at": f"#!{os.path.realpath(sys.executable)} -ISB\n{source}"}
