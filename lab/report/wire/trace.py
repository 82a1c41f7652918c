"""Single probes: what ``lab trace --json`` writes; the parts are those of a cell in the results of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.report.wire.document import key
from lab.report.wire.parts import ExitCode, Many, ProblemRecord, Rule, hints_of, problem_records, texts_of
from lab.report.wire.run import Judged
from lab.report.wire.seen import Conntrack, Packet, Routing, Step, routing_of, steps_of


@dataclass(frozen=True, kw_only=True)
class _Asked:
    of: str = key("who asked whom for what")
    backend: Literal["nft", "legacy"] = key()
    sent: Packet = key(of="verdict.observation.sent")
    expected: str | None = key("what --expect says; null without it")
    differences: Many[str] = key("each difference between expected and actual")
    hints: Many[str] = key("why it is not as expected, and what would mend it", of=hints_of)
    warnings: Many[str] = key("what may make the verdict another one in life")
    blockers: Many[Rule] = key("with --all-blockers: the rules that would deny it as well, one after the other", older=())
    guesses: Many[str] = key("of a twin: what no dump says and was concluded, with the line that it rests on", older=())
    notes: Many[str] = key("what else the reader must know", of=lambda trace: (*trace.beside, *trace.notes))


@dataclass(frozen=True, kw_only=True)
class Trace(Judged, _Asked):  # the keys of the last base come first
    """A probe: what was asked, what became of it, and the evidence."""

    conntrack: Many[Conntrack] = key(of="verdict.observation.conntrack")
    path: Many[Step] = key("the request's first packet", of=steps_of)
    routing: Many[Routing] = key("how each node on the way routed it and its answer", of=routing_of, older=())


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Probes of one command."""

    version: Literal[1] = key()
    exit_code: ExitCode = key("of `lab trace`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP: what was finished")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    traces: Many[Trace] = key("those that were made")
