"""The written baseline: what every node's sysctls are before its first link exists.

A new namespace inherits some sysctls from the machine and some from the kernel's defaults, so without this the same
matrix could differ from machine to machine.  Meanings are those of the kernel's ip-sysctl and nf_conntrack-sysctl pages.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from lab.errors import InputError, MachineError, Problem
from lab.kernel.ground.namespace import Namespace

_IPV4_CONF = {
    "rp_filter": "0", "accept_local": "0", "route_localnet": "0", "send_redirects": "0", "accept_redirects": "0",
    "secure_redirects": "0", "accept_source_route": "0", "arp_ignore": "0", "arp_announce": "0", "proxy_arp": "0",
    "arp_notify": "0", "log_martians": "0", "src_valid_mark": "0",
}  # fmt: skip
_IPV6_CONF = {
    "accept_dad": "0", "dad_transmits": "0", "router_solicitations": "0", "accept_ra": "0", "accept_redirects": "0",
    "autoconf": "0", "use_tempaddr": "0", "hop_limit": "64", "ndisc_notify": "0",
}  # fmt: skip
_BORN_WITH = {"addr_gen_mode": "0"}  # for links that are yet to be made; for all, it is an order to those that are there
_PLAIN = {
    # limited ICMP errors would make a REJECT look like a DROP
    "net.ipv4.icmp_ratemask": "0",
    "net.ipv6.icmp.ratemask": "",
    "net.ipv4.icmp_echo_ignore_all": "0",
    "net.ipv4.ip_default_ttl": "64",
    "net.ipv4.ip_nonlocal_bind": "0",
    "net.ipv4.ip_unprivileged_port_start": "0",
    "net.ipv4.tcp_ecn": "2",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_tw_reuse": "0",
    # what lingers would take another sender's probe, translated to the same address and port, for an old packet
    "net.ipv4.tcp_max_tw_buckets": "0",
    # a handshake that was cut off must not speak again into a later probe
    "net.ipv4.tcp_synack_retries": "0",
    # backlogs spread over processors would break the order that fences rely on
    "net.core.rps_default_mask": "0",
}
_CONNTRACK = {
    "net.netfilter.nf_conntrack_tcp_loose": "1",
    "net.netfilter.nf_conntrack_tcp_be_liberal": "0",
    "net.netfilter.nf_conntrack_acct": "0",
    "net.netfilter.nf_conntrack_checksum": "1",
    "net.netfilter.nf_conntrack_log_invalid": "0",
}
_SWAPPED = str.maketrans("./", "/.")  # which of both comes first separates, and the other is a point in a name (sysctl(8))
_SHUT = (errno.EACCES, errno.EPERM, errno.EROFS)  # EROFS: /proc/sys of an ordinary container
# what not every kernel has or has loaded, and what is there where it has it
_OPTIONAL = {
    "net.core.rps_default_mask": "net.core.somaxconn",
    "net.netfilter.": "net.netfilter.nf_conntrack_acct",
    "net.ipv6.": "net.ipv6.conf.all.disable_ipv6",
    "net.bridge.": "net.core.somaxconn",
}


def baseline(*, forwards: bool, ipv6: bool, anyip: bool) -> dict[str, str]:
    """Every sysctl of a node, in the order in which they are written (``ip_forward`` resets others, so it is first)."""
    forwarding = "1" if forwards else "0"
    written = {"net.ipv4.ip_forward": forwarding, "net.ipv6.conf.all.forwarding": forwarding if ipv6 else "0"}
    written |= _PLAIN | _CONNTRACK
    for scope in ("all", "default"):
        written |= {f"net.ipv4.conf.{scope}.{key}": value for key, value in _IPV4_CONF.items()}
        written |= {f"net.ipv6.conf.{scope}.{key}": value for key, value in _IPV6_CONF.items()}
        written[f"net.ipv6.conf.{scope}.disable_ipv6"] = "0" if ipv6 else "1"
    written |= {f"net.ipv6.conf.default.{key}": value for key, value in _BORN_WITH.items()}
    if anyip:
        # else it would answer ARP for its neighbours' addresses
        written["net.ipv4.conf.all.arp_ignore"] = "1"
    return written


def of_interface(key: str, interfaces: Iterable[str]) -> bool:
    """Whether ``key`` belongs to one interface, and so can only be written once that exists."""
    path = f"{path_of(key)}/"
    return any(f"/{interface}/" in path for interface in interfaces)


def path_of(key: str) -> str:
    """Where the kernel shows a sysctl, whichever sign its name is written with."""
    first = next((sign for sign in key if sign in "./"), ".")
    return "/proc/sys/" + (key if first == "/" else key.translate(_SWAPPED))


def _may_lack(key: str, own: Collection[str]) -> bool:
    """Whether a node can do without: one of the baseline's, or one of the topology's of which this kernel has no kind."""
    kind = next((there for prefix, there in _OPTIONAL.items() if key.startswith(prefix)), None)
    return kind is not None and (key not in own or not Path(path_of(kind)).exists())


def write_sysctls(
    node: str, namespace: Namespace, values: Mapping[str, str], own: Collection[str] = ()
) -> dict[str, str]:
    """Write ``values`` in the node, ``own`` being the topology's, and return those that this kernel has.

    Raises InputError for one that the topology gives and this kernel has not, MachineError where none can be written.
    """
    written = {}
    with namespace:
        for key, value in values.items():
            try:
                descriptor = os.open(path_of(key), os.O_WRONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                if _may_lack(key, own):
                    continue
                raise InputError(
                    Problem(f"{node}: this kernel has no sysctl {key}", mend="correct its name in the topology")
                ) from None
            except OSError as error:
                if error.errno not in _SHUT:
                    raise
                raise MachineError(_read_only(key, error)) from error
            try:
                os.write(descriptor, value.encode() + b"\n")
            except OSError as error:
                raise InputError(
                    Problem(f"{node}: the kernel refuses sysctl {key} = {value!r}: {error.strerror}")
                ) from error
            finally:
                os.close(descriptor)
            written[key] = value
    return written


def _read_only(key: str, error: OSError) -> Problem:
    return Problem(
        f"{path_of(key)} cannot be written: {error.strerror}",
        mend="in a container run with --privileged, or as an ordinary user with user namespaces (`lab doctor` tells more)",
    )
