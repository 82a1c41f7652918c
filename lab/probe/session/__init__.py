"""Sessions of applications whose data goes over a connection of its own, a file each, by the type of what is sent."""

from __future__ import annotations

from lab.errors import InputError, Problem
from lab.probe.question import Question, Tftp
from lab.probe.session.ftp import ask_ftp
from lab.probe.session.tftp import ask_tftp
from lab.probe.stage import Stage
from lab.record.observation import Observation


def ask_session(stage: Stage, question: Question) -> Observation:
    """What all witnesses saw of the session: of its data connection, or of its control connection where it came no further."""
    if isinstance(question.sends, Tftp):
        return ask_tftp(stage, question)
    if not any(spec.programs for spec in stage.network.topology.nodes.values()):
        raise InputError(Problem("a session asks a server, and no node has a program", mend="programs: [{serve: ftp}]"))
    return ask_ftp(stage, question)
