"""The folder in which this user's labs that are up have a folder each; what is stale in it is removed by whoever finds it."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.errors import InputError, MachineError, Problem

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,38}[A-Za-z0-9])?")
_LOCK = "lock"
_CLAIMED = re.compile(r"\.(\d+)\.new")


def runtime_folder() -> Path:
    """The folder of this user, made where it is not there: $LAB_RUNTIME_DIR, else one in $XDG_RUNTIME_DIR, /run or /tmp.

    Raises MachineError where it cannot be made, or is somebody else's.
    """
    return _make(_chosen())


def _make(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        mend = "name another by LAB_RUNTIME_DIR"
        raise MachineError(Problem(f"{folder}, where labs that are up are noted: {error.strerror}", mend=mend)) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        what = f"{folder}, where labs that are up are noted, is not this user's alone"
        raise MachineError(Problem(what, mend=f"chmod 700 {folder}, or name another folder by LAB_RUNTIME_DIR"))
    return folder


def _chosen() -> Path:
    if named := os.environ.get("LAB_RUNTIME_DIR"):
        return Path(named).absolute()
    if given := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(given, "netfilter-lab")
    return Path("/run/netfilter-lab") if os.geteuid() == 0 else Path(f"/tmp/netfilter-lab-{os.geteuid()}")


def require_name(name: str) -> None:
    """Raise InputError for what cannot be the name of a lab that is up."""
    if not _NAME.fullmatch(name):
        what = f"{name!r} cannot be the name of a lab"
        raise InputError(Problem(what, mend="letters, digits, and - _ . within; 40 characters at most"))


class Claim:
    """The folder of one lab, held by its keeper: while this lives, the lab is up.

    Raises InputError when another one has the name.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.folder = root / name
        made = _make_within(root, f".{os.getpid()}.new")
        self._lock = os.open(made / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            made.rename(self.folder)  # never over one that is not empty (rename(2))
        except OSError:
            os.close(self._lock)
            remove(made)
            what = f"a lab called {name} is up already"
            raise InputError(Problem(what, mend=f"--name OTHER, or `lab down {name}`")) from None

    def close(self) -> None:
        """Let go of it: whoever finds it then removes it."""
        os.close(self._lock)


def _make_within(root: Path, name: str) -> Path:
    """A new folder in ``root``, which whoever finds nothing in it removes."""
    made = root / name
    while True:
        _make(root)
        with suppress(FileNotFoundError):  # it was removed just now
            made.mkdir(mode=0o700)
            return made


def tidy(root: Path) -> tuple[Path, ...]:
    """Remove what no keeper holds, and the folder itself if no lab is left; the folders of those that are up."""
    found = tuple(claimed(root))
    if not found:
        with suppress(OSError):  # one is being built
            root.rmdir()
    return found


def remove(folder: Path) -> None:
    """Take away the folder of one lab."""
    gone = folder.with_name(f".{os.getpid()}.gone")
    with suppress(OSError):  # another one was quicker
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def claimed(root: Path) -> Iterator[Path]:
    """The folders whose keeper lives; the others are removed."""
    for folder in _within(root):
        if folder.name.startswith("."):
            _remove_unfinished(folder)
        elif _is_held(folder):
            yield folder
        else:
            remove(folder)


def _within(root: Path) -> list[Path]:
    with suppress(FileNotFoundError):  # the last lab went down just now
        return sorted(root.iterdir())
    return []


def _is_held(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _remove_unfinished(folder: Path) -> None:
    """What a process was making, or taking away, when it was killed."""
    process = folder.name.split(".")[1]
    if process.isdigit() and not Path("/proc", process).exists():
        shutil.rmtree(folder, ignore_errors=True)
