"""What the lab can send at a node, and which of it one would rather send."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.diagrams import (
    DESTINATION,
    DPORT,
    ENTERED,
    LEFT,
    NOWHERE,
    PROTO,
    SOURCE,
    SPORT,
    TCP_FLAGS,
    Flows,
    Space,
)
from lab.model.now import NEW, Now
from lab.model.routes import Routes
from lab.model.stage import Stage
from lab.ruleset.addresses import together

SYN, ACK, FIN, RST = 2, 16, 1, 4
_ORDINARY = (443, 80, 22, 53, 25, 123, 8080, 993, 3306)
_ECHO = {4: (8, 1), 6: (128, 58)}
# nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c: what may begin a flow, and what is never tracked
_BEGINS = {4: (8, 13, 15, 17), 6: (128, 139)}
_NEVER_TRACKED: dict[int, tuple[int, ...]] = {4: (), 6: (130, 131, 132, 133, 134, 135, 136, 143)}


class Sendable:
    """The flows that begin at a stage, by the kind of their first packet."""

    def __init__(self, space: Space, stage: Stage, routes: Routes) -> None:
        self._space, self._stage, self._routes = space, stage, routes
        echo, icmp = _ECHO[space.family]
        self.tcp, self.udp = space.number(PROTO, 6), space.number(PROTO, 17)
        self.icmp = space.number(PROTO, icmp)
        self.echo = self.icmp & space.number(DPORT, echo << 8)
        self.known = self.tcp | self.udp | self.icmp
        self.syn = self.tcp & space.number(TCP_FLAGS, SYN)
        self._plain = ~self.tcp & space.number(TCP_FLAGS, 0)
        begins, untracked = (
            self.icmp & space.any([space.prefix(DPORT, kind << 8, 8) for kind in kinds[space.family]])
            for kinds in (_BEGINS, _NEVER_TRACKED)
        )
        self._strange = self.icmp & ~begins
        port = ((1, 65535),)
        with_ports = space.ranges(DPORT, port) & space.ranges(SPORT, port)
        # the protocols that have none are one service each
        icmp = self.icmp & ~untracked
        self._headers = ((self.tcp | self.udp) & with_ports) | icmp | (~self.known & space.number(DPORT, 0))
        self._asked = ~space.ranges(DESTINATION, stage.unaskable) if stage.unaskable else space.all
        beaten = [space.interface(LEFT, name) & space.interface(ENTERED, name) for name in space.interfaces if name != NOWHERE]
        back = space.without(routes.ways(Now(NEW)) & space.any(beaten), [LEFT])
        self._through = space.any([
            space.interface(ENTERED, one.interface) & space.ranges(SOURCE, one.sources) & ~space.ranges(DESTINATION, one.beside)
            for one in stage.entrances
        ]) & ~back  # fmt: skip
        to_itself = routes.own(Now(NEW))
        self._to_itself = to_itself & space.any([
            space.interface(ENTERED, one.interface) & space.ranges(SOURCE, one.sources) for one in stage.entrances
        ])
        own = space.ranges(SOURCE, routes.own_addresses)
        self._from_itself = space.interface(ENTERED, NOWHERE) & own & ~to_itself

    @property
    def from_outside(self) -> Flows:
        """What comes in by an interface, to the node or beyond, with any flags."""
        return (self._through | self._to_itself) & self._asked & self._headers

    @property
    def from_itself(self) -> Flows:
        """What the node sends, each with the interface that it leaves by."""
        return self._from_itself & self._asked & self._headers & self._routes.ways(Now(NEW))

    @property
    def first(self) -> Flows:
        """Of any packet: the first of a flow; a bare ACK is one too (nf_conntrack_tcp_loose)."""
        return self.syn | (self.tcp & self._space.number(TCP_FLAGS, ACK)) | (self._plain & ~self._strange)

    @property
    def stray(self) -> Flows:
        """Of any packet: one that conntrack takes for invalid; of segments its tcp_conntracks tells that (sNO)."""
        flags = [some for some in range(64) if some & ~(FIN | RST | ACK) == 0 and some not in (0, ACK)]
        segments = self.tcp & self._space.ranges(TCP_FLAGS, together((some, some) for some in flags))
        return segments | (self._plain & self._strange)

    @property
    def answered(self) -> Flows:
        """Of first packets: those that somebody answers."""
        return self.syn | self.udp | self.echo

    def preferences(self) -> Iterator[Flows]:
        """What one would rather send, the most important first."""
        space, stage = self._space, self._stage
        yield self.syn | self.udp | self.echo
        yield space.any([
            space.interface(ENTERED, one.interface) & space.ranges(SOURCE, one.hosts) for one in stage.entrances
        ])  # fmt: skip
        yield space.ranges(DESTINATION, together((*stage.hosts, *self._routes.own_addresses)))
        yield ~self._to_itself | space.any([
            space.interface(ENTERED, name) & space.ranges(DESTINATION, ranges) for name, ranges in stage.own.items() if ranges
        ])  # fmt: skip
        yield space.without(
            space.any([
                self._routes.ways(Now(NEW)) & space.interface(LEFT, name) & space.ranges(SOURCE, ranges)
                for name, ranges in stage.own.items() if ranges
            ]) | ~space.interface(ENTERED, NOWHERE), [LEFT],
        )  # fmt: skip
        yield self.syn
        yield self.udp
        yield ~(_ends(space, SOURCE) | _ends(space, DESTINATION))
        for port in _ORDINARY:
            yield space.number(DPORT, port) & ~self.icmp
        yield space.ranges(DPORT, ((1024, 65535),)) | self.icmp


def _ends(space: Space, field: str) -> Flows:
    """Addresses that may be a network's own or its broadcast address."""
    return space.masked(field, 255, 0) | space.masked(field, 255, 255)
