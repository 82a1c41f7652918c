"""What a scheduled job mails: one line that answers, and what it rests on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.errors import Problem
from lab.record.difference import Aspect, Difference, DiffReport
from lab.record.drifted import ByProgram, Compared, DriftReport, NextBoot, Standing
from lab.record.reconciled import Place, Reconciled, Unloaded, Unwritten
from lab.report.drifted import drift_lines, drift_markdown, headline
from tests.unit.report.differing import closes, logs, opens

PLACE = Place("ip", "filter", "INPUT", 3)
UNOWNED = Unwritten(PLACE, "-A INPUT -j ACCEPT", lacks=("owner", "ticket", "date"))
OPENS = opens()
BEHAVIOUR = DiffReport("edge", "gw", "gw", "gw")
ALL_SAME = Reconciled(4)
SAME = Compared(BEHAVIOUR, ALL_SAME)


def compared(*differences: Difference, rules: Reconciled = ALL_SAME, **behaviour: Any) -> Compared:
    return Compared(replace(BEHAVIOUR, differences=differences, **behaviour), rules)


def report(now: Compared | None = SAME, boot: NextBoot | None = None) -> DriftReport:
    return DriftReport("gw", "edge", now, boot)


@pytest.mark.parametrize(
    ("one", "standing", "code", "told"),
    [
        (SAME, Standing.SAME, 0, "gw runs what edge says"),
        (compared(OPENS), Standing.DRIFTED, 1, "gw drifted from edge: 1 class of flows opens"),
        (compared(rules=Reconciled(4, (UNOWNED,))), Standing.OTHER_RULES, 1,
         "gw against edge: same behaviour, other rules: 1 rule nobody answers for"),
        (compared(OPENS, OPENS, logs(), rules=Reconciled(4, (UNOWNED, UNOWNED))),
         Standing.DRIFTED, 1,
         "gw drifted from edge: 2 classes of flows open, 1 is logged otherwise; 2 rules nobody answers for"),
        (compared(replace(OPENS, aspect=Aspect.RULE, opens=False)), Standing.SAME, 0, "gw runs what edge says"),
        (compared(lost=("a flow",)), Standing.UNKNOWN, 3, "whether gw drifted from edge is not known"),
        (compared(OPENS, lost=("a flow",)), Standing.DRIFTED, 3, "gw drifted from edge: 1 class of flows opens"),
        (compared(problems=(Problem("gone"),), exit_code=4), Standing.UNKNOWN, 4, "whether gw drifted from edge is not known"),
        (compared(interrupted=True, exit_code=130), Standing.UNKNOWN, 130, "whether gw drifted from edge is not known"),
    ],
)  # fmt: skip
def test_the_answer_in_a_line(one: Compared, standing: Standing, code: int, told: str) -> None:
    assert (one.standing, one.exit_code) == (standing, code)
    assert headline(report(one)) == told


@pytest.mark.parametrize(
    ("boot", "told"),
    [
        (NextBoot(refused=(Problem("no set"),)), "; what its next boot loads is refused"),
        (NextBoot(compared(OPENS, rules=Reconciled(4, (UNOWNED,), (Unloaded(PLACE, "-A"),))), ("/etc/a",)),
         "; its next boot: 1 class of flows opens; 1 rule is lost, 1 comes back"),
        (NextBoot(compared(OPENS)), "; its next boot: 1 class of flows opens; it loads no rules"),
        (NextBoot(compared(rules=Reconciled(4, (UNOWNED,))), ("/etc/a",)),
         "; its next boot: same behaviour, other rules: 1 rule is lost"),
        (NextBoot(compared(lost=("a flow",)), ("/etc/a",)), "; what its next boot changes is not known"),
    ],
)  # fmt: skip
def test_the_next_boot_is_told_in_it_only_where_it_changes_something(boot: NextBoot, told: str) -> None:
    assert headline(report(boot=boot)) == f"gw runs what edge says{told}"
    alone = replace(report(None, boot), policy=None)
    assert headline(alone) == f"gw: {told.removeprefix('; ')}"


@pytest.mark.parametrize(
    ("boot", "alone"),
    [
        (NextBoot(SAME, ("/etc/a",)), "its next boot loads what it runs"),
        (NextBoot(why="not captured"), "what its next boot loads is not known"),
    ],
)
def test_a_next_boot_that_changes_nothing_is_told_where_nothing_else_is_asked(boot: NextBoot, alone: str) -> None:
    assert headline(report(boot=boot)) == "gw runs what edge says"
    assert headline(report(None, boot)) == f"gw: {alone}"


def test_nothing_tells_when_it_was_made() -> None:
    assert not any(line.endswith(" s") for line in drift_lines(report(compared(OPENS))))


def test_what_a_program_decides_is_told_as_no_drift() -> None:
    lines = list(drift_lines(report(replace(SAME, by_programs=(ByProgram("fail2ban", closes()),)))))
    assert [line for line in lines if line.startswith("no drift: closed by a rule of fail2ban itself: ")]


def test_hostile_text_is_printed_as_text() -> None:
    odd = replace(UNOWNED, text="-A \x1b[31m </pre>::error::x")
    other = compared(rules=Reconciled(0, (odd,)))
    found = DriftReport("g\x1bw", "e\ndge", other, NextBoot(other))
    page = drift_markdown(found)
    assert "\x1b" not in page
    assert "</pre>:" not in page
    assert page.startswith("## Drift: ")
    assert "\x1b" not in "\n".join(drift_lines(found))
