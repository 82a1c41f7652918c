"""What of the machine a figure depends on."""

from __future__ import annotations

from pathlib import Path

from lab.bench.figures import Found, Size


def machine(size: Size) -> Found:  # noqa: ARG001 - as every group is called
    """The kernel's limits for sockets and backlogs; None where this network namespace does not show them."""
    return Found({"rmem_max": _sysctl("rmem_max"), "backlog": _sysctl("netdev_max_backlog")})


def _sysctl(name: str) -> int | None:
    try:
        return int(Path("/proc/sys/net/core", name).read_text())
    except OSError:
        return None
