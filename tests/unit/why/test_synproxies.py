"""A SYNPROXY that answers and never speaks to the server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.observation import Milestone
from lab.record.path import End
from lab.record.verdict import Kind
from lab.why.case import Case
from lab.why.synproxies import synproxies
from tests.unit.why.walks import failed, saved, table, told, way

LOOSE = "net.netfilter.nf_conntrack_tcp_loose"
GUARD = "-A FORWARD -p tcp -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY"


def taken(loose: str = "1", *, rule: str = GUARD, stage: Milestone = Milestone.CONNECTED, action: str = "allow") -> Case:
    chains = saved(table(rule))
    case = failed(chains, way(chains, "filter:FORWARD:1 stolen", end=End.STOLEN), kind=Kind.CONSUMED, action=action)
    seen = replace(case.verdict.observation, stage=stage)
    return replace(case, verdict=replace(case.verdict, observation=seen), sysctls={"gateway": {LOOSE: loose}})


def test_conntrack_took_the_ack_for_one_in_the_midst() -> None:
    (hint,) = told(synproxies, taken())
    assert f"gateway filter:FORWARD:1 (`{GUARD}`) answered the SYN" in hint
    assert hint.endswith(f"{LOOSE} is 1 at gateway: `sysctls: {{{LOOSE}: 0}}` in the topology, as on the host")


@pytest.mark.parametrize(
    "case",
    [taken("0"), taken(stage=Milestone.SENT), taken(action="drop"), taken(rule="-A FORWARD -p tcp -j TARPIT")],
    ids=["strict", "unanswered", "denied", "tarpit"],
)
def test_where_it_may_be_otherwise(case: Case) -> None:
    assert told(synproxies, case) == []
