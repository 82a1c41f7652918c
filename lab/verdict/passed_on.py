"""What is proven where the request is past every traced node on its way, or met none, and the sender has no answer."""

from __future__ import annotations

from lab.record.observation import NOTHING_LISTENS, Observation
from lab.record.path import End, Path
from lab.record.verdict import Kind, Verdict
from lab.verdict.deciding import deciding_rule
from lab.verdict.exchange import discovery_dropped_by, stopped_answer
from lab.verdict.gone import NDISC_REASONS, reasons_in_words
from lab.verdict.proven import consumed, losses_at, name_of, verdict_of

_TCP, _UDP, _ICMPV6 = 6, 17, 58
_DISCOVERY = (135, 136)  # ICMPv6 types
_SYN_ACK = 0x12


def passed_on(observation: Observation, at: str | None, last: Path | None) -> Verdict:
    """The request's first packet is past every traced node on its way, or met none, and the sender has no answer."""
    packet = name_of(observation)
    if observation.local_error:
        proof = f"the sender's own kernel could not send: {observation.local_error}"
        return verdict_of(observation, at, Kind.UNROUTED, proof, packet)
    answer = stopped_answer(observation)
    if answer is not None:
        rule = answer.dropped_by
        name = "SYN-ACK" if answer.entry.flags == _SYN_ACK and answer.entry.proto == _TCP else "answer"
        proof = f"the receiver answered, and its {name} ended at {answer.node}" + (f" in a drop by {rule}" if rule else "")
        return verdict_of(observation, at, Kind.UNANSWERED, proof, name, answer.node, rule)
    if observation.refusal is not None:
        return _refused(observation, at, last, packet)
    if last is not None and observation.reached is None and (counted := losses_at(observation, last.node)):
        # conntrack confirms a flow behind every rule, the exit witness too
        return consumed(observation, at, last.node, packet, counted)
    receiver = last.node if last is not None and last.end is End.DELIVERED else observation.reached
    if receiver is not None:
        silence = "nothing answers such a packet" if observation.one_way else "no answer came back"
        proof = f"the {packet} came to {receiver}, whose kernel took it in, and {silence}"
        return verdict_of(observation, at, Kind.UNANSWERED, proof, "answer", receiver)
    if (nowhere := _leads_nowhere(observation, at, last, packet)) is not None:
        return nowhere
    if observation.unresolved:
        return _unresolved(observation, at, packet)
    if observation.reasons:
        proof = f"dropped outside the rules: {reasons_in_words(observation.reasons)}"
        return verdict_of(observation, at, Kind.UNROUTED, proof, packet, observation.toward if last is None else None)
    where = f"left {last.node}" if last is not None else "was sent"
    proof = f"the {packet} {where}, and neither a receiver nor a drop of it was seen"
    return verdict_of(observation, at, Kind.LOST, proof, packet)


def _unresolved(observation: Observation, at: str | None, packet: str) -> Verdict:
    """A neighbour did not answer: proven to be nobody's, or to be kept from it by a rule or by the asker; else it is lost."""
    node, address, owner = observation.unresolved[0]
    shut = discovery_dropped_by(observation)
    if shut is not None:
        proof = f"{node} asked its network for {address}, and {shut} dropped a message of IPv6 neighbour discovery"
    elif owner is None:
        proof = f"{node} asked its network for {address}, and nobody on it has that address"
    elif refused := [reason for reason in observation.reasons if reason in NDISC_REASONS]:
        proof = f"{node} asked its network for {address}, and {owner}, which has it, did not take the question: "
        proof += reasons_in_words(tuple(refused))
    elif _never_asked(observation, node):
        proof = f"{node} had no address of its own on the link to ask {owner} from, which has {address}"
    else:
        proof = f"{node} asked its network for {address}, and {owner}, which has it, did not answer; it is not told why"
        return verdict_of(observation, at, Kind.LOST, proof, packet, node)
    return verdict_of(observation, at, Kind.UNROUTED, proof, packet, node)


def _never_asked(observation: Observation, node: str) -> bool:
    """Whether ``node`` is traced and solicited nobody: for others it asks by its link-local address alone (ndisc_send_ns)."""
    traced = observation.fully_traced and observation.sent.family == 6 and node in {path.node for path in observation.request}
    return traced and not any(
        path.node == node and path.entry.proto == _ICMPV6 and path.entry.flags == _DISCOVERY[0] for path in observation.others
    )


def _leads_nowhere(observation: Observation, at: str | None, last: Path | None, packet: str) -> Verdict | None:
    """The verdict of a packet whose way leads to what the topology lacks; None where that does not explain it."""
    if observation.missing is None or discovery_dropped_by(observation) is not None:
        return None
    node = last.node if last is not None else next((one.node for one in observation.unresolved), None)
    rule = deciding_rule(last) if last is not None else None
    by = f" by {str(rule).removeprefix(f'{node} ')}" if rule is not None else ""
    passed = f"passed {node}{by}" if last is not None else "was sent"
    proof = f"the {packet} {passed}, {goal(observation, last)}"
    return verdict_of(observation, at, Kind.UNROUTED, proof, packet, node)


def goal(observation: Observation, last: Path | None) -> str:
    """Where the packet was on its way to, and what of it the topology has no node with."""
    sent = observation.sent
    header = sent if last is None else last.exit or last.entry
    port = header.dport if header.proto in (_TCP, _UDP) else None
    goal = header.destination if port is None else f"[{header.destination}]:{port}" if header.family == 6 else (
        f"{header.destination}:{port}"
    )
    moved = (header.destination, header.dport) != (sent.destination, sent.dport)
    direct = observation.missing == header.destination
    way = "" if direct else f" by way of {observation.missing}"
    return f"{'translated to' if moved else 'on its way to'} {goal}{way}; the topology has no node with this address"


def _refused(observation: Observation, at: str | None, last: Path | None, packet: str) -> Verdict:
    told = observation.refusal
    assert told is not None
    if told.kind in NOTHING_LISTENS:
        # of hosts only the one that it was for says so (RFC 1122, 3.2.2.1), and no rule dropped it: REJECT did not say it
        destination = (last.exit if last is not None and last.exit is not None else observation.sent).destination
        proof = f"delivered to {destination}, whose own kernel answered {told.kind}: the path is open, and nothing listens"
        return verdict_of(observation, at, Kind.CLOSED, proof)
    proof = f"no rule dropped it, and {told.sender or 'a router'} answered {told.kind}"
    return verdict_of(observation, at, Kind.UNROUTED, proof, packet)
