"""Up means up: every link's operstate is UP and every bridge port forwards, as the kernel's notifications tell."""

from __future__ import annotations

import select
import socket as sockets
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from pyroute2 import IPRoute

from lab.errors import MeasurementError, Problem
from lab.kernel.node import Node
from lab.kernel.wiring import BRIDGE

_RTMGRP_LINK = 1
_FORWARDING = 3
DEADLINE_S = 10.0


class Readiness:
    """Watches the links of ``nodes`` from before they are brought up; `wait` returns when all of them carry packets."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._watchers: list[sockets.socket] = []

    def __enter__(self) -> Self:
        for node in self._nodes:
            watcher = node.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, sockets.NETLINK_ROUTE)
            self._watchers.append(watcher)
            watcher.bind((0, _RTMGRP_LINK))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watcher in self._watchers:
            watcher.close()

    def wait(self) -> None:
        """Until all links are up; raises MeasurementError when one is not within `DEADLINE_S`."""
        deadline = time.monotonic() + DEADLINE_S
        for node, watcher in zip(self._nodes, self._watchers, strict=True):
            with node.netlink() as route:
                while waiting := _not_ready(route):
                    ready, _, _ = select.select([watcher], [], [], max(0.0, deadline - time.monotonic()))
                    if not ready:
                        raise MeasurementError(
                            Problem(f"{node.name}: {', '.join(waiting)} not up after {DEADLINE_S:.0f} s")
                        )
                    _discard(watcher)


def _discard(watcher: sockets.socket) -> None:
    """Read what waits: that something changed is enough, the state itself is asked for again."""
    while True:
        try:
            watcher.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS: some changes were lost, and there were some
            return


def _not_ready(route: IPRoute) -> list[str]:
    waiting = []
    for link in route.get_links():
        name = link.get_attr("IFLA_IFNAME")
        if name in ("lo", BRIDGE) or not link["flags"] & 1:
            continue
        info = link.get_attr("IFLA_LINKINFO")
        kind = info.get_attr("IFLA_INFO_KIND") if info else None
        if kind == "dummy":
            continue
        port = info.get_attr("IFLA_INFO_SLAVE_DATA") if info else None
        forwarding = port is None or port.get_attr("IFLA_BRPORT_STATE") in (None, _FORWARDING)
        if link.get_attr("IFLA_OPERSTATE") != "UP" or not forwarding:
            waiting.append(name)
    return waiting
