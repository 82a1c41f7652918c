"""What hangs on a condition that no model reads, or on chance: asked again, and elsewhere in its class, until it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.probe.question import Question
from lab.record.difference import Flow, FlowClass
from lab.ruleset.addresses import address_of, range_of
from lab.study.diff.compare import compare
from lab.study.diff.grounds import Grounds
from lab.study.diff.sides import Both, Sides

AGAIN = 12
"""Times that the same flow is sent on, where rules remember or decide by chance."""


def again(sides: Sides, question: Question) -> Iterator[Both]:
    """The next packets of a flow, each after the others: rules that remember treat one of them otherwise, or none."""
    if sides.remembers(question):
        for _ in range(AGAIN):
            yield sides.ask(question, as_first=False)


def elsewhere(flow: Flow, of: FlowClass, grounds: Grounds) -> Iterator[Flow]:
    """Other flows of its class, with another source, destination or service, at the edges of what it names first and last."""
    for source in _edges(of.sources, flow.family):
        for origin in grounds.from_address(source, of.entered):
            if source != flow.source:
                yield flow._replace(node=origin.node, source=origin.source)
    for destination in _edges(of.destinations, flow.family):
        if destination != flow.destination:
            yield flow._replace(destination=destination)
    for service in {*of.services[-1:]} - {flow.service}:
        if not set("-,").intersection(service.partition("/")[2]):
            yield flow._replace(service=service)


def _edges(words: Sequence[str], family: int) -> Iterator[str]:
    """Addresses of the first and of the last word; none of a word that is no address, prefix or range."""
    for word in dict.fromkeys((*words[:1], *words[-1:])):
        try:
            found = range_of(word, family)
        except ValueError:
            continue
        if found is not None:
            low, high = found
            numbers = (low,) if low == high else (low + 1, high)
            yield from (str(address_of(number, family)) for number in numbers)


def same_but_for_chance(sides: Sides, question: Question, both: Both) -> bool:
    """Whether what differs is decided by chance alone, by rules that both sides have."""
    old, new = sides.chances(question)
    if not old or old != new:
        return False
    seen = [both, *(sides.ask(question) for _ in range(AGAIN))]
    return any(compare(one.old, other.new, sides.node) is None for one in seen for other in seen)
