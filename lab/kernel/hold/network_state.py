"""What a node holds beside rules, in a normal form: routes, routing rules, addresses, links, sysctls.

As ``ip`` prints it, without the numbers that the kernel gives interfaces, and without the time that an address or a route has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.tools import Running
from lab.kernel.stage.baseline import path_of
from lab.record.node_state import Part

_SYS = Path("/proc/sys")
# those of which a snapshot of a host tells (lab/twin/snapshot.sh)
SYSCTLS = (
    "ipv4/ip_forward", "ipv4/ip_nonlocal_bind", "ipv4/ip_local_port_range", "ipv4/icmp_*", "ipv4/tcp_syncookies",
    "ipv4/tcp_l3mdev_accept", "ipv4/udp_l3mdev_accept", "ipv4/raw_l3mdev_accept", "ipv4/fwmark_reflect",
    "ipv4/tcp_fwmark_accept", "ipv4/fib_multipath_hash_policy", "ipv4/conf/*/rp_filter", "ipv4/conf/*/forwarding",
    "ipv4/conf/*/accept_local", "ipv4/conf/*/route_localnet", "ipv4/conf/*/src_valid_mark",
    "ipv4/conf/*/accept_source_route", "ipv4/conf/*/accept_redirects", "ipv4/conf/*/secure_redirects",
    "ipv4/conf/*/send_redirects", "ipv4/conf/*/log_martians", "ipv4/conf/*/proxy_arp", "ipv4/conf/*/proxy_arp_pvlan",
    "ipv4/conf/*/arp_ignore", "ipv4/conf/*/arp_announce", "ipv4/conf/*/arp_filter", "ipv4/conf/*/disable_policy",
    "ipv4/conf/*/disable_xfrm", "ipv6/conf/*/forwarding", "ipv6/conf/*/disable_ipv6", "ipv6/conf/*/accept_ra",
    "ipv6/conf/*/accept_redirects", "ipv6/conf/*/accept_source_route", "ipv6/conf/*/proxy_ndp", "ipv6/ip_nonlocal_bind",
    "ipv6/fwmark_reflect", "ipv6/icmp/*", "bridge/bridge-nf-*", "netfilter/nf_conntrack_*",
)  # fmt: skip
_MEASURED = "net.netfilter.nf_conntrack_count"
_SWAPPED = str.maketrans("./", "/.")  # as sysctl(8) writes a point in a name
_PASSING = re.compile(r" (?:expires|valid_lft|preferred_lft|age|qdisc|link-netnsid) \S+| tentative\b")
_LINK = re.compile(r"\d+: ([^:@\s]+)(?:@[^:\s]+)?: (.*)")
_ADDRESS = re.compile(r"\d+: (\S+)\s+(.*)")
_TABLE = re.compile(r" table (\S+)")


Start = Callable[[Sequence[str]], Running]
"""Starts a tool in the node, which whoever gives this ends."""


@contextmanager
def tools_in(namespace: Namespace) -> Iterator[Start]:
    """What starts tools in a node; at the end those that are still at work are stopped."""
    with ExitStack() as undo:

        def start(command: Sequence[str]) -> Running:
            running = Running(namespace, command)
            undo.callback(running.stop)
            return running

        yield start


class NetworkReading:
    """The tools at work that print it."""

    def __init__(self, namespace: Namespace, start: Start) -> None:
        self._namespace = namespace
        self._families = (4, 6) if Path("/proc/net/if_inet6").exists() else (4,)
        asked = {f"-{family} {what}": ["ip", f"-{family}", what, "show", *(["table", "all"] if what == "route" else [])]
                 for family in self._families for what in ("route", "rule")}  # fmt: skip
        asked |= {what: ["ip", "-o", what, "show"] for what in ("addr", "link")}
        self._running = {name: start(command) for name, command in asked.items()}

    def parts(self, node: str, own: Iterable[str] = ()) -> Iterator[Part]:
        """All of it; ``own`` are further sysctls.  Raises MeasurementError."""
        lines = {name: _lines(printed(node, running)) for name, running in self._running.items()}
        for family in self._families:
            six = "" if family == 4 else "-6 "
            routes = sorted(map(_plain, lines[f"-{family} route"]), key=_place)
            yield Part("routes", f"ipv{family}", f"ip {six}route", tuple(routes), ordered=True)
            rules = map(_plain, lines[f"-{family} rule"])
            yield Part("routing rules", f"ipv{family}", f"ip {six}rule", tuple(rules), ordered=True)
        yield Part("addresses", "", "ip addr", tuple(sorted(_of_interface(_ADDRESS, line) for line in lines["addr"])))
        yield Part("links", "", "ip link", tuple(sorted(_of_interface(_LINK, line) for line in lines["link"])))
        yield Part("sysctls", "", "sysctl", tuple(f"{key} = {value}" for key, value in self._sysctls(own).items()))

    def _sysctls(self, own: Iterable[str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        with self._namespace:
            files = {file for pattern in SYSCTLS for file in (_SYS / "net").glob(pattern)}
            files |= {Path(path_of(key)) for key in own}
            for file in files:
                try:
                    value = file.read_text()
                except OSError:
                    continue  # write-only, for root alone, or gone with its interface
                found[str(file.relative_to(_SYS)).translate(_SWAPPED)] = " ".join(value.split())
        found.pop(_MEASURED, None)
        return dict(sorted(found.items()))


def _plain(line: str) -> str:
    """The line without what passes, and without what the kernel numbers."""
    return " ".join(_PASSING.sub("", f" {line}".replace("\\", " ")).split())


def _of_interface(pattern: re.Pattern[str], line: str) -> str:
    """The interface's name and what is said of it, without its index and that of its other end."""
    found = pattern.fullmatch(line)
    return _plain(line if found is None else f"{found[1]} {found[2]}")


def _place(route: str) -> tuple[str, str]:
    """Table and destination: among routes that have both, the order of the kernel counts."""
    table = _TABLE.search(route)
    kind, _, rest = route.partition(" ")
    return (table[1] if table else "main", rest.partition(" ")[0] if kind.isalpha() and kind != "default" else kind)


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def printed(node: str, running: Running) -> str:
    """What a tool prints of a node; raises MeasurementError where it fails."""
    done = running.finish()
    if done.code != 0:
        raise MeasurementError(Problem(f"{node}: what it holds cannot be listed: {done.stopped or done.err.strip()}"))
    return done.out
