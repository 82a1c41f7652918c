"""The right to make namespaces: root has it, an ordinary user gets it inside a user namespace."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from lab.errors import MachineError, Problem
from lab.kernel.ground.namespace import Home, Namespace
from lab.kernel.ground.syscalls import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUSER, make_mounts_private, unshare

ROOTLESS = "LAB_ROOTLESS"
_SWITCHES = (
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
)


def can_make_nodes() -> bool:
    """Whether this process may make a network namespace and come back from it."""
    home = Home()
    try:
        Namespace(home).close()
    except PermissionError:
        return False
    finally:
        home.close()
    return True


def enter() -> None:
    """Make sure that this process may build labs, through a user namespace if it must.

    Only a process with one thread can enter one (unshare(2)); MachineError says what is in the way and what mends it.
    """
    if can_make_nodes():
        return
    user, group = os.geteuid(), os.getegid()
    try:
        unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
    except OSError as error:
        raise MachineError(_refusal(error)) from error
    try:
        make_mounts_private()
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    except OSError as error:
        raise MachineError(_refusal(error)) from error
    _be_rootless(user)


def settle(user: int) -> None:
    """What remains to be done in a user namespace that another process of ``user`` made, and this one has come into."""
    unshare(CLONE_NEWNS)
    make_mounts_private()
    _be_rootless(user)


def _be_rootless(user: int) -> None:
    os.environ[ROOTLESS] = "1"
    # inside, this user is called root; programs that name files after their user must not take root's
    os.environ["LOGNAME"] = os.environ["USER"] = f"uid{user}"


def require() -> None:
    """Raise MachineError when this process may not build labs (and can no longer be helped, as it has threads)."""
    if not can_make_nodes():
        raise MachineError(
            Problem(
                "this process may not make network namespaces",
                mend="run pytest through the lab, which enters a user namespace first: lab pytest ARGS   (or run as root)",
            )
        )


def user_namespace_switch() -> str | None:
    """The sysctl that keeps ordinary users from user namespaces, as an assignment that mends it; None if none does."""
    for path, blocking, mend in _SWITCHES:
        try:
            if Path("/proc/sys", path).read_text().strip() == blocking:
                return mend
        except OSError:
            continue
    return None


def _refusal(error: OSError) -> Problem:
    if error.errno == errno.EINVAL:
        return Problem("a process with threads cannot enter a user namespace", mend="start it with: lab pytest ARGS")
    switch = user_namespace_switch()
    mend = f"sudo sysctl -w {switch}   (or run as root)" if switch else "run as root, or in a container with --privileged"
    return Problem(f"no permission to make network namespaces, nor a user namespace ({error.strerror})", mend=mend)
