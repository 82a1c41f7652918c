"""Mounts by descriptor, and another root: what a namespace shows of the machine, and nothing else (Linux 5.12)."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from lab.kernel.ground.syscalls import system_call

_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_CLONE_TREE, _CLOEXEC, _RECURSIVE, _EMPTY_PATH = 1, os.O_CLOEXEC, 0x8000, 0x1000
_FROM_EMPTY_PATH = 4
_AT_FDCWD = -100
_READ_ONLY = 1
_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def shown(path: str, *, read_only: bool = True) -> int:
    """A descriptor of a mount that shows ``path`` and all that is mounted below it, nowhere yet; raises OSError.

    It can be put somewhere by `put`, whatever has been mounted over the path in the meantime (open_tree(2), mount_setattr(2)).
    """
    tree = system_call(_OPEN_TREE, _AT_FDCWD, path.encode(), _CLONE_TREE | _CLOEXEC | _RECURSIVE)
    if read_only:
        try:
            attributes = (ctypes.c_uint64 * 4)(_READ_ONLY, 0, 0, 0)
            system_call(_MOUNT_SETATTR, tree, b"", _EMPTY_PATH | _RECURSIVE, attributes, ctypes.sizeof(attributes))
        except BaseException:
            os.close(tree)
            raise
    return tree


def put(tree: int, target: str) -> None:
    """Put what `shown` gave over ``target``, a folder or a file as that is, and close it (move_mount(2)); raises OSError."""
    try:
        system_call(_MOVE_MOUNT, tree, b"", _AT_FDCWD, target.encode(), _FROM_EMPTY_PATH)
    finally:
        os.close(tree)


def place_for(target: Path, *, folder: bool) -> None:
    """Make a folder or a file that something is to be put over, and the folders that lead there; raises OSError."""
    (target if folder else target.parent).mkdir(parents=True, exist_ok=True)
    if not folder:
        target.touch()


def become_root(folder: str) -> None:
    """Make ``folder``, a mount, the root of this mount namespace, and let go of the old one (pivot_root(2)); raises OSError."""
    os.chdir(folder)
    here = ctypes.c_char_p(b".")
    for result in (_libc.pivot_root(here, here), _libc.umount2(here, _DETACH)):
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"pivot_root: {os.strerror(number)}")
    os.chdir("/")


def make_read_only(path: str) -> None:
    """Make the one mount at ``path`` read-only (mount_setattr(2)); raises OSError."""
    attributes = (ctypes.c_uint64 * 4)(_READ_ONLY, 0, 0, 0)
    system_call(_MOUNT_SETATTR, _AT_FDCWD, path.encode(), 0, attributes, ctypes.sizeof(attributes))
