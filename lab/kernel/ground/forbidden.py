"""System calls that a process, and what it starts, give up for good (seccomp(2))."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Mapping

_PR_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h: BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ, BPF_RET
_NUMBER, _MACHINE = 0, 4  # offsets in struct seccomp_data
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_SYSLOG: Mapping[str, tuple[int, int]] = {
    "x86_64": (0xC000003E, 103),
    "aarch64": (0xC00000B7, 116),
    "riscv64": (0xC00000F3, 116),
}
"""By machine: its AUDIT_ARCH, and its number of syslog(2)."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def give_up_kernel_log() -> None:
    """Have syslog(2) fail with EPERM for the calling thread and what it starts, which must have no_new_privs; raises OSError.

    It tells the whole machine's log, whatever the namespace.  On a machine that is not known here nothing is done.
    """
    if (known := _SYSLOG.get(platform.machine())) is None:
        return
    machine, number = known
    program = b"".join(
        struct.pack("HBBI", *one)
        for one in (
            (_LOAD, 0, 0, _MACHINE),
            (_IF_EQUAL, 0, 3, machine),
            (_LOAD, 0, 0, _NUMBER),
            (_IF_EQUAL, 0, 1, number),
            (_RETURN, 0, 0, _FAIL | errno.EPERM),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(_Program(len(program) // 8, program)), 0, 0) != 0:
        found = ctypes.get_errno()
        raise OSError(found, f"prctl: {errno.errorcode.get(found)}")
