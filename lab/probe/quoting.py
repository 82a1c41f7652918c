"""What an ICMP error about a flow quotes: the flow's packet, as the node that says it sees that."""

from __future__ import annotations

from collections.abc import Sequence

from lab.kernel.stage.node import Node
from lab.probe.question import FlowError, answer_to
from lab.record.observation import Observation
from lab.record.packet import ICMPS, Packet
from lab.record.path import Path
from lab.written.packet.error_kinds import ERROR_KINDS, LEAST_MTU, TOO_BIG

_DEFAULT_MTU = 1400  # bytes
_ECHO_REPLIES = {8: 0, 128: 129}


def error_about(
    opened: Observation, sender: str, node: str, kind: str, mtu: int | None, *, quotes_answer: bool = False
) -> FlowError:
    """The error of a ``kind`` that ``node`` says of the flow that began with ``opened``, by ``sender``, or of its answer.

    A forwarding node quotes a packet as it is between the translations of its destination and of its source, any other as it
    came there.
    """
    family = opened.sent.family
    number, code = ERROR_KINDS[kind][family]
    seen = opened.sent if node == sender else _seen_at(opened.request, opened.sent, node)
    quoted, original = seen, opened.sent
    if quotes_answer:
        quoted, original = _turned(quoted), _turned(_last(opened.request, opened.sent))
    rest = max(mtu or _DEFAULT_MTU, LEAST_MTU[family]) if kind in TOO_BIG else 0
    return FlowError(number, code, quoted, original, f"{kind} error", rest)


def source_of_error(node: Node, error: FlowError, chosen: str | None) -> str | None:
    """The address of a node that an error is from: the one that its kernel would choose, if it has a way."""
    own = [address for address in node.addresses if (":" in address) == (error.quoted.family == 6)]
    return chosen if chosen in own else next(iter(own), None)


def _last(request: Sequence[Path], sent: Packet) -> Packet:
    return next((path.exit for path in reversed(request) if path.exit is not None), sent)


def _seen_at(request: Sequence[Path], sent: Packet, node: str) -> Packet:
    path = next((path for path in request if path.node == node), None)
    if path is None:
        return _last(request, sent)
    leaving = path.exit or path.entry
    return path.entry._replace(destination=leaving.destination, dport=leaving.dport)


def _turned(packet: Packet) -> Packet:
    source, sport, destination, dport = answer_to(packet)
    kind = _ECHO_REPLIES.get(packet.flags, packet.flags) if packet.proto in ICMPS else packet.flags
    return packet._replace(source=source, sport=sport, destination=destination, dport=dport, flags=kind)
