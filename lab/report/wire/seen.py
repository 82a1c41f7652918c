"""What was seen of a packet: where it was, what it met, what came of it; keys that several documents share."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import Literal, NamedTuple, Protocol

from lab.record import observation, path
from lab.record import session as record
from lab.record.logs import LogWitness
from lab.record.routed import Routed
from lab.record.verdict import Verdict
from lab.report.path import deed
from lab.report.wire.document import key
from lab.report.wire.parts import Count, Family, Many, Rule


@dataclass(frozen=True, kw_only=True)
class Packet:
    """A packet's headers, or those of one way of a connection."""

    family: Family = key()
    proto: Count = key("the IP protocol's number")
    source: str = key("address")
    sport: int | None = key("source port; an echo's identifier")
    destination: str = key("address")
    dport: int | None = key("destination port; an echo's sequence number")


@dataclass(frozen=True, kw_only=True)
class Conntrack:
    """An entry of conntrack's table."""

    node: str = key("whose table it is in")
    state: str = key("the TCP state; ESTABLISHED or NEW for another protocol")
    assured: bool = key("status has ASSURED", of=lambda entry: "ASSURED" in entry.status)
    status: Many[str] = key("conntrack's words: EXPECTED, SEEN_REPLY, ASSURED, CONFIRMED, SRC_NAT, DST_NAT, …")
    mark: Count = key("the entry's mark")
    timeout_s: int = key("seconds until it would expire")
    original: Packet = key()
    reply: Packet = key()
    zone_orig: Count = key("the zone of its original direction; 0: none", older=0)
    zone_reply: Count = key("the zone of its answers; 0: none", older=0)
    helper: str | None = key("the helper that it has", older=None)
    labels: Many[int] = key("the bits of its labels that are set", older=())
    of_source: int | None = key("how many flows of its source the table held; null: nobody asked", older=None)


@dataclass(frozen=True, kw_only=True)
class Logged:
    """One packet that one rule logged."""

    node: str = key("where")
    witness: LogWitness = key("trace: it met a LOG rule; nflog: the message came to its group; nobody: none came")
    prefix: str = key("the rule's prefix; empty for none")
    level: str | None = key("of a LOG: emerg, alert, crit, err, warn, notice, info, debug, audit")
    group: int | None = key("of an NFLOG")
    rule: Rule | None = key("the rule that logged it; null: one of several that say the same")
    packet: Packet | None = key("its headers as they were there; null: the message was too short to hold them")
    hook: str = key("prerouting, input, forward, output, postrouting; empty where that is not told")
    entered: str | None = key("the interface that it came in by", named="in")
    toward: str | None = key("the interface that it is on its way to", named="out")
    mark: int | None = key("its mark; null: a later rule may have set it")
    first: bool = key("it is the request's first packet", of="of_first")
    copied: int | None = key("bytes of the packet that its message held; null by the trace")
    whole: int | None = key("bytes that the packet has; null where that is not told")


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """What the receiver saw."""

    at: str = key("the node")
    address: str = key("the address that the packet came to")
    port: int | None = key("the port that it came to")
    sender: str = key("the source that the receiver saw", named="from", of="source")
    sport: int | None = key("the source port that the receiver saw")


@dataclass(frozen=True, kw_only=True)
class Copied:
    """A copy of the request's first packet, where it came to a node that a row names after `copied`."""

    at: str = key("the node")
    interface: str = key("the interface that it came by")
    packet: Packet = key()


@dataclass(frozen=True, kw_only=True)
class Decided:
    """The rule that decided at one node."""

    node: str = key("a traced node on the way", of=itemgetter(0))
    rule: Rule = key(of=itemgetter(1))


class _Passed(NamedTuple):
    """A step of a path, where it was and the rule that spoke."""

    node: str
    step: path.Step
    rule: path.Rule | _NoRule
    counter: observation.Counter | None


class _NoRule:
    number = comment = source = None


def _did(passed: _Passed) -> str:
    return deed(passed.step)


