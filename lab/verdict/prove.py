"""What an observation proves: the eight verdicts and the proof of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.record.observation import NOTHING_LISTENS, Milestone, Observation, came_through, reject_dropped_by
from lab.record.packet import PROTOCOL_NAMES, Packet
from lab.record.path import End, Path, Rule
from lab.record.verdict import Kind, Verdict
from lab.verdict.deciding import decided, deciding_rule
from lab.verdict.gone import NDISC_REASONS, reasons_in_words, why_gone
from lab.verdict.path_mtu import Unheard, unheard
from lab.verdict.session import of_session
from lab.verdict.witnesses import bears_the_same, contradiction
from lab.written.reject import canonical_reject

_PASSED = (End.LEFT, End.DELIVERED)
_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58
_ECHO_REQUESTS = {_ICMP: 8, _ICMPV6: 128}
_DISCOVERY = (135, 136)  # ICMPv6 types
_SYN, _SYN_ACK, _PUSH, _RST = 0x02, 0x12, 0x08, 0x04


def prove(observation: Observation, at: str | None = None) -> Verdict:
    """The verdict of ``observation``, with ``at`` the node under test (None: whichever decided).

    Where its witnesses contradict each other it is `lost`, whatever each of them alone would prove.

    >>> from lab.record.packet import Packet
    >>> syn = Packet(4, 6, "10.0.1.10", 32768, "10.0.2.10", 443, flags=2)
    >>> str(prove(Observation(syn, Milestone.ANSWERED)).kind)
    'allowed'
    """
    if observation.session is not None:
        return of_session(observation, observation.session, lambda one: prove(one, at))
    if observation.faults:
        return _verdict(observation, at, Kind.LOST, f"the instrument failed: {'; '.join(observation.faults)}")
    if (blind := contradiction(observation)) is not None:
        return _blind(observation, at, blind)
    if observation.stage is Milestone.ANSWERED:
        answer = ", and nothing answers such a packet" if observation.one_way else " and its answer came back"
        return _verdict(observation, at, Kind.ALLOWED, f"the receiver got the nonce{answer}")
    if (unheard_of := unheard(observation)) is not None:
        return _too_big(observation, at, unheard_of)
    last = observation.request[-1] if observation.request else None
    came_by = observation.arrived is not None and last is not None and last.end is not End.DROPPED
    if last is not None and last.end not in _PASSED and not came_by:
        return _stopped(observation, at, last)
    if observation.stage is Milestone.DELIVERED and observation.one_way and observation.sent.proto in (_ICMP, _ICMPV6):
        proof = "it came to who was to hear it, but what it quotes is not what that one had sent: nothing translated it back"
        return _verdict(observation, at, Kind.UNANSWERED, proof)
    if observation.stage in (Milestone.CONNECTED, Milestone.DELIVERED) and not _unanswered_anew(observation):
        return _cut_off(observation, at)
    return _passed_on(observation, at, last)


def _blind(observation: Observation, at: str | None, blind: str) -> Verdict:
    """Nothing is proven but that the request got on, where that is what one of the witnesses says."""
    verdict = _verdict(observation, at, Kind.LOST, f"the instrument is blind: {blind}", _name(observation))
    passed = verdict.passed_node or at in observation.unseen or came_through(observation) is not None
    return replace(verdict, rule=None, passed_node=passed)


def _stopped(observation: Observation, at: str | None, last: Path) -> Verdict:
    """The request's first packet ended inside a node that is traced."""
    packet = _name(observation)
    if last.end is End.DROPPED:
        return _dropped(observation, at, last, packet)
    if last.end is End.STOLEN:
        return _taken_over(observation, at, last, packet)
    if last.end is End.QUEUED:
        proof = f"{last.node} handed the {packet} to {_queue(last)}, and it did not come out of it"
        return _verdict(observation, at, Kind.CONSUMED, proof, packet, last.node)
    if counted := _losses_at(observation, last.node):
        return _consumed(observation, at, last.node, packet, counted)
    told = observation.refusal
    answer = f"; the sender was told {told.kind}{f' by {told.sender}' if told.sender else ''}" if told else ""
    proof = f"the {packet} entered {last.node}, did not leave it, and no rule dropped it: {why_gone(observation)}{answer}"
    if observation.missing is not None:
        proof += f"; {_goal(observation, last)}"
    return _verdict(observation, at, Kind.UNROUTED, proof, packet, last.node)


