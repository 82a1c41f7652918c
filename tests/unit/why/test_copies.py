"""A copy that got past a node which denied the packet."""

from __future__ import annotations

from dataclasses import replace

from lab.record.path import End
from lab.why.case import Case
from lab.why.copies import copies
from tests.unit.verdict.made import SYN
from tests.unit.why.walks import failed, saved, table, told, way

TEE = table("-A PREROUTING -i lan -j TEE --gateway 10.0.2.9", name="mangle", policies="ACCEPT")
DENY = table("-A FORWARD -j DROP")


def denied(text: str, *steps: str, passed: bool = True, action: str = "drop") -> Case:
    chains = saved(text + DENY)
    case = failed(chains, way(chains, *steps, "filter:FORWARD:1 drop"), action=action)
    copy = way(chains, "filter:FORWARD:1 continue", end=End.LEFT, entry=SYN, exit=SYN, out="tap")
    seen = replace(case.verdict.observation, others=(copy,))
    return replace(case, verdict=replace(case.verdict, observation=seen, passed_node=passed))


def test_a_copy_that_got_past() -> None:
    (hint,) = told(copies, denied(TEE, "mangle:PREROUTING:1 continue"))
    assert hint == (
        "gateway mangle:PREROUTING:1 (`-A PREROUTING -i lan -j TEE --gateway 10.0.2.9`) copied it, and the copy left gateway "
        "by tap: `copied: {to: NODE}` in the row, where that is meant"
    )


def test_where_nothing_copied_or_nothing_passed() -> None:
    assert told(copies, denied("")) == []
    assert told(copies, denied(TEE, "mangle:PREROUTING:1 continue", passed=False)) == []
    assert told(copies, denied(TEE, "mangle:PREROUTING:1 continue", action="allow")) == []