def _before(passed: _Passed) -> int | None:
    return None if passed.counter is None else passed.counter.before


def _after(passed: _Passed) -> int | None:
    return None if passed.counter is None else passed.counter.after


@dataclass(frozen=True, kw_only=True)
class Step:
    """A rule that a packet met, or the end of a chain."""

    node: str = key("where")
    hook: str = key("the hook that the chain was called from", of="step.hook")
    table: str = key("the table", of="step.table")
    chain: str = key("the chain", of="step.chain")
    number: int | None = key("the rule's place; null for a policy, or for the end of a chain", of="rule.number")
    comment: str | None = key("the rule's comment", of="rule.comment")
    verdict: str = key(
        "accept, drop, continue, return, jump CHAIN, goto CHAIN, queue (NUMBER WORD: what its reader said), stolen",
        of="step.verdict",
    )
    source: str | None = key("the template's file and line", of="rule.source")
    packets_before: int | None = key(
        "what the rule's counter stood at before the probe; null: it was not read, or the rule does not count",
        of=_before, older=None,
    )
    packets_after: int | None = key("and after it; packets of others may be among them", of=_after, older=None)
    did: str = key("the verdict by the rule's own name where it has one: REJECT, DNAT, LOG, NFQUEUE 3", of=_did, older="")


def _control_steps(session: record.Session) -> list[_Passed]:
    ways = session.control.request if session.control is not None else ()
    return [_Passed(one.node, step, step.rule or _NoRule(), None) for one in ways for step in one.steps]


@dataclass(frozen=True, kw_only=True)
class Session:
    """What the two ends of an application said to each other."""

    service: str = key("ftp/passive, …")
    said: Many[str] = key("its lines in order, `> ` of the client, `< ` of the server")
    refused: str = key("how the server refused to go on; empty where it did not")
    server: str = key("the server's own address and port; empty where the control connection did not come to it")
    control_path: Many[Step] = key("the first packet of the control connection", of=_control_steps)


class _Routed(NamedTuple):
    """How one node routed a packet."""

    packet: Literal["request", "answer"]
    node: str
    routed: Routed


@dataclass(frozen=True, kw_only=True)
class Routing:
    """How a node routed a packet, as its kernel says when it is asked the same once more."""

    packet: Literal["request", "answer"] = key("the first packet of which way")
    node: str = key("who routed it")
    mark: Count = key("the packet's mark then", of="routed.mark")
    table: int | None = key("the number of the table that had its route; null: none had, or it is not known", of="routed.table")
    table_name: str | None = key("what the topology calls it", of="routed.name")
    rule: str | None = key(
        "the routing rule that led to that table, concluded from the node's own list; null where it is not certain",
        of="routed.rule",
    )
    route: str | None = key("the route, as `ip route` prints it", of="routed.route")
    refused: str | None = key("what the kernel said in place of a route", of="routed.refused")
    doubt: str | None = key("why the kernel's answer cannot be that of the packet: then nothing is known", of="routed.doubt")


class HasVerdict(Protocol):
    """A record with a verdict."""

    @property
    def verdict(self) -> Verdict:
        """What was proven."""


def routing_of(judged: HasVerdict) -> list[_Routed]:
    """How nodes routed the request's first packet, and the answer's, where they were asked."""
    seen = judged.verdict.observation
    ways: tuple[tuple[Literal["request", "answer"], tuple[path.Path, ...]], ...]
    ways = ("request", seen.request), ("answer", seen.answer)
    return [_Routed(packet, one.node, one.routed) for packet, paths in ways for one in paths if one.routed is not None]


def steps_of(judged: HasVerdict) -> list[_Passed]:
    """The steps of the request's first packet, of a cell or another record that has a verdict."""
    counted: dict[path.Rule | None, observation.Counter] = {one.rule: one for one in judged.verdict.observation.counters}
    steps = [(one.node, step) for one in judged.verdict.path for step in one.steps]
    return [_Passed(node, step, step.rule or _NoRule(), counted.get(step.rule)) for node, step in steps]