def _taken_over(observation: Observation, at: str | None, last: Path, packet: str) -> Verdict:
    """A rule took the request over, and its node sent nothing on in its place."""
    dropped = _dropped_later(observation)
    if observation.stage is Milestone.CONNECTED and dropped is not None and _is_request(dropped, observation):
        return _later_drop(observation, at, dropped)
    proof = f"a rule took the {packet} over at {last.node}, to answer it itself (SYNPROXY and the like): {last.taken_over_by}"
    answer = next((path for path in (*observation.answer, *observation.others) if _answers(path, last)), None)
    if answer is not None and answer.dropped_by is not None:
        proof = f"{proof}; its answer ended in a drop by {answer.dropped_by}"
    elif observation.stage is Milestone.CONNECTED:
        proof = f"{proof}; the sender has its answer, and {last.node} opened no connection to {last.head(-1).destination}"
    return _verdict(observation, at, Kind.CONSUMED, proof, packet, last.node)


def _answers(path: Path, last: Path) -> bool:
    """Whether it is what the node that took a packet over answered it with."""
    head = last.head(-1)
    own = path.node == last.node and path.entered is None
    return own and (path.entry.source, path.entry.sport) == (head.destination, head.dport)


def _unanswered_anew(observation: Observation) -> bool:
    """Whether a node that answered in the destination's place sent a packet on in place of the request, and has no answer."""
    if observation.stage is not Milestone.CONNECTED or observation.refusal is not None:
        return False
    if not any(path.end is End.STOLEN for path in observation.request):
        return False
    if _dropped_later(observation) is not None:
        return False
    later = (*observation.answer, *observation.others)
    return not any(path.entered is not None and _is_answer(path, observation) for path in later)


def _too_big(observation: Observation, at: str | None, told: Unheard) -> Verdict:
    """A packet did not fit a link, and its sender was not to hear of it."""
    packet = "data" if observation.sent.proto == _TCP and observation.named is None else _name(observation)
    rule, node = told.path.dropped_by, told.path.node
    said = f"the {packet} was too big at {told.by}, where {told.mtu} bytes fit, and said so: {told.word}"
    return _verdict(observation, at, Kind.DROPPED, f"{said}; that ended in a drop by {rule}", told.word, node, rule)


def _queue(path: Path) -> str:
    rule = path.steps[-1].rule if path.steps else None
    by = f", by {rule}" if rule is not None else ""
    return (f"queue {rule.queue} of user space" if rule is not None and rule.queue else "a user-space queue") + by


def _losses_at(observation: Observation, node: str) -> str:
    return ", ".join(f"{loss.counter} +{loss.packets}" for loss in observation.losses if loss.node == node)


def _consumed(observation: Observation, at: str | None, node: str, packet: str, counted: str) -> Verdict:
    proof = f"the {packet} ended after the last rule at {node}, and its conntrack counted {counted}"
    return _verdict(observation, at, Kind.CONSUMED, proof, packet, node)


def _dropped(observation: Observation, at: str | None, last: Path, packet: str) -> Verdict:
    rule = last.dropped_by
    if (read := last.steps[-1].read if last.steps else None) is not None:
        proof = f"{rule} handed this very {packet} to queue {read[0]} of user space, and its reader there dropped it"
        return _verdict(observation, at, Kind.DROPPED, proof, packet, last.node, rule)
    if rule is None or rule.rejects is None:
        proof = f"the trace of this very {packet} ends in a drop by {rule}"
        return _verdict(observation, at, Kind.DROPPED, proof, packet, last.node, rule)
    told = observation.refusal
    muting = reject_dropped_by(observation)
    unheard = "but no answer came to the sender" if muting is None else f"but its answer was dropped by {muting}"
    heard = f"and the sender was told {told.kind}" if told else unheard
    proof = f"the trace of this very {packet} ends in the REJECT of {rule}, {heard}"
    kind = told.kind if told else canonical_reject(rule.rejects, family=observation.sent.family)
    return _verdict(observation, at, Kind.REJECTED, proof, packet, last.node, rule, reject=kind, muted=not told)


