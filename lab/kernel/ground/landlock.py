"""Landlock: a thread, and what it starts, gives up rights on files for good (landlock(7), Linux 5.13)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection

from lab.kernel.ground.syscalls import system_call

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _TRUNCATE = 1 << 0, 1 << 1, 1 << 14
# Remove a folder or a file, make a device, folder, file, socket, pipe or link; and write into what is there.
_WRITES = _WRITE_FILE | sum(1 << right for right in range(4, 13))
_MAKE_DEVICE = 1 << 6 | 1 << 11
_REFER = 1 << 13
_SINCE = {2: _REFER, 3: _TRUNCATE}  # the version of Landlock that knows the right


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of Landlock's interface, from 1; 0 where this kernel has none or does not let it be used."""
    try:
        return system_call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def restrict_thread(*, writes: Collection[str], executes: Collection[str] | None, owns: Collection[str] = ()) -> None:
    """Keep the calling thread from writing, making or removing any file but ``writes`` that it has not yet opened.

    ``owns`` are folders below which it may do all of that, but make no device.  It and what it starts may execute nothing but
    ``executes`` (the ELF loader of a program is one of them); None allows all.  Paths that are not there are left out.  The
    thread needs CAP_SYS_ADMIN or no_new_privs; raises OSError.
    """
    known = version()
    rights = _WRITES | sum(right for since, right in _SINCE.items() if since <= known)
    if executes is not None:
        rights |= _EXECUTE
    handled = ctypes.c_uint64(rights)
    ruleset = system_call(_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
    try:
        for path in writes:
            _allow(ruleset, path, rights & (_WRITE_FILE | _TRUNCATE))
        for path in owns:
            _allow(ruleset, path, rights & ~(_EXECUTE | _MAKE_DEVICE))
        for path in executes or ():
            _allow(ruleset, path, _EXECUTE)
        system_call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = _PathBeneath(rights, descriptor)
        system_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)
