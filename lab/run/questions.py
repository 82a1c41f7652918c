"""A cell's questions: one for each of its ports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.probe.question import Question, Wants, sends_of
from lab.record.sweep import Ranges
from lab.written.cell import Cell, Expectation
from lab.written.expect.arrives import ARRIVES
from lab.written.expect.conntrack import CONNTRACK
from lab.written.expect.copied import COPIED
from lab.written.expect.logged import LOGGED

_NOTHING_MORE = Wants()


def questions(cell: Cell, ports: Ranges | None = None) -> Iterator[tuple[int | None, Question]]:
    """(port, question) for every one of ``ports``, by default all of the cell's service; None where the protocol has none."""
    for port in _ports(cell.service.ports if ports is None else ports):
        yield port, question_of(cell, port)


def first_question(cell: Cell) -> Question:
    """The question for the first of the cell's ports."""
    return next(questions(cell))[1]


def question_of(cell: Cell, port: int | None, sport: int | None = None) -> Question:
    """The cell's question for one of its ports, from ``sport`` in place of the row's own source port.

    A receiver is opened only where the row says that something arrives: never for a denied row.
    """
    expected = _expected(cell)
    return Question(
        node=cell.sender.node,
        source=cell.sender.address,
        destination=cell.target.address,
        sends=sends_of(cell.service, port, flags=cell.flags, many=cell.to_many, packet=cell.packet),
        sport=cell.sport if sport is None else sport,
        receivers=tuple(dict.fromkeys(one for expect in expected for one in _receivers(cell, expect, port))),
        mark=cell.mark,
        uid=cell.uid,
        wants=_wants(expected),
        payload=cell.payload,
    )


def _expected(cell: Cell) -> tuple[Expectation, ...]:
    """What is expected of any of its packets: the first, those of its own steps, those that do not pass of a burst."""
    of_steps = (step.of_session for step in cell.steps if step.of_session is not None)
    return cell.expect, *of_steps, *(() if cell.burst is None else (cell.burst.rest,))


def _wants(expected: Sequence[Expectation]) -> Wants:
    entries = [entry for one in expected if (entry := one.get(CONNTRACK)) is not None]
    logs = [logged for one in expected if (logged := one.get(LOGGED)) is not None]
    copies = [copied for one in expected if (copied := one.get(COPIED)) is not None]
    if not (entries or logs or copies):
        return _NOTHING_MORE
    return Wants(
        entry_count=any(entry.count is not None for entry in entries),
        log=bool(logs),
        whole_log=any(logged.times is not None for logged in logs),
        copies_at=tuple(dict.fromkeys(node for copied in copies for node in copied.to)),
    )


def _ports(ranges: Ranges) -> Iterator[int | None]:
    if not ranges:
        yield None
    for low, high in ranges:
        yield from range(low, high + 1)


def _receivers(cell: Cell, expect: Expectation, port: int | None) -> tuple[tuple[str, int | None], ...]:
    if expect.action != "allow":
        return ()
    arrives = expect.get(ARRIVES)
    if cell.service.application is not None:  # what the row says of an arrival is about its data
        return tuple((node, port) for node in (cell.target.node, *cell.target.also) if node is not None)
    if cell.to_many is not None:
        nodes: tuple[str | None, ...] = cell.to_many.nodes
    else:
        nodes = arrives.at if arrives is not None and arrives.at else (cell.target.node, *cell.target.also)
    if arrives is not None and arrives.port is not None and port is not None:
        port = arrives.port
    return tuple((node, port) for node in nodes if node is not None)