def _cut_off(observation: Observation, at: str | None) -> Verdict:
    """The first packet came through; a later one of the exchange did not."""
    if (dropped := _dropped_later(observation)) is not None:
        return _later_drop(observation, at, dropped)
    if observation.stage is Milestone.DELIVERED:
        proof = "the receiver got the nonce, and its answer did not come back; no rule is known to have dropped it"
        return _verdict(observation, at, Kind.UNANSWERED, proof, "answer")
    if observation.refusal is not None or observation.sent.flags != _SYN:
        proof = "the receiver's own kernel answered with a reset: the path is open, and nothing listens"
        return _verdict(observation, at, Kind.CLOSED, proof)
    if (gone := _gone_later(observation)) is not None:
        proof = f"the handshake was answered, and the ACK ended at {gone.node}, where no rule dropped it"
        return _verdict(observation, at, Kind.UNANSWERED, proof, "ACK")
    proof = "the handshake was answered, but no service of the lab got the connection"
    return _verdict(observation, at, Kind.LOST, proof, "ACK")


def _gone_later(observation: Observation) -> Path | None:
    """The path of a further packet of the request that ended in a node outside of every rule, as a lost translation ends it."""
    return next(
        (
            path
            for path in observation.others
            if path.end is End.VANISHED and path.entered is not None and _is_request(path, observation)
            and not path.entry.flags & _RST
        ),
        None,
    )


def _dropped_later(observation: Observation) -> Path | None:
    """The path of a further packet of the exchange that a rule dropped; the sender's reset is its goodbye, and none of it."""
    return next(
        (
            path
            for path in (*observation.answer, *observation.others)
            if path.end is End.DROPPED and _belongs(path, observation)
            and not (path.entry.proto == _TCP and path.entry.flags & _RST and _is_request(path, observation))
        ),
        None,
    )  # fmt: skip


def _later_drop(observation: Observation, at: str | None, path: Path) -> Verdict:
    rule = path.dropped_by
    forward = _is_request(path, observation)
    if forward and observation.stage is Milestone.CONNECTED:
        packet = "data" if path.entry.flags & _PUSH else "ACK"
        proof = f"the handshake was answered, and the {packet} ended in a drop by {rule}"
        return _verdict(observation, at, Kind.DROPPED, proof, packet, path.node, rule)
    packet = "data" if forward else "answer"
    proof = f"the receiver was reached, and the {packet} ended in a drop by {rule}"
    return _verdict(observation, at, Kind.UNANSWERED, proof, packet, path.node, rule)


def _passed_on(observation: Observation, at: str | None, last: Path | None) -> Verdict:
    """The request's first packet is past every traced node on its way, or met none, and the sender has no answer."""
    packet = _name(observation)
    if observation.local_error:
        proof = f"the sender's own kernel could not send: {observation.local_error}"
        return _verdict(observation, at, Kind.UNROUTED, proof, packet)
    answer = _stopped_answer(observation)
    if answer is not None:
        rule = answer.dropped_by
        name = "SYN-ACK" if answer.entry.flags == _SYN_ACK and answer.entry.proto == _TCP else "answer"
        proof = f"the receiver answered, and its {name} ended at {answer.node}" + (f" in a drop by {rule}" if rule else "")
        return _verdict(observation, at, Kind.UNANSWERED, proof, name, answer.node, rule)
    if observation.refusal is not None:
        return _refused(observation, at, last, packet)
    if last is not None and observation.reached is None and (counted := _losses_at(observation, last.node)):
        # conntrack confirms a flow behind every rule, the exit witness too
        return _consumed(observation, at, last.node, packet, counted)
    receiver = last.node if last is not None and last.end is End.DELIVERED else observation.reached
    if receiver is not None:
        silence = "nothing answers such a packet" if observation.one_way else "no answer came back"
        proof = f"the {packet} came to {receiver}, whose kernel took it in, and {silence}"
        return _verdict(observation, at, Kind.UNANSWERED, proof, "answer", receiver)
    if (nowhere := _leads_nowhere(observation, at, last, packet)) is not None:
        return nowhere
    if observation.unresolved:
        return _unresolved(observation, at, packet)
    if observation.reasons:
        proof = f"dropped outside the rules: {reasons_in_words(observation.reasons)}"
        return _verdict(observation, at, Kind.UNROUTED, proof, packet, observation.toward if last is None else None)
    where = f"left {last.node}" if last is not None else "was sent"
    proof = f"the {packet} {where}, and neither a receiver nor a drop of it was seen"
    return _verdict(observation, at, Kind.LOST, proof, packet)


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
        return _verdict(observation, at, Kind.LOST, proof, packet, node)
    return _verdict(observation, at, Kind.UNROUTED, proof, packet, node)


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
    proof = f"the {packet} {passed}, {_goal(observation, last)}"
    return _verdict(observation, at, Kind.UNROUTED, proof, packet, node)


