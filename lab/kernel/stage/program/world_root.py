"""The root of a node's world: the machine's programs, read-only, and of the machine nothing else; the rest is its own."""

from __future__ import annotations

import socket as sockets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from os import umask
from pathlib import Path
from typing import Any

from lab.kernel.ground.mounts import become_root, make_read_only, place_for, put, shown
from lab.kernel.ground.syscalls import MS_NODEV, MS_NOEXEC, MS_NOSUID, make_mounts_private, mount

LAB = "/run/lab"
OWN_FOLDERS = ("/etc", "/root", "/home", "/var", "/run", "/tmp", "/dev/shm")
"""Where those in the node may write."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_ROOT = "/tmp"  # what is to be the root is mounted here first
_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_SIZES = {"/etc": 8, "/root": 16, "/home": 16, "/var": 32, "/run": 16, "/tmp": 64}  # MiB
_MODES = {"/root": "700", "/tmp": "1777"}
_ETC_FILES = (
    "passwd", "group", "protocols", "services", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "localtime", "inputrc",
    "bash.bashrc", "rpc", "ethertypes", "xtables.conf", "os-release", "host.conf", "gai.conf",
)  # fmt: skip
_ETC_FOLDERS = ("ld.so.conf.d", "alternatives", "terminfo", "iproute2")
_LINKS = {
    "/dev/fd": "/proc/self/fd", "/dev/stdin": "fd/0", "/dev/stdout": "fd/1", "/dev/stderr": "fd/2", "/dev/ptmx": "pts/ptmx",
}  # fmt: skip
_PROC_READ_ONLY = ("/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi")
_PROC_HIDDEN = ("/proc/sysrq-trigger", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/kmsg")


def furnish(asked: Mapping[str, Any]) -> None:
    """Make the root of this mount namespace as `lab.kernel.stage.world` asks for it, and go there; raises OSError."""
    make_mounts_private()
    trees = dict(_of_the_machine(asked["python"]))
    trees[f"{LAB}/nodes"] = shown(asked["doors"])
    etc = {f"/etc/{name}": Path("/etc", name).read_bytes() for name in _ETC_FILES if Path("/etc", name).is_file()}
    links = {path: str(Path(path).readlink()) for path in _PROGRAMS if Path(path).is_symlink()}
    hidden = [str(Path(path).resolve()) for path in asked["hidden"]]
    mount("tmpfs", _ROOT, "mode=755,size=1m,nr_inodes=1k", MS_NOSUID | MS_NODEV)
    umask(0o022)
    _make_folders()
    for path, tree in trees.items():
        place_for(_at(path), folder=path not in DEVICES)
        put(tree, _ROOT + path)
    for path, where in {**links, **_LINKS}.items():
        _at(path).symlink_to(where)
    _make_proc()
    _make_sys()
    _write(etc)
    _write({path: text.encode() for path, text in asked["files"].items()})
    _write_commands(asked["commands"], asked["called"])
    for path in hidden:
        _hide(path)
    sockets.sethostname(asked["hostname"])
    become_root(_ROOT)
    for path in ("/dev", "/"):
        make_read_only(path)


def _at(path: str) -> Path:
    """Where that lies which will be ``path`` once the root has changed."""
    return Path(_ROOT + path)


def _of_the_machine(python: Sequence[str]) -> Iterator[tuple[str, int]]:
    """What is shown of it: its programs, this Python where it is not among them, some devices and settings."""
    folders = [path for path in _PROGRAMS if Path(path).is_dir() and not Path(path).is_symlink()]
    devices = [path for path in DEVICES if Path(path).exists()]
    settings = [f"/etc/{name}" for name in _ETC_FOLDERS if Path("/etc", name).is_dir()]
    for path in (*folders, *devices, *settings):
        yield path, shown(path)
    for path in dict.fromkeys(str(Path(one).resolve()) for one in python):
        if path != "/" and not any(Path(path).is_relative_to(other) for other in folders):
            with suppress(OSError):  # where its name leads through folders that are another user's
                yield path, shown(path)


def _make_folders() -> None:
    """Folders of its own, of which none can be filled without end."""
    for folder, size in _SIZES.items():
        _make_folder(folder, f"mode={_MODES.get(folder, '755')},size={size}m,nr_inodes=8k")
    for folder in ("/var/log", "/var/lib", "/var/tmp", "/run/lock", LAB):
        _at(folder).mkdir()
    _make_folder("/dev", "mode=755,size=64k,nr_inodes=64")
    _make_folder("/dev/shm", "mode=1777,size=8m,nr_inodes=1k")
    _at("/dev/pts").mkdir()
    mount("devpts", f"{_ROOT}/dev/pts", "newinstance,ptmxmode=0666,mode=620", MS_NOSUID | MS_NOEXEC)


def _make_folder(folder: str, options: str) -> None:
    _at(folder).mkdir()
    mount("tmpfs", _ROOT + folder, options, MS_NOSUID | MS_NODEV)


def _make_proc() -> None:
    """Its own processes, and of the kernel's switches those of the node's network alone."""
    _at("/proc").mkdir()
    mount("proc", f"{_ROOT}/proc", flags=MS_NOSUID | MS_NODEV | MS_NOEXEC)
    network = shown(f"{_ROOT}/proc/sys/net", read_only=False)
    put(shown(f"{_ROOT}/proc/sys"), f"{_ROOT}/proc/sys")
    put(network, f"{_ROOT}/proc/sys/net")
    for path in _PROC_READ_ONLY:
        if _at(path).is_dir():
            put(shown(_ROOT + path), _ROOT + path)
    for path in _PROC_HIDDEN:
        _hide(path)


def _make_sys() -> None:
    """What the kernel tells of the node's interfaces; in some containers it cannot be had."""
    _at("/sys").mkdir()
    with suppress(OSError):
        mount("sysfs", f"{_ROOT}/sys", flags=MS_NOSUID | MS_NODEV | MS_NOEXEC)
        make_read_only(f"{_ROOT}/sys")


def _write(files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        _at(path).parent.mkdir(parents=True, exist_ok=True)
        _at(path).write_bytes(content)


def _write_commands(commands: Mapping[str, str], called: Mapping[str, str]) -> None:
    """The lab's own commands, and other names for the machine's: they stand before those and cannot be changed."""
    folder = f"{LAB}/bin"
    _make_folder(folder, "mode=755,size=256k,nr_inodes=64")
    for name, text in commands.items():
        _write({f"{folder}/{name}": text.encode()})
        _at(f"{folder}/{name}").chmod(0o755)
    for name, path in called.items():
        _at(f"{folder}/{name}").symlink_to(path)
    make_read_only(_ROOT + folder)


def _hide(path: str) -> None:
    """Cover what would be seen at ``path``, where anything is."""
    place = _at(path)
    if place.is_dir():
        mount("tmpfs", str(place), "mode=755,size=4k,nr_inodes=2", MS_NOSUID | MS_NODEV)
        make_read_only(str(place))
    elif place.exists():
        put(shown("/dev/null"), str(place))
