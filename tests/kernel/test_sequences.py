"""Flows of several steps leave nothing, whatever their steps: the next cell is asked as if it were the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.errors import InputError
from lab.lab import Lab
from lab.record.result import CellResult, Outcome
from lab.run.steps.play import Play
from lab.run.steps.registry import DONE_BY
from lab.written.cell import Cell, Step
from tests.kernel.conftest import Project
from tests.kernel.scenes import ESTABLISHED, corridor, rulesets, table
from tests.kernel.test_taken_back import sockets

pytestmark = pytest.mark.kernel

WEB = "-A FORWARD -p tcp -m tcp --syn --dport 80 -m comment --comment web -j ACCEPT"
DNS = "-A FORWARD -p udp -m udp --dport 53 -m conntrack --ctstate NEW -m comment --comment dns -j ACCEPT"
OPEN = table("filter", ESTABLISHED, WEB, DNS, FORWARD="DROP")
SHUT = table("filter", FORWARD="DROP")
TALK = [{"open": "allow"}, {"send": "allow"}, {"answer": "allow"}]
FLOW = {"from": "client", "to": "server", "service": "tcp/80"}
BESIDE = {"name": "beside", **FLOW, "expect": "allow", "rule": "web"}


def row(*steps: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
    return {"name": "row", **FLOW, **keys, "steps": list(steps)}


def outcomes(results: Sequence[CellResult]) -> list[str]:
    return [str(result.outcome) for result in results]


def entries(lab: Lab) -> int:
    with lab.network.nodes["gateway"].namespace:
        return int(Path("/proc/sys/net/netfilter/nf_conntrack_count").read_text())


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("steps", [
    TALK, [*TALK, {"close": "allow"}], [*TALK, {"reset": "allow"}], [*TALK, {"reset": {"expect": "allow", "from": "server"}}],
    [*TALK, {"open": "allow", "session": "b"}, {"send": "allow", "session": "b"}, {"forget": "gateway"}, {"send": "drop"}],
])  # fmt: skip
def test_the_cell_beside_it_is_as_if_it_were_the_first(
    project: Project, steps: list[dict[str, Any]], *, first: bool
) -> None:
    port = {} if any("session" in step for step in steps) else {"sport": 999}
    rows = [row(*steps, **port), {**BESIDE, **port}]
    found = project.run(corridor(), {"gateway": OPEN}, rows if first else rows[::-1]).results
    assert outcomes(found) == ["passed", "passed"]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("step", [
    {"load": {"gateway": "shut"}}, {"link": {"node": "gateway", "interface": "right", "state": "down"}},
    {"route": {"node": "gateway", "add": "blackhole 10.0.2.10/32"}},
])  # fmt: skip
def test_what_a_step_changes_is_changed_for_its_own_cell_alone(project: Project, step: dict[str, Any], *, first: bool) -> None:
    project._write("policies", "shut.rules", SHUT)
    rows = [row(*TALK, step, {"send": {"expect": "deny", **({} if "load" in step else {"by": "route"})}}), BESIDE]
    found = project.run(corridor(), {"gateway": OPEN}, rows if first else rows[::-1]).results
    assert outcomes(found) == ["passed", "passed"], [one.differences for one in found]


def test_what_is_forgotten_is_of_the_session_as_it_was_begun_last(project: Project) -> None:
    """A handshake that is begun again has another source port, and so another entry."""
    project._write("policies", "opened.rules", OPEN)
    loaded: dict[str, Any] = {"load": {"gateway": "opened"}}
    steps = [{"open": "drop"}, loaded, {"open": "allow"}, {"forget": "gateway"}, {"send": "drop"}]
    (found,) = project.run(corridor(), {"gateway": SHUT}, [row(*steps)]).results
    assert found.outcome is Outcome.PASSED, found.differences


def test_sessions_of_a_row_are_flows_of_their_own(project: Project) -> None:
    steps = [*TALK, {"open": "allow", "session": "b"}, {"reset": "allow"}, {"send": "allow", "session": "b"}]
    (found,) = project.run(corridor(), {"gateway": OPEN}, [row(*steps)]).results
    assert found.outcome is Outcome.PASSED
    sent = {step.session: step.verdict.observation.sent for step in found.steps if step.verdict and step.words == "send"}
    ports = {session: packet.sport for session, packet in sent.items()}
    assert ports[""] != ports["b"]


def test_a_flow_in_the_midst_meets_the_state_that_the_steps_left(project: Project) -> None:
    once = "-A FORWARD -p udp --dport 53 -m limit --limit 1/hour --limit-burst 2 -m comment --comment twice -j ACCEPT"
    asked = {"from": "client", "to": "server", "service": "udp/53"}
    passes, stopped = {"flow": {**asked, "expect": "allow", "rule": "twice"}}, {"flow": {**asked, "expect": "drop"}}
    ruleset = table("filter", ESTABLISHED, WEB, once, FORWARD="DROP")
    rows = [row({"open": "allow"}, passes, passes, stopped, {"send": "allow"}), {**BESIDE, "name": "as if", **passes["flow"]}]
    assert outcomes(project.run(corridor(), {"gateway": ruleset}, rows).results) == ["passed", "passed"]


def test_datagrams_and_echoes_have_steps_too(project: Project) -> None:
    ping = "-A FORWARD -p icmp -m conntrack --ctstate NEW -m comment --comment ping -j ACCEPT"
    rows = [
        row({"send": {"expect": "allow", "rule": "dns"}}, {"answer": "allow"}, {"send": {"expect": "allow", "rule": "answers"}},
            {"forget": "gateway"}, {"send": {"expect": "allow", "rule": "dns"}}, service="udp/53"),
        {**row({"send": {"expect": "allow", "rule": "ping"}}, {"send": {"expect": "allow", "rule": "answers"}}), "name": "ping",
         "service": "icmp/echo-request"},
    ]  # fmt: skip
    ruleset = table("filter", ESTABLISHED, WEB, DNS, ping, FORWARD="DROP")
    assert outcomes(project.run(corridor(), {"gateway": ruleset}, rows).results) == ["passed", "passed"]


def test_a_step_that_cannot_be_done_is_an_error(project: Project) -> None:
    refused = table("filter", "-A FORWARD -p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset", FORWARD="DROP")
    rows = [row({"open": "deny"}, {"send": "drop"}), {**row({"open": "deny"}, {"forget": "server"}), "name": "no entry"}]
    with pytest.raises(InputError, match="needs a connection"):
        project.plans(corridor(), {"gateway": refused}, rows[:1])
    (found,) = project.run(corridor(), {"gateway": refused}, rows[1:]).results
    assert found.outcome is Outcome.ERROR
    assert found.differences == ("no packet of this session has come through server yet",)


def made(project: Project) -> tuple[Cell, Lab]:
    plan = project.plans(corridor(), {"gateway": OPEN}, [row(*TALK, *({**step, "session": "b"} for step in TALK))])[0]
    return plan.cells[0], Lab(plan.topology, plan.policies)


_VERBS = st.sampled_from(["open", "send", "answer", "close", "reset", "reset by server", "forget", "shut", "open up"])


def test_no_sequence_of_steps_leaves_anything(project: Project) -> None:
    cell, lab = made(project)
    policies = {"shut": rulesets(SHUT), "open up": rulesets(OPEN)}

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(st.lists(st.tuples(_VERBS, st.sampled_from(["", "b"])), min_size=1, max_size=8))
    def played(words: list[tuple[str, str]]) -> None:
        lab.load("gateway", policies["open up"])
        play = Play(lab, cell, {})
        with lab.batch():
            try:
                for number, (word, session) in enumerate(words, 1):
                    _done(play, word, number, session, policies)
            finally:
                play.close()
        assert (entries(lab), sockets(lab)) == (0, [])
        assert lab.stage.receivers._shared == {}
        lab.load("gateway", policies["open up"])
        verdict = lab.probe("client", "server", "tcp/80")
        assert (verdict.allowed, verdict.rule and verdict.rule.comment) == (True, "web")

    with lab:
        played()


def _done(play: Play, word: str, number: int, session: str, policies: Mapping[str, Any]) -> None:
    if word in policies:
        play.lab.load("gateway", policies[word])
        return
    like = next(step for step in play.cell.steps if step.expect is not None)
    verb, _, by = word.partition(" by ")
    said = _Reset(by or "client") if verb == "reset" else ("gateway",)
    step = Step(number, verb, like.where, word, session, like.expect, said)
    try:
        DONE_BY[verb](play, step)
    except InputError:
        return


class _Reset:
    def __init__(self, end: str) -> None:
        self.end = end
