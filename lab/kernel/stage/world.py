"""A node's world: a root, processes and a name of its own, and a door at which others start commands in it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files as contents
from pathlib import Path

import lab
from lab.errors import InputError, MachineError, Problem
from lab.kernel.ground.syscalls import CLONE_NEWNS, MS_NODEV, MS_NOEXEC, MS_NOSUID, make_mounts_private, mount, unshare
from lab.kernel.stage.node import Node
from lab.kernel.stage.program import door_client
from lab.kernel.stage.program.process import Process

_MODULE = "lab.kernel.stage.program.world_init"
_OWN = ("/etc/", "/run/", "/root/", "/tmp/", "/var/")
_SPARE = ("/mnt", "/media", "/srv", "/opt", "/home", "/boot", "/var/tmp", "/tmp")
_PATH = "/run/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Furniture:
    """What is in a world beside the machine's programs.

    ``hosts`` is its /etc/hosts, ``files`` are texts by their paths below /etc, /run, /root, /tmp or /var, ``hidden`` is
    covered if it could be seen at all, ``lab`` is what the prompt calls the lab.
    """

    lab: str
    hosts: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    hidden: Sequence[Path] = ()


class World(Process):
    """A world, from now until it is stopped; it dies with the process that made it, and with it all that runs in it."""

    def __init__(self, node: Node, doors: Path, furniture: Furniture) -> None:
        _refuse_elsewhere(node.name, furniture.files)
        self._set_up(node.name, ("world",))
        try:
            self._start(node.namespace, json.dumps(_asked(node.name, doors, furniture)).encode(), _MODULE)
        except BaseException:
            self.stop()
            raise


def start_world(node: Node, doors: Path, furniture: Furniture) -> Process:
    """Give a node a world, whose door is ``doors``/NODE as soon as this returns.

    Every world sees all ``doors`` in /run/lab/nodes.  ``doors`` may be what `make_doors` made: others then find the door in
    /proc/PID/root of the process that made it.  Raises MachineError when it cannot be made, InputError for a file elsewhere.
    """
    return World(node, doors, furniture)


def make_doors() -> Path:
    """Give this process, which must have one thread, mounts of its own with a folder for doors that no file system has.

    It lies over a folder in which this process has nothing.  Raises MachineError.
    """
    used = [os.path.realpath(path) for path in (*sys.path, sys.prefix, sys.base_prefix, os.getcwd(), lab.__file__) if path]
    spare = next((path for path in _SPARE if _is_spare(path, used)), None)
    if spare is None:
        raise MachineError(Problem(f"none of {', '.join(_SPARE)} is a folder that this process does not use", mend="mkdir /mnt"))
    try:
        unshare(CLONE_NEWNS)
        make_mounts_private()
        mount("tmpfs", spare, "mode=700,size=1m,nr_inodes=4k", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError as error:
        raise MachineError(Problem(f"no folder for doors can be made: {error.strerror}", mend="`lab doctor`")) from error
    doors = Path(spare, "doors")
    doors.mkdir()
    return doors


def _is_spare(path: str, used: Sequence[str]) -> bool:
    real = os.path.realpath(path)
    return os.path.isdir(real) and not any(Path(one).is_relative_to(real) for one in used)


def _refuse_elsewhere(name: str, files: Mapping[str, str]) -> None:
    for path in files:
        if not path.startswith(_OWN) or ".." in Path(path).parts or "\0" in path:
            raise InputError(Problem(f"{name}: {path} is not below /etc, /run, /root, /tmp or /var, where a node has its own files"))


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
        "hidden": [str(path) for path in (*furniture.hidden, Path(lab.__file__).parent)],
        "python": [sys.base_prefix, sys.base_exec_prefix],
        "environment": {
            "PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb", "PS1": prompt, "USER": "root", "LOGNAME": "root",
            "SHELL": "/bin/sh",
        },
    }  # fmt: skip


def _commands() -> dict[str, str]:
    """The lab's own commands in a world, by name."""
    found = {
        one.name: one.read_text(encoding="utf-8") for one in contents("lab.kernel.stage.program").joinpath("bin").iterdir()
    }
    source = Path(door_client.__file__).read_text(encoding="utf-8")
    return {**found, "lab-at": f"#!{os.path.realpath(sys.executable)} -ISB\n{source}"}
