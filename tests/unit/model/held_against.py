"""A model held against single packets: what differs for one of these must lie in a class that is proposed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from random import Random
from typing import NamedTuple
from zlib import crc32

from lab.model.proposal import Proposal, Proposed
from lab.model.propose import propose
from lab.model.stage import Stage, stage_of
from lab.record.difference import Aspect
from lab.ruleset.addresses import address_of, holds, read_addresses
from lab.ruleset.conditions import DESTINATIONS, DPORTS, ICMP_TYPES, PORTS, SOURCES, SPORTS
from lab.ruleset.held import Chains, rules_of
from lab.ruleset.ipset_addresses import addresses_in
from lab.written.icmp_types import ICMP_TYPES as TYPES
from lab.written.icmp_types import parse_icmp
from lab.written.topology import Topology
from tests.unit.model.one_packet import Met1, OnePacket, Sent

_FLAGS = {"NEW": (2, 2, 2, 16), "INVALID": (1, 4, 5, 17, 20)}


class Found(NamedTuple):
    """What differs for one packet, or for the answer to it."""

    aspect: Aspect
    sent: Sent
    old: Met1
    new: Met1


def firewall(interfaces: Mapping[str, str], uplink: str) -> Topology:
    """A node ``fw`` with these interfaces, each with a host on its network; the uplink's stands for everything else."""
    networks, nodes, ports, via = {}, {}, {}, ""
    for place, (name, written) in enumerate(interfaces.items()):
        net = ipaddress.ip_network(written)
        networks[f"net{place}"] = [written]
        ports[name] = {"network": f"net{place}", "address": str(net[1])}
        nodes[f"host{place}"] = {
            "role": "client", "interfaces": {f"net{place}": str(net[2])}, "via": str(net[1]), "anyip": name == uplink,
        }  # fmt: skip
        via = str(net[2]) if name == uplink else via
    nodes["fw"] = {"role": "gateway", "interfaces": ports, "via": via, "forwards": True}
    return Topology.model_validate({"topology": "made", "networks": networks, "nodes": nodes})


class Pair:
    """Two sides on one stage."""

    def __init__(self, topology: Topology, old: Chains, new: Chains, ipsets: tuple[str, str] = ("", "")) -> None:
        self.stage = stage_of(topology, "fw", 4)
        self.old, self.new, self._ipsets, self.family = old, new, ipsets, 4
        self._said = tuple(
            {f"{rule.table}:{rule.chain}:{rule.number}": (rule.table, rule.chain, rule.text) for rule in rules_of(chains)}
            for chains in (old, new)
        )

    def proposed(self) -> Proposed:
        """What the model proposes."""
        old, new = ({"ipset": text} if text else {} for text in self._ipsets)
        return propose(self.old, self.new, self.stage, old_texts=old, new_texts=new, family=self.family)

    def sides(self, seed: int) -> tuple[OnePacket, OnePacket]:
        """Both for single packets; what nobody can read holds or not by a seed."""
        def free(said: str, kind: str) -> bool:
            return bool(crc32(f"{seed} {said} {kind}".encode()) >> 7 & 1)

        return tuple(  # type: ignore[return-value]
            OnePacket(chains, self.stage, addresses_in(text, self.family), free)
            for chains, text in zip((self.old, self.new), self._ipsets, strict=True)
        )

    def packets(self, random: Random, count: int) -> Iterator[Sent]:
        """Packets that can be sent, by preference at the edges of what rules name."""
        return Packets(self.stage, (self.old, self.new), random).some(count)

    def differences(self, sent: Sent, sides: tuple[OnePacket, OnePacket]) -> Iterator[Found]:
        """What the two sides do otherwise with one packet and its answer."""
        old, new = (side.first(sent) for side in sides)
        if "nowhere" in (old.outcome, new.outcome):
            return
        aspect = _aspect(sent, old, new)
        answered = sent.proto == "udp" or (sent.proto, sent.flags) in (("tcp", 2), ("icmp", 8))
        if old.outcome == new.outcome == "accept" and answered and sent.code == 0:
            one, other = (side.answer(sent, met) for side, met in zip(sides, (old, new), strict=True))
            of_answers = _aspect(sent, one, other)
            if of_answers in (Aspect.ALLOW, Aspect.REFUSAL):
                yield Found(of_answers, sent, one, other)
            if "accept" not in (one.outcome, other.outcome) or of_answers == Aspect.ALLOW:
                aspect = None if aspect == Aspect.RULE else aspect
        if aspect is not None:
            yield Found(aspect, sent, old, new)

    def holds(self, found: Found, proposed: Proposed) -> bool:
        """Whether it lies in a class that is proposed, by the rules that decided."""
        old, new = self._said
        return any(
            one.aspect == found.aspect
            and old.get(one.old.rule, one.old.rule) == old.get(found.old.rule, found.old.rule)
            and new.get(one.new.rule, one.new.rule) == new.get(found.new.rule, found.new.rule)
            and is_in(found.sent, one) for one in proposed.proposals
        )  # fmt: skip


