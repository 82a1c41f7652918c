"""The function that does a step, by its verb: it gives the verdict of what it sent, or None where it sends nothing.

A step that cannot be done raises LabError: it is then an error, and never passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from lab.errors import InputError, Problem
from lab.probe.quoting import error_about, source_of_error
from lab.record.result import Outcome
from lab.record.verdict import Verdict
from lab.run.questions import questions
from lab.run.steps.play import Play
from lab.verdict.judge import judge
from lab.written.cell import Step
from lab.written.steps.acting import FORGET, LOAD, WAIT
from lab.written.steps.flow import FLOW
from lab.written.steps.network import LINK, ROUTE
from lab.written.steps.packets import ICMP_ERROR, PACKET
from lab.written.steps.spoken import ANSWER, CLOSE, OPEN, RESET, SEND


def _open(play: Play, step: Step) -> Verdict:
    return play.proven(step, play.session(step).open())


def _send(play: Play, step: Step) -> Verdict:
    return play.proven(step, play.session(step).send())


def _answer(play: Play, step: Step) -> Verdict:
    return play.proven(step, play.session(step).answer())


def _close(play: Play, step: Step) -> Verdict:
    return play.proven(step, play.session(step).close())


def _reset(play: Play, step: Step) -> Verdict:
    return play.proven(step, play.session(step).reset(by_server=step.said.end == "server"))


def _flow(play: Play, step: Step) -> Verdict | None:
    """Each of its packets in the state that the lab is in, up to the first that is not as expected."""
    verdict = None
    for cell in step.said:
        play.about = cell
        for _, question in questions(cell):
            verdict = play.lab.ask(question, cell.at, as_first=False)
            if judge(cell, verdict).outcome is not Outcome.PASSED:
                return verdict
    return verdict


def _packet(play: Play, step: Step) -> Verdict:
    said = step.said
    return play.proven(step, play.session(step).crafted(said.layers, by_server=said.end == "server"))


def _icmp_error(play: Play, step: Step) -> Verdict:
    opened = play.opened.get(step.session)
    if opened is None:
        raise InputError(Problem("no packet of this session has been sent yet that an error could be about", step.where))
    said, family = step.said, play.cell.family
    node = play.lab.network.nodes[said.sent_from]
    of_answer = said.quotes == "answer"
    error = error_about(opened, play.cell.sender.node, said.sent_from, said.kind, said.mtu, quotes_answer=of_answer)
    source = source_of_error(node, error, play.lab.kernel_source(said.sent_from, error.quoted.source))
    if source is None:
        raise InputError(Problem(f"{said.sent_from} has no IPv{family} address to send an error from", step.where))
    return play.proven(step, play.session(step).error(said.sent_from, source, error))


def _load(play: Play, step: Step) -> None:
    for node, rulesets in play.loads[step.number].items():
        play.lab.load(node, rulesets)


def _forget(play: Play, step: Step) -> None:
    opened = play.opened.get(step.session)
    for node in step.said:
        entries = [] if opened is None else [path.entry for path in opened.request if path.node == node]
        if not entries:
            raise InputError(Problem(f"no packet of this session has come through {node} yet", step.where))
        for entry in entries:
            play.lab.instrument.nodes[node].conntrack.delete(entry)


def _link(play: Play, step: Step) -> None:
    altering = play.lab.network.altering
    (altering.set_up if step.said.state == "up" else altering.set_down)(step.said.node, step.said.interface)


def _route(play: Play, step: Step) -> None:
    play.lab.network.altering.route(step.said.node, step.said.how, step.said.route)


def _wait(_play: Play, step: Step) -> None:
    time.sleep(step.said)


DONE_BY: Mapping[str, Callable[[Play, Step], Verdict | None]] = {
    OPEN.name: _open,
    SEND.name: _send,
    ANSWER.name: _answer,
    CLOSE.name: _close,
    RESET.name: _reset,
    FLOW.name: _flow,
    PACKET.name: _packet,
    ICMP_ERROR.name: _icmp_error,
    LOAD.name: _load,
    FORGET.name: _forget,
    LINK.name: _link,
    ROUTE.name: _route,
    WAIT.name: _wait,
}
