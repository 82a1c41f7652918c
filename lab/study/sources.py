"""The sources that a service is asked from: prefixes of a file, or the constants of the rulesets, each with its edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

from lab.errors import InputError, Problem, Where
from lab.ruleset.constants import constants_in
from lab.ruleset.rulesets import Rulesets
from lab.written.address_range import is_range, parse_range
from lab.written.topology import Topology
from lab.written.words import Address, Network

MOST = 65_536  # sources of one sweep: its packets have 16 bits to tell them apart
_NOBODY = ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/127", "ff00::/8", "fe80::/10", "100::/64", "::ffff:0:0/96")
NEVER = tuple(ip_network(text) for text in _NOBODY)


def read_prefixes(file: Path) -> list[Network]:
    """The prefixes, ranges and addresses of a file, one a line, with ``#`` before a remark.

    A range is the prefixes that it is made of.  Raises InputError with each bad line.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(Problem(f"{file} cannot be read: {why}")) from None
    found: list[Network] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, 1):
        word = line.partition("#")[0].strip()
        if word:
            try:
                found += parse_range(word).prefixes() if is_range(word) else [ip_network(word, strict=False)]
            except ValueError:
                mend = "a line is an address, a prefix or a range: 192.0.2.0/24, 192.0.2.1-192.0.2.9, 2001:db8::/32"
                problems.append(Problem(f"{word!r} is not a prefix", Where(str(file), number), mend))
    if not found and not problems:
        problems.append(Problem(f"{file} names no prefix", mend="one prefix a line: 192.0.2.0/24"))
    if problems:
        raise InputError(problems)
    return found


def constants(policies: Iterable[Rulesets]) -> list[Network]:
    """Every address and prefix that the rulesets name."""
    found: dict[Network, None] = {}
    for rulesets in policies:
        for kind, text in rulesets.parts():
            for word in constants_in(kind, text.text):
                try:
                    found[ip_network(word, strict=False)] = None
                except ValueError:
                    continue
    return list(found)


def with_edges(prefixes: Iterable[Network], family: int, topology: Topology) -> tuple[str, ...]:
    """The first and the last address of each prefix of a family, and those next to it outside; ascending.

    Addresses that no host of the topology can send from are left out.  Raises InputError when nothing is left, or too much
    for one sweep.
    """
    chosen = {address for prefix in prefixes if prefix.version == family for address in _edges(prefix)}
    if not chosen:
        raise InputError(Problem(f"no prefix is one of IPv{family}"))
    kept = sorted(
        address for address in chosen if topology.can_send(str(address)) and not any(address in never for never in NEVER)
    )
    if not kept:
        what = f"no IPv{family} prefix has an edge that a host can have: it begins and ends in what nobody has"
        raise InputError(Problem(what, mend="name smaller prefixes: 192.0.2.0/24"))
    if len(kept) > MOST:
        raise InputError(Problem(f"{len(kept)} sources are more than one sweep can tell apart ({MOST})", mend="split the file"))
    return tuple(str(address) for address in kept)


def _edges(prefix: Network) -> Iterator[Address]:
    make = IPv4Address if prefix.version == 4 else IPv6Address
    first, last = int(prefix.network_address), int(prefix.broadcast_address)
    top = (1 << prefix.max_prefixlen) - 1
    yield from (make(number) for number in (first - 1, first, last, last + 1) if 0 <= number <= top)
