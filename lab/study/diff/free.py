"""What hangs on a condition that no model reads, or on chance: asked again, and elsewhere in its class, until it shows."""

from __future__ import annotations

from collections.abc import Iterator

from lab.probe.question import Question
from lab.record.difference import Flow, FlowClass
from lab.study.diff.compare import compare
from lab.study.diff.sides import Both, Sides

AGAIN = 12
"""Times that the same flow is sent on, where rules remember or decide by chance."""


def again(sides: Sides, question: Question) -> Iterator[Both]:
    """The next packets of a flow, each after the others: rules that remember treat one of them otherwise, or none."""
    if sides.remembers(question):
        for _ in range(AGAIN):
            yield sides.ask(question, as_first=False)


def elsewhere(flow: Flow, of: FlowClass) -> Iterator[Flow]:
    """Other flows of its class: to its last service and its last destination, where these are single ones."""
    for service in {*of.services[-1:]} - {flow.service}:
        if not set("-,").intersection(service.partition("/")[2]):
            yield flow._replace(service=service)
    for destination in {*of.destinations[-1:]} - {flow.destination}:
        if not set("-/").intersection(destination):
            yield flow._replace(destination=destination)


def same_but_for_chance(sides: Sides, question: Question, both: Both) -> bool:
    """Whether what differs is decided by chance alone, by rules that both sides have."""
    old, new = sides.chances(question)
    if not old or old != new:
        return False
    seen = [both, *(sides.ask(question) for _ in range(AGAIN))]
    return any(compare(one.old, other.new, sides.node) is None for one in seen for other in seen)
