"""What rules of a host name: its interfaces, and addresses."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from lab.errors import Where
from lab.record.host import Host
from lab.ruleset.absent import named_interfaces
from lab.ruleset.constants import constants_in
from lab.ruleset.held_text import rules_in
from lab.written.words import Address, is_address


def interfaces_named(host: Host) -> dict[str, Where]:
    """The interfaces that its rules name whole, each with its first place; the loopback says nothing."""
    found: dict[str, Where] = {}
    for kind, dump in host.rulesets.items():
        for number, rule in rules_in(kind, dump.text) if kind != "ipset" else ():
            for name in named_interfaces(rule):
                if name and name[-1] not in "+*" and name[0] != "*" and name != "lo":
                    found.setdefault(name, Where(dump.shown, number))
    return found


def constants_of(host: Host) -> Iterator[Address]:
    """The addresses that its rules and sets name, prefixes aside."""
    for kind, dump in host.rulesets.items():
        for found in constants_in(kind, dump.text):
            address, _, length = found.partition("/")
            if length in ("", "32", "128") and is_address(address):
                yield ip_address(address)
