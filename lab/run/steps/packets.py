"""Steps that send a packet beside what the session's own ends say."""

from __future__ import annotations

from lab.errors import InputError, Problem
from lab.probe.quoting import error_about, source_of_error
from lab.record.verdict import Verdict
from lab.run.steps.play import Play
from lab.written.cell import Step


def packet(play: Play, step: Step) -> Verdict:
    """A packet by its layers, from one end of the session."""
    said = step.said
    return play.proven(step, play.session(step).crafted(said.layers, by_server=said.end == "server"))


def icmp_error(play: Play, step: Step) -> Verdict:
    """An ICMP error about the session, from a node on its way."""
    opened = play.opened.get(step.session)
    if opened is None:
        raise InputError(Problem("no packet of this session has been sent yet that an error could be about", step.where))
    said, family = step.said, play.cell.family
    node = play.lab.network.nodes[said.sent_from]
    sender, of_answer = play.cell.sender.node, said.quotes == "answer"
    error = error_about(opened, sender, said.sent_from, said.kind, said.mtu, quotes_answer=of_answer)
    source = source_of_error(node, error, play.lab.kernel_source(said.sent_from, error.quoted.source))
    if source is None:
        raise InputError(Problem(f"{said.sent_from} has no IPv{family} address to send an error from", step.where))
    return play.proven(step, play.session(step).error(said.sent_from, source, error))
