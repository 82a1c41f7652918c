"""Interfaces that rules name, against those that the host has."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from lab.errors import InputError, Problem, Where
from lab.record.host import Host
from lab.ruleset.absent import named_interfaces
from lab.ruleset.constants import constants_in
from lab.ruleset.held_text import rules_in
from lab.written.words import Address, is_address

_MOST_NAMED = 5


def _named(host: Host) -> dict[str, Where]:
    """The interfaces that the rules of ``host`` name whole, each with its first place."""
    found: dict[str, Where] = {}
    for kind, dump in host.rulesets.items():
        for number, rule in rules_in(kind, dump.text) if kind != "ipset" else ():
            for name in named_interfaces(rule):
                if name and name[-1] not in "+*" and name[0] != "*":
                    found.setdefault(name, Where(dump.shown, number))
    return found


def check_interfaces(host: Host) -> str | None:
    """What to say of interfaces that rules name and the host has not; raises InputError where it has none of several.

    Interfaces come and go, so that one that is missing says little, and a snapshot is of one host whatever it has at the time.
    A host whose interfaces nobody dumped has none to be held against.
    """
    there = {link.name.partition("@")[0] for link in host.links} | {"lo"}
    named = {name: where for name, where in _named(host).items() if name != "lo"}
    absent = {name: where for name, where in named.items() if name not in there}
    if not absent or there == {"lo"}:
        return None
    told = ", ".join(f"{name} ({where})" for name, where in [*absent.items()][:_MOST_NAMED])
    told += f" and {len(absent) - _MOST_NAMED} more" if len(absent) > _MOST_NAMED else ""
    if len(absent) == len(named) > 1 and not host.is_snapshot:
        has = ", ".join(sorted(there - {"lo"}))
        what = f"the rules are of another host than {host.name}: they name {told}, and it has {has}"
        raise InputError(Problem(what, host.at, "give the rules and the snapshot of one host"))
    return f"{host.name}: rules name interfaces that it does not have: {told}: no packet comes or goes by them"


def constants_of(host: Host) -> Iterator[Address]:
    """The addresses that its rules and sets name, prefixes aside."""
    for kind, dump in host.rulesets.items():
        for found in constants_in(kind, dump.text):
            address, _, length = found.partition("/")
            if length in ("", "32", "128") and is_address(address):
                yield ip_address(address)
