"""What `ip addr` and `ip link` print as text, with `-d`, `-o` and `-s` or without, of iproute2 or busybox."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface
from itertools import pairwise

from lab.errors import InputError, Problem, Where
from lab.record.host import Dumped, Link
from lab.twin.addresses import interface_of, joined

_HEADER = re.compile(r"(\d+): (\S+): <([^>]*)>\s*(.*)")
_BEGUN = re.compile(r"(\d+): (\S+?)(?::\s+|\s+)(?=(?:inet6?|link/\S+) )")  # how `ip -o addr` begins each line
_COMMAND = re.compile(r"(?:[$#>]|\S+@\S+[#$])\s*(?:sudo\s+)?(?:\S*/)?ip\s|(?:sudo\s+)?ip\s")
_NO_KIND = frozenset(("altname", "vf", "inet", "inet6", "valid_lft"))
_KIND = re.compile(r"[a-z][a-z0-9_]*")
_BY_LINK_TYPE = {"ppp": "ppp", "sit": "sit", "ipip": "ipip", "gre": "gre", "tunnel6": "ip6tnl"}
_UNUSED = "dadfailed"  # somebody else has the address (net/ipv6/addrconf.c)


@dataclass(slots=True)
class _Draft:
    """An interface while its lines are read."""

    name: str
    index: str
    line: int
    flags: Sequence[str] | None = None
    kind: str | None = None
    mac: str | None = None
    mtu: int | None = None
    master: str | None = None
    addresses: list[IPv4Interface | IPv6Interface] = field(default_factory=list)
    peer: list[str] = field(default_factory=list)

    def link(self) -> Link:
        """What is known of it when all is read."""
        flags = self.flags
        return Link(
            self.name, tuple(dict.fromkeys(self.addresses)), self.kind, self.mac, self.mtu, flags is None or "UP" in flags,
            self.master, tuple(dict.fromkeys(self.peer)), flags is not None and "POINTOPOINT" in flags,
        )  # fmt: skip


def links_of_text(dumped: Dumped) -> tuple[Link, ...]:
    """The interfaces of a text; raises InputError with the first line that is not of it."""
    drafts: dict[tuple[str, str], _Draft] = {}
    draft: _Draft | None = None
    for number, line in _lines(dumped.text):
        where = Where(dumped.shown, number)
        if header := _HEADER.match(line):
            draft = _draft(drafts, header[1], header[2], number)
            draft.flags = header[3].split(",")
            _words(draft, header[4].split(), where)
        elif begun := _BEGUN.match(line):
            draft = _draft(drafts, begun[1], begun[2], number)
            _detail(draft, line[begun.end():].split(), where)
        elif line[:1] in (" ", "\t") and draft is not None:
            _detail(draft, line.split(), where)
        elif not _COMMAND.match(line):
            mend = "take what `ip addr` prints" if not line.startswith(("inet", "\t")) else "take it with the lines above it"
            raise InputError(Problem(f"`{line.strip()[:80]}` is no line of `ip addr`", where, mend))
    return joined((one.link(), Where(dumped.shown, one.line)) for one in drafts.values())


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, with their numbers; ``-o`` joins several by a backslash."""
    for number, line in enumerate(text.split("\n"), start=1):
        for part in line.rstrip("\r").split("\\"):
            if part.strip():
                yield number, part


def _draft(drafts: dict[tuple[str, str], _Draft], index: str, word: str, line: int) -> _Draft:
    name, at, _ = word.rpartition("@")
    name = name if at else word
    return drafts.setdefault((index, name), _Draft(name, index, line))


def _detail(draft: _Draft, words: list[str], where: Where) -> None:
    """Read one indented line: an address, the hardware's, or what `-d` tells of a kind."""
    word = words[0]
    if word in ("inet", "inet6"):
        _address(draft, words, where)
    elif word.startswith("link/"):
        kind = word.removeprefix("link/")
        if kind == "ether" and len(words) > 1:
            draft.mac = words[1]
        draft.kind = draft.kind or _BY_LINK_TYPE.get(kind)
    elif word not in _NO_KIND and not word.endswith("_slave") and _KIND.fullmatch(word):
        draft.kind = draft.kind if draft.kind not in (None, *_BY_LINK_TYPE.values()) else word


def _words(draft: _Draft, words: list[str], where: Where) -> None:
    for word, following in pairwise(words):
        if word == "mtu":
            if not following.isdecimal() or len(following) > 6:
                raise InputError(Problem(f"the MTU {following[:20]!r} is no number", where, "take it as `ip addr` prints it"))
            draft.mtu = int(following)
        elif word == "master":
            draft.master = following


def _address(draft: _Draft, words: list[str], where: Where) -> None:
    """``inet A/P``, ``inet A peer B/P``; what a kernel does not use is left out."""
    if len(words) < 2:
        raise InputError(Problem(f"no address follows `{words[0]}`", where, "take it as `ip addr` prints it"))
    if _UNUSED in words:
        return
    own, far = words[1], words[3] if words[2:3] == ["peer"] and len(words) > 3 else None
    address, peer = interface_of(own, far, 6 if words[0] == "inet6" else 4, where)
    draft.addresses.append(address)
    if peer is not None:
        draft.peer.append(peer)
