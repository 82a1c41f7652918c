r"""The packets of a burst to the result of its cell: how many passed, and what became of each.

>>> from lab.written.cell import Expectation
>>> from lab.written.expect.example import PASSED
>>> cell = replace(cell, expect=Expectation("allow"))
>>> burst = Burst(3, 1, 2, Expectation("deny"), (cell.sender,))
>>> fired = [Fired(cell.sender, 443, [PASSED] * 3, 2.0, Refill(1, "30/minute burst 2"))]
>>> result = result_of(replace(cell, burst=burst), burst, fired, datetime.date(2026, 1, 31))
>>> str(result.outcome), passed(PASSED), result.bursts[0].fates
('passed', True, '1-3 allowed')
>>> result.notes[0].partition("; ")[2]
'2 are expected, and in 2.00 s 30/minute burst 2 lets 1 more through'
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lab.record.result import BurstGroup, BurstResult, CellResult, Outcome, told_apart
from lab.record.sweep import is_open
from lab.record.verdict import Kind, Verdict
from lab.verdict.cell_result import WORST_FIRST, expected_words, settled
from lab.verdict.judge import judge
from lab.written.cell import Again, Burst, Cell, Sender
from lab.written.service import merged, ports_text


@dataclass(frozen=True, slots=True)
class Refill:
    """How many packets more than in no time limits bear in the time that a burst took, and which limits, in words."""

    packets: int = 0
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Fired:
    """What was measured of one series: from whom, to which port, the verdict of each packet, and how long that took."""

    sender: Sender
    port: int | None
    verdicts: Sequence[Verdict]
    seconds: float
    refill: Refill = Refill()
    again: Again | None = None


@dataclass(frozen=True, slots=True)
class _Wrong:
    outcome: Outcome
    verdict: Verdict
    what: str


def passed(verdict: Verdict) -> bool:
    """Whether a packet came past the rules, whatever became of it then."""
    return verdict.passed_node or is_open(verdict)


def series_of(cell: Cell, burst: Burst, fired: Fired) -> BurstResult:
    """The packets of one series, those that fared alike together, each judged by what is expected of such."""
    found: dict[object, list[int]] = {}
    judged = {}
    for number, verdict in enumerate(fired.verdicts, 1):
        through = passed(verdict)
        one = cell if through else replace(cell, expect=burst.rest)
        judgement = judge(one, verdict)
        rule = verdict.rule.place if verdict.rule else None
        key: object = (verdict.kind, rule, verdict.node, verdict.reject, verdict.muted, through, judgement)
        found.setdefault(key, []).append(number)
        judged[key] = one, judgement, verdict, through
    groups = []
    for key, numbers in found.items():
        one, judgement, _, through = judged[key]
        groups.append(BurstGroup(
            ports_text(merged([(number, number) for number in numbers])), len(numbers), through, expected_words(one),
            judgement.outcome, fired.verdicts[numbers[0] - 1], judgement.differences,
        ))  # fmt: skip
    bounds = (burst.least, burst.most) if fired.again is None else (fired.again.least, fired.again.most)
    return BurstResult(
        fired.sender.label, fired.sender.address, fired.port, len(fired.verdicts), sum(map(passed, fired.verdicts)),
        fired.seconds, *bounds, tuple(groups), fired.again.after if fired.again else 0.0, fired.refill.packets,
        fired.refill.limit,
    )  # fmt: skip


def result_of(cell: Cell, burst: Burst, fired: Sequence[Fired], today: datetime.date) -> CellResult:
    """The cell's result: that of the worst that is wrong with its packets, or with how many of them passed."""
    series = tuple(series_of(cell, burst, one) for one in fired)
    wrong = sorted(_wrong(burst, fired, series), key=lambda one: WORST_FIRST.index(one.outcome))
    worst = wrong[0] if wrong else None
    sent = sum(one.sent for one in series)
    took = sum(verdict.observation.probe_us for one in fired for verdict in one.verdicts)
    result = CellResult(
        id=cell.id, matrix=cell.matrix, row=cell.row, sender=cell.sender.label, target=cell.target.label,
        service=cell.service.text, family=cell.family, where=str(cell.where), at=cell.at, expected=expected_of(cell, burst),
        outcome=worst.outcome if worst else Outcome.PASSED,
        verdict=worst.verdict if worst else fired[0].verdicts[0],
        differences=tuple(dict.fromkeys(one.what for one in wrong if one.outcome is wrong[0].outcome)),
        notes=tuple(_late(burst, series)), ports=cell.service.port_count, probe_us=took / sent, bursts=series,
    )  # fmt: skip
    return settled(cell, result, today)


