"""One question put to the network: sent, and sent once more with everything traced when that proved nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from lab.kernel.tracer import Overrun
from lab.probe.icmp import send_icmp
from lab.probe.missing import missing_address
from lab.probe.question import ICMP, ICMPV6, TCP, Question
from lab.probe.raw import witness
from lab.probe.segment import send_segment
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.tcp import send_tcp
from lab.probe.udp import send_udp
from lab.record.observation import Loss, Observation
from lab.record.observation import Stage as Progress
from lab.record.packet import Packet
from lab.record.path import End

REPEATS = 3  # at most, after a failure of the instrument that was detected


def probe(stage: Stage, question: Question) -> Observation:
    """Send ``question`` and return what all witnesses saw."""
    observation = _until_sound(stage, question)
    if _settled(observation):
        return observation
    last = observation.request[-1].exit if observation.request else observation.sent
    with (
        stage.instrument.everything(),
        stage.instrument.drop_reasons() as told,
        witness(stage, question, last.destination if last else question.destination) as saw,
    ):
        # so that the question for a neighbour is asked, and seen, once more
        stage.network.unresolved_neighbours()
        before = stage.instrument.losses()
        again = _until_sound(stage, question)
        losses = _losses(before, stage.instrument.losses())
        reasons = told()
        left = again.request[-1].exit if again.request else again.sent
        reached = saw(left) if left is not None else None
        if not reasons and left is not None and _from_itself(stage, left):
            reasons = ("IP_LOCAL_SOURCE",)
    unresolved = stage.network.unresolved_neighbours()
    missing = missing_address(stage.network.topology, question.node, replace(again, reached=reached), unresolved)
    repeats = observation.repeats + again.repeats + 1
    if _story(again) != _story(observation):
        # a rule that remembers treated the second packet otherwise: what the first one met is what was asked
        return replace(
            observation, losses=losses, unresolved=unresolved, missing=missing, reasons=reasons, repeats=repeats
        )
    return replace(
        again, reached=reached, fully_traced=True, losses=losses, unresolved=unresolved, missing=missing, reasons=reasons,
        repeats=repeats,
    )  # fmt: skip


def _from_itself(stage: Stage, left: Packet) -> bool:
    """Whether a packet bears an address of the very node that it goes to, which IPv4 refuses (fib_validate_source).

    As a port forward does that leads a server back to itself.  A kernel that tells its reasons calls it IP_LOCAL_SOURCE.
    """
    owner = stage.network.topology.owner(left.destination)
    if left.family != 4 or owner is None or owner in stage.instrument.watched:
        return False
    node = stage.network.nodes[owner]
    return left.source in node.addresses and node.sysctls.get("net.ipv4.conf.all.accept_local", "0") == "0"


def _story(observation: Observation) -> tuple[object, ...]:
    """What the request met, whatever its ports were."""
    return tuple((path.node, path.steps, path.end) for path in observation.request)


def _settled(observation: Observation) -> bool:
    """Whether the first sending proved what became of the request."""
    if observation.stage is Progress.ANSWERED or observation.refusal is not None:
        return True
    return bool(observation.request) and observation.request[-1].end is End.DROPPED


def _until_sound(stage: Stage, question: Question) -> Observation:
    """Send until the instrument did not fail, `REPEATS` times at most; then what failed stands in ``faults``."""
    faults: list[str] = []
    for repeat in range(REPEATS + 1):
        start = time.perf_counter()
        try:
            sighting = _sender(question)(stage, question)
            followed = sighting.read_trace()
        except Overrun:
            faults.append("the trace buffer overflowed")
            sent = Packet(question.family, question.proto, question.source, question.sport, question.destination, question.port)
            observation = Observation(sent, Progress.SENT)
            continue
        observation = Observation(
            sent=sighting.sent,
            stage=sighting.progress,
            request=followed.request,
            answer=followed.answer,
            others=followed.others,
            arrived=sighting.arrived,
            refusal=sighting.refusal,
            local_error=sighting.local_error,
            conntrack=sighting.conntrack,
            fully_traced=question.ack,
            repeats=repeat,
            probe_us=(time.perf_counter() - start) * 1e6,
        )
        if _settled(observation) or not stage.instrument.backlog_overflowed():
            return observation
        faults.append("a processor's backlog overflowed")
    return replace(observation, faults=tuple(faults), repeats=REPEATS)


def _sender(question: Question) -> Callable[[Stage, Question], Sighting]:
    if question.proto in (ICMP, ICMPV6):
        return send_icmp
    if question.proto == TCP:
        return send_segment if question.ack else send_tcp
    return send_udp


def _losses(before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]) -> tuple[Loss, ...]:
    return tuple(
        Loss(node, counter, value - before[node, counter])
        for (node, counter), value in after.items()
        if counter not in ("insert", "invalid") and value > before[node, counter]
    )