def _goal(observation: Observation, last: Path | None) -> str:
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


def discovery_dropped_by(observation: Observation) -> Rule | None:
    """The rule that dropped a neighbour solicitation or advertisement while the probe was under way (RFC 4861).

    >>> from lab.written.expect.example import PASSED
    >>> discovery_dropped_by(PASSED.observation) is None
    True
    """
    return next(
        (
            path.dropped_by
            for path in observation.others
            if path.end is End.DROPPED and path.entry.proto == _ICMPV6 and path.entry.flags in _DISCOVERY
        ),
        None,
    )


def _refused(observation: Observation, at: str | None, last: Path | None, packet: str) -> Verdict:
    told = observation.refusal
    assert told is not None
    if told.kind in NOTHING_LISTENS:
        # of hosts only the one that it was for says so (RFC 1122, 3.2.2.1), and no rule dropped it: REJECT did not say it
        destination = (last.exit if last is not None and last.exit is not None else observation.sent).destination
        proof = f"delivered to {destination}, whose own kernel answered {told.kind}: the path is open, and nothing listens"
        return _verdict(observation, at, Kind.CLOSED, proof)
    proof = f"no rule dropped it, and {told.sender or 'a router'} answered {told.kind}"
    return _verdict(observation, at, Kind.UNROUTED, proof, packet)


def _bears_the_same(path: Path, ways: Sequence[Path]) -> bool:
    heads = [header for way in ways for header in (way.entry, way.exit) if header is not None]
    return any(bears_the_same(path, head) for head in heads)


def _stopped_answer(observation: Observation) -> Path | None:
    """The path of the answer's packet that ended inside a node."""
    candidates = (*observation.answer, *observation.others)
    return next(
        (
            path
            for path in candidates
            if path.end not in _PASSED and _belongs(path, observation) and not _is_request(path, observation)
        ),
        None,
    )


def _belongs(path: Path, observation: Observation) -> bool:
    return path.entry.proto == observation.sent.proto and (
        _is_request(path, observation) or path in observation.answer or _is_answer(path, observation)
    )


def _is_request(path: Path, observation: Observation) -> bool:
    sent = observation.sent
    if sent.proto != _TCP and path.entry.flags != sent.flags:
        return False  # a node that asks itself answers from the same address, and an echo by the same number
    return any(
        (path.entry.source, path.entry.sport) == (first.entry.source, first.entry.sport) for first in observation.request
    )


def _is_answer(path: Path, observation: Observation) -> bool:
    exits = [first.exit for first in observation.request if first.exit is not None]
    return any((path.entry.source, path.entry.sport) == (end.destination, end.dport) for end in exits)


def _name(observation: Observation) -> str:
    return observation.named or _named_by(observation.sent)


def _named_by(sent: Packet) -> str:
    if sent.proto == _TCP:
        return "SYN" if sent.flags == _SYN else "segment"
    if sent.proto in (_ICMP, _ICMPV6):
        name = PROTOCOL_NAMES[sent.proto]
        return "echo-request" if sent.flags == _ECHO_REQUESTS[sent.proto] else f"{name} message of type {sent.flags}"
    return "datagram"


def _verdict(
    observation: Observation, at: str | None, kind: Kind, proof: str, packet: str | None = None,
    node: str | None = None, rule: Rule | None = None, *, reject: str | None = None, muted: bool = False,
) -> Verdict:  # fmt: skip
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
        return any(map(_passes, ways)) or sum(map(_passes, copies)) > len(observation.copies)
    return observation.stage is not Milestone.SENT