def expected_of(cell: Cell, burst: Burst) -> str:
    """What a burst expects, in words: ``allow 5 to 6 of 20, and drop the rest``."""
    rest, sources, ports = burst.rest, len(burst.senders), cell.service.port_count
    number = str(burst.least) if burst.least == burst.most else f"{burst.least} to {burst.most}"
    each = (f" from each of {sources} sources" if sources > 1 else "") + (f" to each of {ports} ports" if ports > 1 else "")
    of = str(burst.send * sources * ports) if burst.together else f"{burst.send}{each}"
    how = ", each left open" if burst.open else ""
    again = burst.again
    if again is not None:
        then = str(again.least) if again.least == again.most else f"{again.least} to {again.most}"
        how += f", {then} after another {again.after:g} s"
    kind = f" with {rest.reject_with}" if rest.reject_with else ""
    return f"{cell.expect.action} {number} of {of}{how}, and {rest.action} the rest{kind}"


def _wrong(burst: Burst, fired: Sequence[Fired], series: tuple[BurstResult, ...]) -> Iterator[_Wrong]:
    for whole, what in _counted(burst, series):
        of = [(one, verdict) for one, told in zip(fired, series, strict=True) if told in whole for verdict in one.verdicts]
        through = [verdict for _, verdict in of if passed(verdict)]
        stopped = [verdict for _, verdict in of if not passed(verdict)]
        if any(verdict.kind is Kind.LOST for verdict in stopped):
            continue  # each is told of below: how many would have passed is not known
        least, at_most = whole[0].least, whole[0].most
        most = at_most + sum(one.refilled for one in whole)
        if len(through) > most:
            yield _Wrong(Outcome.FAIL_OPEN, through[most], f"at most {at_most} must pass, but {what}")
        elif len(through) < least:
            yield _Wrong(Outcome.FAIL_CLOSED, (stopped or through)[0], f"at least {least} must pass, but {what}")
    for told in series:
        for group in told.groups:
            for difference in group.differences:
                whose = told_apart(series, told)
                yield _Wrong(group.outcome, group.verdict, f"{whose}packet {group.numbers}: {difference}")


def _counted(burst: Burst, series: tuple[BurstResult, ...]) -> Iterator[tuple[tuple[BurstResult, ...], str]]:
    """The series that are counted together, and how that came out in words."""
    for whole in [series] if burst.together else [(one,) for one in series]:
        through, sent = sum(one.passed for one in whole), sum(one.sent for one in whole)
        whose = "" if len(whole) > 1 else told_apart(series, whole[0])
        told = "; ".join(f"{told_apart(whole, one) if len(whole) > 1 else ''}{one}" for one in whole)
        yield whole, f"{whose}{through} of {sent} passed: {told}"


def _late(burst: Burst, series: tuple[BurstResult, ...]) -> Iterator[str]:
    """What is told of more that passed than the row says, as the limit bore more in the time that it took."""
    for whole, what in _counted(burst, series):
        through, more = sum(one.passed for one in whole), sum(one.refilled for one in whole)
        most = whole[0].most
        if most < through <= most + more:
            limits = " and ".join(dict.fromkeys(one.limit for one in whole if one.limit))
            seconds = sum(one.seconds for one in whole)
            yield f"{what}; {most} are expected, and in {seconds:.2f} s {limits or 'the limit'} lets {more} more through"

