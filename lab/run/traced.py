"""One probe with everything traced, what the reader of its verdict must know, and whether it was expected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from lab.errors import InputError, Problem, Where
from lab.lab import Lab
from lab.prepare.scene import Scene
from lab.probe.question import Question, question_of
from lab.record.difference import Flow
from lab.record.result import Outcome
from lab.record.trace import Trace
from lab.record.verdict import Kind, Verdict
from lab.ruleset.backend import Backend
from lab.run.after.source_ports import from_probe
from lab.run.after.why import hints
from lab.verdict.cell_result import expected_words
from lab.verdict.judge import judge
from lab.written.asked import OneFlow
from lab.written.cell import Cell, Expectation, Sender, Target
from lab.written.fields import AnExpect, Expect
from lab.written.sending import PLAIN, Sending

_KIND = re.compile(r"\{?\s*reject:\s*([^\s{}]+)\s*\}?")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, whatever the backend; ``expect`` is in a row's words, None where nothing is expected."""

    sender: str
    target: str
    service: str
    families: Sequence[int | None] = (None,)
    source: str | None = None
    how: Sending = PLAIN
    expect: Expectation | None = None


def expectation(text: str) -> Expectation:
    """What ``--expect`` says: allow, drop, reject, deny or ``reject:KIND``; raises InputError."""
    kind = _KIND.fullmatch(text)
    words: TypeAdapter[Expect] = TypeAdapter(AnExpect)
    try:
        found = words.validate_python({"reject": kind[1]} if kind else text)
    except ValidationError as error:
        what, _, mend = str(error.errors()[0]["ctx"]["error"]).partition("\n")
        raise InputError(Problem(f"--expect {what}", mend=mend.replace("{reject: ", "reject:").replace("}", ""))) from None
    return Expectation(found.action, found.reject_with)


def traces(scene: Scene, backend: Backend, asked: Asked, on: Lab | None = None) -> Iterator[Trace]:
    """The probe in each of the families, all in one lab of this backend; ``on`` is one that stands already, and stays."""
    with Lab(scene.topology, scene.policies, backend=backend) if on is None else nullcontext(on) as lab:
        lab.tell_routing()
        for family in asked.families:
            yield _trace(lab, scene, asked, family)


def _trace(lab: Lab, scene: Scene, asked: Asked, family: int | None) -> Trace:
    how = asked.how
    sender, target = scene.words(asked.sender, asked.target)

    def probe(sport: int | None) -> Verdict:
        return lab.probe(
            sender, target, asked.service, source=asked.source, sport=sport, flags=how.flags, mark=how.mark,
            uid=how.uid, family=family,
        )  # fmt: skip

    flow = lab.asked(sender, target, asked.service, source=asked.source, family=family, how=how)
    with lab.everything_traced(), lab.counted():
        verdict = probe(how.sport)
        if scene.twin is not None and verdict.kind is Kind.CLOSED:
            verdict = _served(lab, question_of(flow, how, None), verdict)
        warnings = lab.absences.behind([(verdict, ())], flow.node, as_user=how.uid is not None)
        notes = [*from_probe(lab, verdict, probe)] if how.sport is None else []
    of = f"{asked.sender} > {asked.target} {asked.service}{f' IPv{family}' if family else ''}"
    trace = Trace(
        of, str(lab.backend), verdict, tuple(warnings), tuple(notes), scene.notes([verdict.observation.sent.family]),
        guesses=scene.guesses,
        flow=Flow(flow.node, flow.source, flow.destination, asked.service, flow.family, how.sport, how.flags),
    )
    cell = _cell(lab, asked, flow, asked.expect or Expectation("allow"), verdict)
    trace = replace(trace, at=cell.at)
    found = judge(cell, trace.verdict)
    if found.outcome is not Outcome.PASSED:
        trace = replace(trace, hints=hints(lab, verdict, cell.expect, cell.at))
    return trace if asked.expect is None else replace(trace, expected=expected_words(cell), differences=found.differences)


def _served(lab: Lab, question: Question, closed: Verdict) -> Verdict:
    """The verdict of the same question with somebody who listens where it arrived: what listens behind a host no dump says."""
    served = heard_where_it_arrived(lab, question, closed)
    return closed if served is None else lab.ask(served, closed.path[-1].node)


def heard_where_it_arrived(lab: Lab, question: Question, closed: Verdict) -> Question | None:
    """The same question with somebody who listens where it arrived, as `closed` tells; None where that is nobody's."""
    heads = [path.exit or path.entry for path in closed.path]
    last = closed.path[-1] if heads else None
    taker = None if last is None else lab.topology.taker(last.node, last.out, heads[-1].destination)
    if last is None or taker is None:
        return None
    return replace(question, receivers=(*question.receivers, (taker, heads[-1].dport)))


def _cell(lab: Lab, asked: Asked, flow: OneFlow, expect: Expectation, verdict: Verdict) -> Cell:
    """The cell of a matrix that would ask this; where several nodes have policies, the one that decided is under test."""
    sent = verdict.observation.sent
    nodes = list(lab.policies) if len(lab.policies) == 1 else [verdict.node, *(path.node for path in verdict.path)]
    return Cell(
        id=asked.service, matrix="", row="", where=Where(""), family=sent.family, expect=expect, sport=asked.how.sport,
        flags=asked.how.flags, mark=asked.how.mark, uid=asked.how.uid,
        sender=Sender(flow.node, sent.source, asked.sender),
        target=Target(sent.destination, lab.topology.owner(sent.destination), asked.target),
        service=flow.service,
        at=next((node for node in nodes if node is not None), ""),
    )  # fmt: skip
