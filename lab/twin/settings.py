"""A host's sysctls as its node has them: those that decide about packets, and whether it forwards."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lab.errors import Where
from lab.record.host import Host
from lab.ruleset.held_text import rules_in
from lab.twin.devices import Devices
from lab.twin.twin import Guess

_FORWARDING = {4: ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"), 6: ("net.ipv6.conf.all.forwarding",)}
# what a lab measures by (its ICMP errors, its addresses, its connections) stays as its baseline has it
_OF_INTERFACES = re.compile(
    r"net\.ipv4\.conf\.(?P<four>[^.]+(?:\.[^.]+)*)\.(?:rp_filter|src_valid_mark|accept_local|route_localnet|accept_source_route"
    r"|forwarding|drop_unicast_in_l2_multicast)|net\.ipv6\.conf\.(?P<six>[^.]+(?:\.[^.]+)*)\.(?:forwarding|accept_source_route)"
)
_OF_NODES = frozenset((
    "net.ipv4.fwmark_reflect", "net.ipv6.fwmark_reflect", "net.ipv4.tcp_fwmark_accept", "net.ipv4.icmp_echo_ignore_all",
    "net.ipv4.icmp_echo_ignore_broadcasts", "net.ipv6.icmp.echo_ignore_all", "net.ipv4.fib_multipath_hash_policy",
    "net.ipv6.fib_multipath_hash_policy", "net.ipv4.ip_default_ttl", "net.netfilter.nf_conntrack_tcp_loose",
    "net.netfilter.nf_conntrack_tcp_be_liberal", "net.netfilter.nf_conntrack_checksum",
))  # fmt: skip
_OF_ALL = ("all", "default")
_NUMBER = re.compile(r"-?\d+")
_TRANSLATES = ("SNAT", "MASQUERADE", "DNAT")


def settings_of(host: Host, devices: Devices) -> Mapping[str, str]:
    """The sysctls of ``host`` that its node is given, of interfaces that it has."""
    found = {}
    for key, value in host.sysctls.items():
        of_interface = _OF_INTERFACES.fullmatch(key)
        name = (of_interface["four"] or of_interface["six"]).replace("/", ".") if of_interface else ""
        wanted = key in _OF_NODES or name in _OF_ALL or name in devices.there
        forwards = key in (*_FORWARDING[4], *_FORWARDING[6])
        if wanted and not forwards and _NUMBER.fullmatch(value.strip()):
            found[key] = value.strip()
    return found


def forwards(host: Host, family: int) -> bool | None:
    """Whether the host forwards packets of the family, as its sysctls say; None where none does."""
    said = next((host.sysctls[key] for key in _FORWARDING[family] if key in host.sysctls), None)
    return None if said is None else said.strip() != "0"


def guessed_forwarding(host: Host) -> Guess | None:
    """That it forwards, by the first rule that speaks of it; None where none does."""
    for kind, dump in host.rulesets.items():
        if kind == "ipset":
            continue
        lines = dump.text.split("\n")
        for number, line in enumerate(lines, start=1):
            if "hook forward" in line:
                return _guess(host, dump.shown, number, line)
        for number, rule in rules_in(kind, dump.text):
            if rule.chain == "FORWARD" or rule.target in _TRANSLATES:
                return _guess(host, dump.shown, number, lines[number - 1])
    return None


def _guess(host: Host, shown: str, number: int, line: str) -> Guess:
    return Guess(f"{host.name} forwards packets", line.strip(), Where(shown, number), host=host.name)