def is_in(sent: Sent, one: Proposal) -> bool:
    """Whether a packet is in the shadows of a class."""
    ends = ((sent.source, one.of.sources), (sent.destination, one.of.destinations))
    return all("…" in words or holds(read_addresses(words, sent.family), number) for number, words in ends) and any(
        _serves(sent, word) for word in one.of.services
    )


def _serves(sent: Sent, word: str) -> bool:
    proto, _, rest = word.partition("/")
    if proto != sent.proto:
        return False
    if proto == "icmp":
        if rest in TYPES:
            return TYPES[rest][0] == sent.flags
        low, _, high = rest.partition("-")
        return int(low) <= sent.flags <= int(high or low)
    return any(
        int(low) <= (sent.dport or 0) <= int(high or low)
        for part in rest.split(",") for low, _, high in (part.partition("-"),)
    )


def _translation(sent: Sent, met: Met1) -> object:
    """What became of its ends, where that is another than it was."""
    same = met.to is not None and met.to[0] == sent.destination and met.to[1] in (None, sent.dport)
    return None if same else met.to, "" if met.source_shown == str(address_of(sent.source, sent.family)) else met.source_shown


def _aspect(sent: Sent, old: Met1, new: Met1) -> Aspect | None:
    passed = old.outcome == "accept", new.outcome == "accept"
    if passed[0] != passed[1]:
        return Aspect.ALLOW
    if not passed[0] and old.outcome != new.outcome:
        return Aspect.REFUSAL
    if passed[0] and _translation(sent, old) != _translation(sent, new):
        return Aspect.TRANSLATION
    if passed[0] and (old.mark, old.left) != (new.mark, new.left):
        return Aspect.WAY
    if set(old.logs) != set(new.logs):
        return Aspect.LOG
    return Aspect.RULE if old.said != new.said else None


