"""What one process tells another of a network that it holds: enough to open the same nodes, small, and plain JSON."""

from __future__ import annotations

import fcntl
import os

from pydantic import BaseModel, ConfigDict, ValidationError

from lab.errors import InputError, MachineError, Problem
from lab.kernel.ground.syscalls import CLONE_NEWNET
from lab.kernel.stage.node import Node, Port

_NS_GET_NSTYPE = 0xB703  # linux/nsfs.h
_PLAIN = ConfigDict(
    frozen=True, extra="forbid", strict=True, ser_json_bytes="hex", val_json_bytes="hex", defer_build=True
)


class NamespaceHandle(BaseModel):
    """A namespace by its ``descriptor`` in the process that holds it; ``inode`` tells it from every other."""

    model_config = _PLAIN

    name: str
    descriptor: int
    inode: int


class NodeHandle(NamespaceHandle):
    """A node: its namespace, its ports, and the sysctls that were written into it."""

    ports: tuple[Port, ...]
    sysctls: dict[str, str]


class NetworkHandles(BaseModel):
    """The nodes and bridges that process ``pid`` holds, and what cannot be asked of them: ``diameter`` and who is ``ruled``."""

    model_config = _PLAIN

    pid: int
    diameter: int
    ruled: tuple[str, ...]
    nodes: tuple[NodeHandle, ...]
    bridges: tuple[NamespaceHandle, ...]

    def to_json(self) -> str:
        """The record as JSON."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> NetworkHandles:
        """The record that `to_json` wrote; InputError says what is wrong with it."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            at = ".".join(map(str, first["loc"])) or "the whole"
            raise InputError(Problem(f"this is no handle of a network: {at}: {first['msg']}")) from None


def handle_of(node: Node) -> NodeHandle:
    """What another process needs to open ``node``."""
    descriptor, ports = node.namespace.descriptor, tuple(node.ports.values())
    return NodeHandle(
        name=node.name, descriptor=descriptor, inode=os.fstat(descriptor).st_ino, ports=ports, sysctls=dict(node.sysctls)
    )


def handle_of_bridge(node: Node) -> NamespaceHandle:
    """The same of a hidden node."""
    descriptor = node.namespace.descriptor
    return NamespaceHandle(name=node.name, descriptor=descriptor, inode=os.fstat(descriptor).st_ino)


def open_namespace(pid: int, handle: NamespaceHandle) -> int:
    """A descriptor of this process for a namespace that process ``pid`` holds.

    Raises MachineError when that process is gone, is another one by now, or may not be looked into: it must be of the same
    user and user namespace, or the caller be root.
    """
    try:
        descriptor = os.open(f"/proc/{pid}/fd/{handle.descriptor}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        mend = "is it still running, and started by the same user, in the same user namespace?"
        raise MachineError(Problem(f"{handle.name}: process {pid} does not hold it: {error.strerror}", mend=mend)) from error
    try:
        if fcntl.ioctl(descriptor, _NS_GET_NSTYPE) == CLONE_NEWNET and os.fstat(descriptor).st_ino == handle.inode:
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    what = f"{handle.name}: process {pid} does not hold it any more"
    raise MachineError(Problem(what, mend="ask its keeper for new handles"))
