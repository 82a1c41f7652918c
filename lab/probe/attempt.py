"""One question put to the network: sent, and sent once more with everything watched when that proved nothing.

Where a rule on the way remembers what it saw, the second packet would meet another state than the one that was asked about:
there the first is watched as closely at once, and is the only one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from lab.errors import MeasurementError, Problem
from lab.kernel.stage.neighbour_tables import REASON, words
from lab.kernel.watch.tracer import Overrun
from lab.probe.crossing import unseen_nodes
from lab.probe.icmp import send_icmp
from lab.probe.missing import missing_address
from lab.probe.question import ICMP, ICMPV6, TCP, Question
from lab.probe.raw import witness
from lab.probe.segment import send_segment
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.tcp import send_tcp
from lab.probe.udp import send_udp
from lab.record.observation import Loss, Milestone, Observation, Unresolved
from lab.record.packet import Packet
from lab.record.path import End

REPEATS = 3  # at most, after a failure of the instrument that was detected


def probe(stage: Stage, question: Question, *, closely: bool = False, translated: bool = False) -> Observation:
    """Send ``question`` and return what all witnesses saw; ``closely``: once, with all of them watching.

    ``translated`` tells that a rule may lead it to another destination.
    """
    if closely:
        observation = _watched(stage, question, None if translated else question.destination, repeats=0)
    else:
        observation = _looked_at(stage, question)
    unseen = unseen_nodes(stage, question.node, observation)
    return replace(observation, unseen=unseen) if unseen else observation


def _looked_at(stage: Stage, question: Question) -> Observation:
    """What was seen of ``question``, by a closer look where the first sending proved nothing."""
    observation = _until_sound(stage, question)
    if _settled(observation):
        return observation
    # so that the question for a neighbour is asked, and seen, once more
    stage.network.unresolved_neighbours(_visited(stage, question, observation), (question.family,))
    again = _watched(stage, question, _headed(observation).destination)
    again = replace(again, repeats=observation.repeats + again.repeats + 1)
    if again.faults or _story(again) == _story(observation):
        return again
    # something remembers, and treated the second packet otherwise: what the first one met is what was asked
    return replace(
        observation, losses=again.losses, unresolved=again.unresolved, missing=again.missing, reasons=again.reasons,
        repeats=again.repeats,
    )  # fmt: skip


def _watched(stage: Stage, question: Question, destination: str | None, *, repeats: int = REPEATS) -> Observation:
    """What all witnesses saw of one sending, or of those that were needed until the instrument did not fail.

    ``destination`` is where the packet is seen to arrive, None where that is not known yet.
    """
    with (
        stage.instrument.everything(),
        stage.instrument.drop_reasons() as told,
        witness(stage, question, destination) as saw,
    ):
        before, refused = stage.instrument.losses(), stage.instrument.neighbours_refused(question.family)
        found = _until_sound(stage, question, repeats=repeats)
        losses = _losses(before, stage.instrument.losses())
        reasons = told()
        full = REASON in reasons or stage.instrument.neighbours_refused(question.family) != refused
        left = _headed(found)
        reached = saw(left)
        if not reasons and _left(found) and _from_itself(stage, left):
            reasons = ("IP_LOCAL_SOURCE",)
    unresolved: tuple[Unresolved, ...] = ()
    missing = None
    faults = found.faults
    if not _settled(found):
        unresolved = stage.network.unresolved_neighbours(_visited(stage, question, found), (question.family,))
        missing = missing_address(stage.network.topology, question.node, replace(found, reached=reached), unresolved)
        faults = (*faults, words(question.family)) if full else faults
    return replace(
        found, reached=reached, fully_traced=True, losses=losses, unresolved=unresolved, missing=missing, reasons=reasons,
        faults=faults,
    )  # fmt: skip


def _headed(observation: Observation) -> Packet:
    """The request's headers where it was last seen: as it left the last node, or as it came in where it did not."""
    last = observation.request[-1] if observation.request else None
    return observation.sent if last is None else last.exit or last.entry


def _left(observation: Observation) -> bool:
    """Whether no node is known that kept the request."""
    return not observation.request or observation.request[-1].exit is not None


def _visited(stage: Stage, question: Question, observation: Observation) -> dict[str, None]:
    """The nodes that can have asked for a neighbour: the sender, those that were traced, and those whose packets they were."""
    paths = (*observation.request, *observation.answer, *observation.others)
    heads = [head for path in paths for head in (path.entry, path.exit) if head is not None]
    addresses = {question.destination, *(address for head in heads for address in (head.source, head.destination))}
    owners = [owner for address in sorted(addresses) for owner in stage.network.topology.owners(address)]
    return dict.fromkeys([question.node, *(path.node for path in paths), *owners])


def _from_itself(stage: Stage, left: Packet) -> bool:
    """Whether a packet bears an address of the very node that it goes to, which IPv4 refuses (fib_validate_source).

    As a port forward does that leads a server back to itself.  A kernel that tells its reasons calls it IP_LOCAL_SOURCE.
    """
    owner = stage.network.topology.owner(left.destination)
    if left.family != 4 or owner is None or owner in stage.instrument.nodes:
        return False
    node = stage.network.nodes[owner]
    return left.source in node.addresses and node.sysctls.get("net.ipv4.conf.all.accept_local", "0") == "0"


def _story(observation: Observation) -> tuple[object, ...]:
    """What the request met, whatever its ports were."""
    return tuple((path.node, path.steps, path.end) for path in observation.request)


def _settled(observation: Observation) -> bool:
    """Whether the first sending proved what became of the request."""
    if observation.stage is Milestone.ANSWERED or observation.refusal is not None:
        return True
    return bool(observation.request) and observation.request[-1].end is End.DROPPED


def _until_sound(stage: Stage, question: Question, *, repeats: int = REPEATS) -> Observation:
    """Send until the instrument did not fail, ``repeats`` times more at most; then what failed stands in ``faults``."""
    faults: list[str] = []
    for repeat in range(repeats + 1):
        start = time.perf_counter()
        try:
            with _system_errors(question):
                sighting = _sender(question)(stage, question)
            followed = sighting.read_trace()
        except Overrun:
            faults.append("the trace buffer overflowed")
            sent = Packet(question.family, question.proto, question.source, question.sport, question.destination, question.port)
            observation = Observation(sent, Milestone.SENT)
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
    return replace(observation, faults=tuple(faults), repeats=repeats)


@contextmanager
def _system_errors(question: Question) -> Iterator[None]:
    """What the system refuses to a probe's sockets is a measurement that failed, whatever the network would have done."""
    try:
        yield
    except OSError as error:
        what = f"{question.node} could not send from {question.source} to {question.destination}: {error.strerror or error}"
        raise MeasurementError(Problem(what)) from error


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
