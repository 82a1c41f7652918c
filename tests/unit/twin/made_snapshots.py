"""Snapshots as the script takes them, made by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

ADDR = """1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.2/24 brd 203.0.113.255 scope global eth0
"""
MORE_ADDR = f"{ADDR}    inet 192.0.2.2/24 scope global eth0\n"
ROUTES = "default via 203.0.113.1 dev eth0 \n203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.2 \n"
RULES = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n"
SAVE = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp --dport 22 -j ACCEPT
COMMIT
"""
TEXTS = {
    "versions": "kernel = Linux 6.1\n", "iptables-nft-save": SAVE, "nft": "", "ip addr": ADDR, "ip link": ADDR,
    "ip -4 route": ROUTES, "ip -4 rule": RULES, "rt_tables": "254\tmain\n201 uplink2 # the second\n",
    "sysctl": "net.ipv4.ip_forward = 1\nkernel.hostname = gw\n",
}  # fmt: skip
SKIPPED = {
    "ip6tables-nft-save": "no ip6tables-nft-save is here", "iptables-legacy-save": "this host has no table of ip_tables",
    "ip6tables-legacy-save": "this host has no table of ip6_tables", "ipset": "ip_set is not loaded here",
    "ip -6 route": "this kernel has no IPv6", "ip -6 rule": "this kernel has no IPv6", "conntrack": "--conntrack asks for it",
}  # fmt: skip


def document(**changes: Any) -> dict[str, Any]:
    """A snapshot of a small host; ``changes`` are keys of it."""
    made = {
        "format": "netfilter-lab snapshot", "version": 1, "taken": "2026-11-27T10:00:00Z", "host": "gw",
        "parts": parts(), "skipped": SKIPPED, "not_captured": [], "whole": True,
    }  # fmt: skip
    return made | changes


def parts(without: Sequence[str] = (), **texts: str) -> dict[str, Any]:
    """Its parts; names have ``_`` for a blank or a dash: ``ip__4_route`` is ``ip -4 route``."""
    names = {name.replace(" ", "_").replace("-", "_"): name for name in (*TEXTS, *SKIPPED)}
    found = TEXTS | {names[key]: text for key, text in texts.items()}
    return {name: {"text": text, "code": 0, "error": ""} for name, text in found.items() if name not in without}


def snapshot(**changes: Any) -> str:
    """Its text, as the script prints it."""
    return json.dumps(document(**changes), indent=2)


def listed(**seen: str) -> list[Mapping[str, str]]:
    """What the script lists as not captured."""
    return [{"what": what.replace("_", " "), "seen": how} for what, how in seen.items()]
