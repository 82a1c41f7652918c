"""What a node's IP counted of packets that it took for broken: for who may not read the kernel's reasons, per node and family.

Sources: net/ipv4/proc.c (SNMP_MIB_ITEM of /proc/net/snmp and /proc/net/netstat), net/ipv6/proc.c (/proc/net/snmp6).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.kernel.ground.namespace import Namespace

# a counter, and what skb_drop_reason calls such a drop
_REASONS = {
    "IpExtInCsumErrors": "IP_CSUM", "IpExtInTruncatedPkts": "PKT_TOO_SMALL", "IpInHdrErrors": "IP_INHDR",
    "Ip6InTruncatedPkts": "PKT_TOO_SMALL", "Ip6InHdrErrors": "IP_INHDR",
}  # fmt: skip
_NET = Path("/proc/thread-self/net")


def header_errors(namespace: Namespace) -> Mapping[str, int]:
    """How many packets it refused so far, by the kernel's name for the reason; what it does not count is not there."""
    with namespace:
        counted = {**_of_pairs("snmp"), **_of_pairs("netstat"), **_of_lines("snmp6")}
    found: dict[str, int] = {}
    for counter, reason in _REASONS.items():
        if counter in counted:
            found[reason] = found.get(reason, 0) + counted[counter]
    return found


def _of_pairs(name: str) -> dict[str, int]:
    """A line of names and a line of numbers, one below the other."""
    lines = _lines(name)
    return {
        head.removesuffix(":") + word: int(value)
        for names, values in zip(lines[::2], lines[1::2], strict=False)
        for head, *words in [names.split()]
        for word, value in zip(words, values.split()[1:], strict=False)
    }


def _of_lines(name: str) -> dict[str, int]:
    return {words[0]: int(words[1]) for line in _lines(name) if len(words := line.split()) == 2}


def _lines(name: str) -> list[str]:
    try:
        return (_NET / name).read_text().splitlines()
    except FileNotFoundError:  # no IPv6 in this kernel
        return []
