"""A burst: one question after another on memories that are fresh, none of them made fresh in between."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from lab.fresh import Recall
from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import Question
from lab.record.result import CellResult, Outcome
from lab.record.verdict import Verdict
from lab.ruleset.limits import limit_in
from lab.ruleset.memory import TICK_S, Kind
from lab.run.after.why import hints
from lab.run.asker import Asker
from lab.run.questions import questions
from lab.verdict.burst import Fired, Refill, passed, result_of
from lab.verdict.prove import prove
from lab.written.cell import Burst, Cell


def fits(cell: Cell, _asker: Asker) -> bool:
    """A cell with a burst."""
    return cell.burst is not None


def ask(cell: Cell, asker: Asker) -> CellResult:
    """Send from each source to each port, one packet after the other."""
    assert cell.burst is not None
    lab = asker.labs.shared
    warnings = asker.tally(cell).warnings
    fired = list(_fired(lab, cell, cell.burst, asker))
    result = result_of(cell, cell.burst, fired, asker.today)
    result = replace(result, warnings=(*warnings, *result.warnings))
    if result.outcome is Outcome.PASSED:
        return result
    expect = cell.expect if result.outcome is not Outcome.FAIL_OPEN else cell.burst.rest
    return replace(result, hints=hints(lab, result.verdict, expect, cell.at))


def _fired(lab: Lab, cell: Cell, burst: Burst, asker: Asker) -> Iterator[Fired]:
    series = [
        (sender, port, question)
        for sender in burst.senders
        for port, question in questions(replace(cell, sender=sender))
    ]
    for _, _, question in series:
        lab.fresh.past(question, logs=True).renew()
    with lab.counted(), ExitStack() as open_ones:
        for _, _, question in series:
            open_ones.callback(lab.fresh.let_by, question)  # what is said when they are let go is not counted
        for done, (sender, port, question) in enumerate(series):
            recall = lab.fresh.past(question)
            pause = _pause(burst, recall)
            start = time.perf_counter()
            verdicts = []
            for number in range(burst.send):
                if number and pause:
                    time.sleep(pause)
                verdicts.append(_asked(lab, cell, question, recall, open_ones if burst.open else None))
            seconds = time.perf_counter() - start
            asker.repeats += sum(verdict.observation.repeats for verdict in verdicts)
            yield Fired(sender, port, verdicts, seconds, _refill(recall, verdicts, seconds))
            asker.tell(cell, min(done + 1, cell.service.port_count))


def _pause(burst: Burst, recall: Recall) -> float:
    """Seconds between two packets: a count of connections forgets those that are closed, but not twice in one tick.

    nf_conncount.c, nf_conncount_gc_list(), and find_or_evict(), which keeps what is younger than two.
    """
    counts = any(memory.kind is Kind.COUNT for memory in recall.wanted)
    return TICK_S if counts and not burst.open else 0.0


def _asked(lab: Lab, cell: Cell, question: Question, recall: Recall, open_ones: ExitStack | None) -> Verdict:
    if open_ones is None:
        return lab.ask(question, cell.at, as_first=False)
    with ExitStack() as of_one:
        talk = of_one.enter_context(Conversation(lab.stage, question))

        def opened() -> Verdict:
            seen = talk.open() or talk.send()
            assert seen is not None  # of a flow that has just begun one of the two is sent
            return prove(seen, cell.at)

        verdict = recall.asked(opened, as_first=False) if recall else opened()
        if passed(verdict):  # what was denied would be sent again by its own clock
            open_ones.push(of_one.pop_all())
    return verdict


def _refill(recall: Recall, verdicts: Sequence[Verdict], seconds: float) -> Refill:
    if not recall:
        return Refill()
    through = [verdict for verdict in verdicts if passed(verdict)]
    more, texts = recall.refilled(through, [verdict for verdict in verdicts if not passed(verdict)], seconds)
    return Refill(more, " and ".join(dict.fromkeys(limit_in(text) or text for text in texts)))
