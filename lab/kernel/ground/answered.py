"""System calls that a process, and what it starts, are answered without the kernel doing anything (seccomp(2))."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Mapping
from pathlib import Path

_PR_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h: BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ, BPF_RET
_NUMBER, _MACHINE = 0, 4  # offsets in struct seccomp_data
_ALLOW, _ANSWER = 0x7FFF0000, 0x00050000
_NUMBERS: Mapping[str, tuple[int, Mapping[str, int]]] = {
    "x86_64": (0xC000003E, {"syslog": 103, "setgroups": 116}),
    "aarch64": (0xC00000B7, {"syslog": 116, "setgroups": 159}),
    "riscv64": (0xC00000F3, {"syslog": 116, "setgroups": 159}),
}
"""By machine: its AUDIT_ARCH, and its numbers of these system calls."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def answer_for_the_kernel(answers: Mapping[str, int]) -> None:
    """Have system calls return at once, with this error or 0 for success, in the calling thread and in what it starts.

    It must have no_new_privs.  On a machine whose numbers are not known here nothing is done.  Raises OSError.
    """
    if (known := _NUMBERS.get(platform.machine())) is None:
        return
    machine, numbers = known
    instructions = [(_LOAD, 0, 0, _MACHINE), (_IF_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, _NUMBER)]
    for name, error in answers.items():
        instructions += [(_IF_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, _ANSWER | error)]
    program = b"".join(struct.pack("HBBI", *one) for one in (*instructions, (_RETURN, 0, 0, _ALLOW)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(_Program(len(program) // 8, program)), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl: {os.strerror(number)}")


def may_set_groups() -> bool:
    """Whether this user namespace lets anybody call setgroups(2) (user_namespaces(7))."""
    try:
        return Path("/proc/self/setgroups").read_text().strip() != "deny"
    except OSError:
        return True
