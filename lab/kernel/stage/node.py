"""A node: one host of the lab, with its interfaces and, where it has a policy, its rules and their trace."""

from __future__ import annotations

import socket as sockets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lab.kernel.ground.namespace import Home, Namespace
from lab.kernel.ground.owned_table import Owner
from lab.kernel.stage.program.process import Process
from lab.kernel.stage.program.witness import Witness
from lab.kernel.stage.quiet_table import keep_quiet
from lab.record.path import LOOPBACK

_LOOPBACK_INDEX = 1  # of every namespace (LOOPBACK_IFINDEX, net/flow.h)


@dataclass(frozen=True, slots=True)
class Port:
    """One interface of a node: its index, MAC and addresses of both families (without prefix length).

    ``link_local`` is one besides that which it makes itself, "" where there is none.
    """

    name: str
    network: str
    index: int
    mac: bytes
    addresses: tuple[str, ...]
    link_local: str = ""

    def of_family(self, family: int) -> tuple[str, ...]:
        """Its addresses of the family (4 or 6)."""
        return tuple(address for address in self.addresses if (":" in address) == (family == 6))


class Node:
    """One host: a namespace, its ports by interface name, and the sysctls that were written into it.

    With a ``descriptor`` it is a host that another process built.
    """

    def __init__(self, name: str, home: Home, descriptor: int | None = None) -> None:
        self.name = name
        self.namespace = Namespace(home, descriptor)
        self._quiet: Owner | None = None
        self._programs: list[Process] = []
        self.ports: dict[str, Port] = {}
        self.sysctls: dict[str, str] = {}

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address of the node, of both families, in the order of its interfaces."""
        return tuple(address for port in self.ports.values() for address in port.addresses)

    def has(self, family: int) -> bool:
        """Whether the node has an address of the family (4 or 6)."""
        return any(port.of_family(family) for port in self.ports.values())

    def socket(self, family: int, kind: int, protocol: int = 0) -> sockets.socket:
        """A non-blocking socket that stays in this node."""
        return self.namespace.socket(family, kind, protocol)

    def sockets(self, count: int, family: int, kind: int, protocol: int = 0) -> list[sockets.socket]:
        """``count`` of them, made in one visit."""
        with self.namespace:
            return [sockets.socket(family, kind | sockets.SOCK_NONBLOCK, protocol) for _ in range(count)]

    def port_name(self, index: int) -> str | None:
        """The name of the interface with this index, the loopback's too; None where the node has no such."""
        if index == _LOOPBACK_INDEX:
            return LOOPBACK
        return next((port.name for port in self.ports.values() if port.index == index), None)

    def start(
        self,
        argv: Sequence[str],
        *,
        ready: Witness | None = None,
        files: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        """A program that goes on here until it, or the node, is taken down; as `Process` has it."""
        program = Process(self.name, self.namespace, argv, ready=ready, files=files, environment=environment)
        self._programs.append(program)
        return program

    @property
    def programs(self) -> tuple[Process, ...]:
        """Those that were started here and not stopped, the first one first."""
        return tuple(program for program in self._programs if not program.stopped)

    def keep_quiet(self, *, ruled: bool, instead: bool = False) -> None:
        """Let the kernel say nothing unasked here; ``ruled`` where rulesets are loaded, which may flush what is not owned.

        ``instead`` of what keeps it quiet already, where rulesets are to be loaded only now.
        """
        self._quiet = keep_quiet(self.namespace, owned=ruled, instead=instead)

    def closers(self) -> tuple[Callable[[], None], ...]:
        """What the kernel takes some milliseconds for, so that it is done side by side with others; `close` does it too."""
        return () if self._quiet is None else (self._quiet.remove,)

    def close(self) -> None:
        """End its programs and let go of the namespace."""
        for program in self._programs:
            program.stop()
        for close in self.closers():
            close()
        self.namespace.close()
