"""One question put to the network: sent, and sent once more with everything watched when that proved nothing.

Where a rule on the way remembers what it saw, the second packet would meet another state than the one that was asked about:
there the first is watched as closely at once, and is the only one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import TypeAlias

from lab.errors import MeasurementError, Problem
from lab.kernel.watch.tracer import Overrun
from lab.probe.crossing import unseen_nodes
from lab.probe.missing import missing_address
from lab.probe.outcome import headed, settled
from lab.probe.question import Question
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways import way_of
from lab.probe.witness import CLOSELY, OF_A_FLOW, Onlooker, armed
from lab.probe.witness.counters import Counters
from lab.record.observation import Milestone, Observation
from lab.record.packet import Packet
from lab.record.path import End

Send: TypeAlias = Callable[[], Sighting]
REPEATS = 3  # at most, after a failure of the instrument that was detected
_NOTHING = nullcontext()
_WENT_ON = (End.LEFT, End.DELIVERED)


def probe(stage: Stage, question: Question, *, closely: bool = False, translated: bool = False) -> Observation:
    """Send ``question`` and return what all witnesses saw; ``closely``: once, with all of them watching.

    ``translated`` tells that a rule may lead it to another destination.
    """
    stage.network.take_on((question.source, question.destination))
    counters = Counters(stage, question, None) if stage.instrument.reads_counters else None
    if closely:
        observation = _watched(stage, question, None if translated else question.destination, repeats=0)
    else:
        observation = _looked_at(stage, question)
    return _completed(stage, question, observation if counters is None else counters.tell(observation))


def step(stage: Stage, question: Question, send: Send) -> Observation:
    """What all witnesses saw of one step of a flow that goes on: what ``send`` sends, once, with all of them watching.

    ``question`` is the one that whoever sends now would ask.
    """
    stage.network.take_on((question.source, question.destination))
    counters = Counters(stage, question, None) if stage.instrument.reads_counters else None
    observation = _watched(stage, question, None, repeats=0, send=send)
    return _completed(stage, question, observation if counters is None else counters.tell(observation))


def _completed(stage: Stage, question: Question, observation: Observation) -> Observation:
    """With the nodes that told nothing, and how those were routed that did, where that is asked."""
    if stage.routing.asks:
        observation = _with_routes(stage, question, observation)
    unseen = unseen_nodes(stage, question.node, observation)
    return replace(observation, unseen=unseen) if unseen else observation


def _with_routes(stage: Stage, question: Question, observation: Observation) -> Observation:
    uid = question.uid or 0
    told = stage.routing.told
    return replace(
        observation,
        request=tuple(told(path, uid if path.node == question.node else 0) for path in observation.request),
        answer=tuple(map(told, observation.answer)),
        others=tuple(path if path.end in _WENT_ON else told(path) for path in observation.others),
    )


def _looked_at(stage: Stage, question: Question) -> Observation:
    """What was seen of ``question``, by a closer look where the first sending proved nothing."""
    observation = _until_sound(stage, question)
    if settled(observation):
        return observation
    # so that the question for a neighbour is asked, and seen, once more
    stage.network.unresolved_neighbours(_visited(stage, question, observation), (question.family,))
    again = _watched(stage, question, headed(observation).destination)
    again = replace(again, repeats=observation.repeats + again.repeats + 1)
    if again.faults or _story(again) == _story(observation):
        return again
    # something remembers, and treated the second packet otherwise: what the first one met is what was asked
    return replace(
        observation, losses=again.losses, unresolved=again.unresolved, missing=again.missing, reasons=again.reasons,
        repeats=again.repeats,
    )  # fmt: skip


def _watched(
    stage: Stage, question: Question, destination: str | None, *, repeats: int = REPEATS, send: Send | None = None
) -> Observation:
    """What all witnesses saw of one sending, or of those that were needed until the instrument did not fail.

    ``destination`` is where the packet is seen to arrive, None where that is not known yet.
    """
    onlookers: list[Onlooker] = []
    with stage.instrument.everything():
        try:
            for arm in CLOSELY:
                onlookers.append(arm(stage, question, destination))  # noqa: PERF401 - those that are armed are disarmed
            found = _until_sound(stage, question, repeats=repeats, send=send)
            for onlooker in reversed(onlookers):
                found = onlooker.tell(found)
        finally:
            for onlooker in reversed(onlookers):
                onlooker.disarm()
    if settled(found):
        return replace(found, fully_traced=True)
    unresolved = stage.network.unresolved_neighbours(_visited(stage, question, found), (question.family,))
    missing = missing_address(stage.network.topology, question.node, found, unresolved)
    return replace(found, fully_traced=True, unresolved=unresolved, missing=missing)


def _visited(stage: Stage, question: Question, observation: Observation) -> dict[str, None]:
    """The nodes that can have asked for a neighbour: the sender, those that were traced, and those whose packets they were."""
    paths = (*observation.request, *observation.answer, *observation.others)
    heads = [head for path in paths for head in (path.entry, path.exit) if head is not None]
    addresses = {question.destination, *(address for head in heads for address in (head.source, head.destination))}
    owners = [owner for address in sorted(addresses) for owner in stage.network.topology.owners(address)]
    return dict.fromkeys([question.node, *(path.node for path in paths), *owners])


def _story(observation: Observation) -> tuple[object, ...]:
    """What the request met, whatever its ports were."""
    return tuple((path.node, path.steps, path.end) for path in observation.request)


def _until_sound(
    stage: Stage, question: Question, *, repeats: int = REPEATS, send: Send | None = None
) -> Observation:
    """Send until the instrument did not fail, ``repeats`` times more at most; then what failed stands in ``faults``."""
    faults: list[str] = []
    for repeat in range(repeats + 1):
        start = time.perf_counter()
        try:
            try:
                seen = _sent(stage, question) if send is None else send()
            except OSError as error:
                raise _refused(question, error) from error
            followed = seen.read_trace()
        except Overrun:
            faults.append("the trace buffer overflowed")
            sent = Packet(question.family, question.proto, question.source, question.sport, question.destination, question.port)
            observation = Observation(sent, Milestone.SENT)
            continue
        observation = Observation(
            sent=seen.sent,
            stage=seen.progress,
            request=followed.request,
            answer=followed.answer,
            others=followed.others,
            arrived=seen.arrived,
            refusal=seen.refusal,
            local_error=seen.local_error,
            conntrack=seen.conntrack,
            fully_traced=question.sends.beyond_syn or question.wants.whole_log,
            repeats=repeat,
            one_way=seen.one_way,
            to_many=bool(seen.heard_by),
            logged=seen.logged,
            named=seen.named,
            toward=seen.toward,
            copies=seen.copies,
            flaw=seen.flaw,
            probe_us=(time.perf_counter() - start) * 1e6,
        )
        if settled(observation) or not stage.instrument.backlog_overflowed():
            return observation
        faults.append("a processor's backlog overflowed")
    return replace(observation, faults=tuple(faults), repeats=repeats)


def _sent(stage: Stage, question: Question) -> Sighting:
    """One sending, from the first packet to the last, with all that watch it."""
    witnesses = armed(OF_A_FLOW, stage, question)
    try:
        with stage.instrument.everything() if question.sends.beyond_syn else _NOTHING, way_of(stage, question) as way:
            seen = Sighting(
                stage, way.sent, sender=question.node, heard_by=way.heard_by, named=way.named, pieces=way.pieces, flaw=way.flaw
            )
            if way.open(seen) and way.send(seen):
                way.payload = b""  # the answer is none of the sender's data
                way.answer(seen)
            for witness in witnesses:
                witness.read(seen)
            if seen.progress is Milestone.ANSWERED:
                way.close()
            else:
                way.reset()
            for witness in witnesses:
                witness.forget(seen)
            return seen
    finally:
        for witness in witnesses:
            witness.disarm()


def _refused(question: Question, error: OSError) -> MeasurementError:
    """What the system refuses to a probe's sockets is a measurement that failed, whatever the network would have done."""
    what = f"{question.node} could not send from {question.source} to {question.destination}: {error.strerror or error}"
    return MeasurementError(Problem(what))
