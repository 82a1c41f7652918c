"""The root of a node's world: the machine's programs, read-only, and nothing else of the machine; the rest is the node's own."""

from __future__ import annotations

import os
import socket as sockets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.kernel.ground.mounts import become_root, make_read_only, place_for, put, show, shown
from lab.kernel.ground.syscalls import MS_NODEV, MS_NOEXEC, MS_NOSUID, make_mounts_private, mount

LAB = "/run/lab"
OWN_FOLDERS = ("/etc", "/root", "/home", "/var", "/run", "/tmp", "/dev/shm")
"""Where those in the node may write."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_ROOT = "/tmp"  # what is to be the root is mounted here first
_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_SIZES = {"/etc": 8, "/root": 16, "/home": 16, "/var": 32, "/run": 16, "/tmp": 64}  # MiB
_ETC_FILES = (
    "passwd", "group", "protocols", "services", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "localtime", "inputrc",
    "bash.bashrc", "rpc", "ethertypes", "xtables.conf", "os-release", "host.conf", "gai.conf",
)  # fmt: skip
_ETC_FOLDERS = ("ld.so.conf.d", "alternatives", "terminfo", "iproute2")
_LINKS = {"/dev/fd": "/proc/self/fd", "/dev/stdin": "fd/0", "/dev/stdout": "fd/1", "/dev/stderr": "fd/2", "/dev/ptmx": "pts/ptmx"}
_PROC_READ_ONLY = ("/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi")
_PROC_HIDDEN = ("/proc/sysrq-trigger", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/kmsg")


def furnish(asked: Mapping[str, Any]) -> None:
    """Make the root of this mount namespace, and go there; raises OSError."""
    make_mounts_private()
    trees = {path: shown(path) for path in _shown_folders(asked["python"])}
    trees |= {path: shown(path) for path in DEVICES if os.path.exists(path)}
    trees |= {path: shown(path) for path in (f"/etc/{name}" for name in _ETC_FOLDERS) if os.path.isdir(path)}
    etc = {path: _content(path) for path in (f"/etc/{name}" for name in _ETC_FILES) if os.path.isfile(path)}
    links = {path: os.readlink(path) for path in _PROGRAMS if os.path.islink(path)}
    trees[f"{LAB}/nodes"] = shown(asked["doors"])
    hidden = [os.path.realpath(path) for path in asked["hidden"]]
    mount("tmpfs", _ROOT, "mode=755,size=1m,nr_inodes=1k", MS_NOSUID | MS_NODEV)
    os.umask(0o022)
    _make_folders()
    for path, tree in trees.items():
        place_for(_ROOT + path, folder=path not in DEVICES)
        put(tree, _ROOT + path)
    for path, where in {**links, **_LINKS}.items():
        os.symlink(where, _ROOT + path)
    _make_proc_and_sys()
    _write(etc)
    _write(asked["files"])
    _write_commands(asked["commands"])
    for path in hidden:
        _hide(path)
    sockets.sethostname(asked["hostname"])
    become_root(_ROOT)
    for path in ("/dev", "/"):
        make_read_only(path)


def _shown_folders(python: Sequence[str]) -> list[str]:
    """Folders with programs, and those of this Python that are not below them."""
    found = [path for path in _PROGRAMS if os.path.isdir(path) and not os.path.islink(path)]
    for path in map(os.path.realpath, python):
        if path != "/" and not any(Path(path).is_relative_to(other) for other in found):
            found.append(path)
    return found


def _content(path: str) -> bytes:
    return Path(path).read_bytes()


def _make_folders() -> None:
    """Empty folders of its own, of which none can be filled without end."""
    for folder, size in _SIZES.items():
        _own(folder, f"mode={'1777' if folder == '/tmp' else '700' if folder == '/root' else '755'},size={size}m,nr_inodes=8k")
    for folder in ("/var/log", "/var/lib", "/var/tmp", "/run/lock", LAB):
        os.makedirs(_ROOT + folder)
    _own("/dev", "mode=755,size=64k,nr_inodes=64")
    _own("/dev/shm", "mode=1777,size=8m,nr_inodes=1k")
    os.makedirs(f"{_ROOT}/dev/pts")
    mount("devpts", f"{_ROOT}/dev/pts", "newinstance,ptmxmode=0666,mode=620", MS_NOSUID | MS_NOEXEC)


def _own(folder: str, options: str) -> None:
    os.makedirs(_ROOT + folder)
    mount("tmpfs", _ROOT + folder, options, MS_NOSUID | MS_NODEV)


def _make_proc_and_sys() -> None:
    """Its own processes, and of the kernel's switches those of the node's network alone."""
    for folder in ("/proc", "/sys"):
        os.makedirs(_ROOT + folder)
    mount("proc", f"{_ROOT}/proc", flags=MS_NOSUID | MS_NODEV | MS_NOEXEC)
    network = shown(f"{_ROOT}/proc/sys/net", read_only=False)
    show(f"{_ROOT}/proc/sys", f"{_ROOT}/proc/sys")
    put(network, f"{_ROOT}/proc/sys/net")
    for path in _PROC_READ_ONLY:
        if os.path.isdir(_ROOT + path):
            show(_ROOT + path, _ROOT + path)
    for path in _PROC_HIDDEN:
        if os.path.exists(_ROOT + path):
            put(shown("/dev/null"), _ROOT + path)
    with suppress(OSError):  # in some containers it cannot be had
        mount("sysfs", f"{_ROOT}/sys", flags=MS_NOSUID | MS_NODEV | MS_NOEXEC)
        make_read_only(f"{_ROOT}/sys")


def _write(files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        place = Path(_ROOT + path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)


def _write_commands(commands: Mapping[str, str]) -> None:
    """The lab's own commands, which stand before the machine's and cannot be changed."""
    folder = f"{LAB}/bin"
    _own(folder, "mode=755,size=256k,nr_inodes=64")
    _write({f"{folder}/{name}": text for name, text in commands.items()})
    for name in commands:
        Path(f"{_ROOT}{folder}/{name}").chmod(0o755)
    make_read_only(_ROOT + folder)


def _hide(path: str) -> None:
    """Cover what would be seen at ``path``, where anything is."""
    place = _ROOT + path
    if os.path.isdir(place):
        mount("tmpfs", place, "mode=755,size=4k,nr_inodes=2", MS_NOSUID | MS_NODEV)
        make_read_only(place)
    elif os.path.exists(place):
        put(shown("/dev/null"), place)
