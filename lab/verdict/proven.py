"""The verdict of an observation: how what was sent is called, and which rule decided at the node under test."""

from __future__ import annotations

from collections.abc import Sequence

from lab.record.observation import Milestone, Observation
from lab.record.packet import PROTOCOL_NAMES
from lab.record.path import End, Path, Rule
from lab.record.verdict import Kind, Verdict
from lab.verdict.deciding import decided
from lab.verdict.witnesses import bears_the_same

_PASSED = (End.LEFT, End.DELIVERED)
_ICMP, _TCP, _ICMPV6 = 1, 6, 58
_ECHO_REQUESTS = {_ICMP: 8, _ICMPV6: 128}
_SYN = 0x02


def verdict_of(
    observation: Observation, at: str | None, kind: Kind, proof: str, packet: str | None = None,
    node: str | None = None, rule: Rule | None = None, *, reject: str | None = None, muted: bool = False,
) -> Verdict:  # fmt: skip
    """The verdict, with the rule that decided at ``at``; ``rule`` stopped the packet at ``node``, where one did."""
    rules = decided(observation.request)
    if rule is None or (kind is not Kind.UNANSWERED and at is not None and node != at):
        rule = dict(rules).get(at, rule) if at is not None else rule or (rules[-1][1] if rules else None)
    passed = _has_passed(observation, at) and not (kind is Kind.CONSUMED and at in (None, node))
    return Verdict(kind, proof, observation, packet, node, rule, rules, reject, muted, passed)


def _passes(path: Path) -> bool:
    """Whether the node let a packet go, or took it in; one that it sent to itself is still to come in."""
    return path.end in _PASSED and not path.turned_back


def _has_passed(observation: Observation, at: str | None) -> bool:
    """Whether a packet of the request left the node under test, or was delivered to it."""
    if observation.arrived is not None or observation.reached is not None:
        return True
    ways: Sequence[Path] = [path for path in observation.request if at is None or path.node == at]
    if at is None and ways:
        return _passes(ways[-1])
    if ways:
        # a copy that a rule made (TEE) bears the same headers, and a later packet of the request may do what the first did not
        copies = [path for path in observation.others if path.node == at and _bears_the_same(path, ways)]
        # those that came to where they were looked for are meant to
        return any(map(_passes, ways)) or (bool(copies) and sum(map(_passes, copies)) > len(observation.copies))
    return observation.stage is not Milestone.SENT


def _bears_the_same(path: Path, ways: Sequence[Path]) -> bool:
    heads = [header for way in ways for header in (way.entry, way.exit) if header is not None]
    return any(bears_the_same(path, head) for head in heads)


def name_of(observation: Observation) -> str:
    """What its first packet is called: SYN, segment, datagram, …."""
    if observation.named is not None:
        return observation.named
    sent = observation.sent
    if sent.proto == _TCP:
        return "SYN" if sent.flags == _SYN else "segment"
    if sent.proto in (_ICMP, _ICMPV6):
        name = PROTOCOL_NAMES[sent.proto]
        return "echo-request" if sent.flags == _ECHO_REQUESTS[sent.proto] else f"{name} message of type {sent.flags}"
    return "datagram"


def losses_at(observation: Observation, node: str) -> str:
    """What conntrack of a node counted meanwhile, in words; empty where it counted nothing."""
    return ", ".join(f"{loss.counter} +{loss.packets}" for loss in observation.losses if loss.node == node)


def consumed(observation: Observation, at: str | None, node: str, packet: str, counted: str) -> Verdict:
    """Past every rule of ``node``, and refused by its conntrack."""
    proof = f"the {packet} ended after the last rule at {node}, and its conntrack counted {counted}"
    return verdict_of(observation, at, Kind.CONSUMED, proof, packet, node)