class Packets:
    """Random packets at the edges of what rules name."""

    def __init__(self, stage: Stage, sides: tuple[Chains, Chains], random: Random) -> None:
        self._stage, self._random = stage, random
        named: dict[str, list[int]] = {SOURCES: [], DESTINATIONS: [], SPORTS: [], DPORTS: [], ICMP_TYPES: []}
        for chains in sides:
            for rule in rules_of(chains):
                for asked in rule.partly.asked:
                    if asked.field in (SOURCES, DESTINATIONS):
                        ranges = [one for _, some in asked.values for one in some[:20]]
                        named[asked.field] += [number for low, high in ranges for number in (low - 1, low, high, high + 1)]
                    elif asked.field in (SPORTS, DPORTS, PORTS):
                        field = DPORTS if asked.field == PORTS else asked.field
                        named[field] += [number for low, high in asked.values for number in (low - 1, low, high, high + 1)]
        self._named = {field: sorted(set(numbers)) for field, numbers in named.items()}
        own = [number for ranges in stage.own.values() for number, _ in ranges]
        self._places = [*own, *(low for low, _ in stage.hosts)]

    def some(self, count: int) -> Iterator[Sent]:
        """So many that can be sent, or fewer."""
        for _ in range(count):
            sent = self._one()
            if sent is not None:
                yield sent

    def _pick(self, field: str, low: int, high: int) -> int:
        numbers = self._named[field]
        if numbers and self._random.random() < 0.8:
            return min(max(self._random.choice(numbers), low), high)
        return self._random.randint(low, high)

    def _one(self) -> Sent | None:
        random, stage = self._random, self._stage
        own = {number for ranges in stage.own.values() for number, _ in ranges}
        destination = random.choice(self._places) if random.random() < 0.4 else self._pick(DESTINATIONS, 2**24, 2**31)
        if random.random() < 0.15:
            entered, source = None, random.choice(sorted(own))
            if destination in own:
                return None
        else:
            wanted = self._pick(SOURCES, 2**24, 2**31) if random.random() < 0.7 else random.choice(self._places)
            fitting = [one for one in stage.entrances if holds(one.sources, wanted)]
            entrance = random.choice(fitting or stage.entrances)
            low, high = random.choice(entrance.sources)
            entered, source = entrance.interface, wanted if fitting else random.randint(low, high)
            back = OnePacket({}, stage, {}, lambda *_: False).route(destination, source, 0, entered)
            if destination not in own and (back == entered or holds(entrance.beside, destination)):
                return None
        if holds(stage.unaskable, destination):
            return None
        proto = random.choice(("tcp", "tcp", "tcp", "udp", "icmp"))
        state = "INVALID" if proto == "tcp" and random.random() < 0.15 else "NEW"
        if proto == "icmp":
            kind = random.choice((8, 8, 0, 3, 13))
            return Sent(4, proto, source, destination, None, None, kind, 0, entered, "NEW" if kind in (8, 13) else "INVALID")
        flags = random.choice(_FLAGS[state]) if proto == "tcp" else 0
        sport = random.randint(1024, 65535) if random.random() < 0.7 else self._pick(SPORTS, 1, 65535)
        return Sent(4, proto, source, destination, sport, self._pick(DPORTS, 1, 65535), flags, 0, entered, state)


def of_flow(one: Proposal, stage: Stage) -> Sent:
    """The packet of a proposal's flow."""
    flow = one.flow
    proto, _, rest = flow.service.partition("/")
    source = int(ipaddress.ip_address(flow.source))
    entered = None if flow.node == stage.node else next(
        each.interface for each in stage.entrances if each.sender == flow.node and holds(each.sources, source)
        and (not one.of.entered or each.interface in one.of.entered)
    )
    kind, code = parse_icmp(flow.service, proto, rest) if proto == "icmp" else (0, 0)
    flags = sum({"fin": 1, "rst": 4, "ack": 16}[name] for name in flow.flags) or (2 if proto == "tcp" else kind)
    ported = proto in ("tcp", "udp")
    return Sent(
        flow.family, proto, source, int(ipaddress.ip_address(flow.destination)), (flow.sport or 40000) if ported else None,
        int(rest) if ported else None, flags, code, entered,
        "NEW" if flow.flags in ((), ("ack",)) and (ported or flags in (8, 13, 15, 17)) else "INVALID",
    )  # fmt: skip


def told(found: Found) -> str:
    """One difference, for who looks for what is wrong."""
    sent = found.sent
    ends = f"{address_of(sent.source, sent.family)}:{sent.sport} > {address_of(sent.destination, sent.family)}:{sent.dport}"
    return f"{found.aspect}: {sent.proto} {ends} flags {sent.flags} in {sent.entered} {sent.state}: {found.old} / {found.new}"
