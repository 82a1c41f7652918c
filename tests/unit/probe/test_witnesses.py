"""Which witnesses a question has: none that it does not ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import MagicMock

import pytest

from lab.bench.probes import ALLOW, DENY
from lab.probe.question import Question, Wants
from lab.probe.witness import OF_A_FLOW, Witness, armed
from lab.probe.witness.copies import Copies
from lab.probe.witness.entries import Entries
from lab.probe.witness.logs import Logs


def asked_for(question: Question) -> list[type[Witness]]:
    stage: Any = MagicMock()
    return [type(witness) for witness in armed(OF_A_FLOW, stage, question)]


@pytest.mark.parametrize("question", [ALLOW, DENY], ids=["allow", "deny"])
def test_a_plain_question_reads_its_entries_and_nothing_else(question: Question) -> None:
    assert asked_for(question) == [Entries]


def test_what_is_asked_about_logs_and_copies_has_those_who_know() -> None:
    assert asked_for(replace(DENY, wants=Wants(log=True))) == [Logs, Entries]
    assert asked_for(replace(DENY, wants=Wants(copies_at=("sensor",)))) == [Entries, Copies]
