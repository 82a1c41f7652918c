"""What a step, or the rest of a burst, wants to have seen beside its verdict is looked for: logs, copies, entries."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.result import CellResult
from lab.ruleset.backend import Backend
from tests.kernel.conftest import Project
from tests.kernel.scenes import ESTABLISHED, table
from tests.kernel.test_copied import TEE, with_sensor

pytestmark = pytest.mark.kernel

ON_BOTH_BACKENDS = True
SYNS = "-A FORWARD -p tcp -m tcp --syn -j NFLOG --nflog-prefix syn --nflog-group 5"
WORDS = "-A FORWARD -p tcp -m tcp --tcp-flags PSH PSH -j NFLOG --nflog-prefix words --nflog-group 5"
WEB = "-A FORWARD -p tcp -m tcp --syn --dport 443 -j ACCEPT"


def played(project: Project, backend: Backend, *steps: dict[str, Any]) -> CellResult:
    row = {"name": "row", "from": "client", "to": "server", "service": "tcp/443", "family": 4, "steps": list(steps)}
    ruleset = TEE + table("filter", SYNS, WORDS, ESTABLISHED, WEB, FORWARD="DROP")
    (found,) = project.run(with_sensor(), {"gateway": ruleset}, [row], backend=backend).results
    return found


def allow(**further: Any) -> dict[str, Any]:
    return {"expect": "allow", **further}


def test_each_step_has_what_it_wants(project: Project, backend: Backend) -> None:
    found = played(
        project, backend,
        {"open": allow(logged={"prefix": "syn", "group": 5, "times": 1})},
        {"send": allow(copied={"to": "sensor"}, logged={"prefix": "words", "group": 5, "times": 1})},
        {"answer": allow(logged={"prefix": "words", "group": 5, "times": 1}, copied="none")},
        {"send": allow(logged={"prefix": "syn", "times": 0})},
        {"open": allow(conntrack={"count": 2}), "session": "b"},
    )  # fmt: skip
    assert (str(found.outcome), found.differences) == ("passed", ())


@pytest.mark.parametrize(
    ("step", "difference"),
    [
        ({"send": allow(copied="none")}, "must not be copied, but gateway mangle:PREROUTING:1 (tap) copied it"),
        ({"send": allow(copied={"to": "bystander"})}, "must be copied to bystander, but no copy came there: "),
        ({"send": allow(logged={"prefix": "words", "times": 0})}, "must not be logged with prefix 'words', but was: "),
        ({"send": allow(conntrack={"count": 2})}, "conntrack must hold 2 of its source's flows, but "),
    ],
    ids=["copied", "copied elsewhere", "logged", "count"],
)
def test_what_is_otherwise_in_a_later_step(
    project: Project, backend: Backend, step: dict[str, Any], difference: str
) -> None:
    found = played(project, backend, {"open": "allow"}, step)
    assert (str(found.outcome), len(found.steps)) == ("mismatch", 2)
    assert found.differences[0].startswith(difference)


def test_what_was_logged_between_two_steps_is_of_neither(project: Project, backend: Backend) -> None:
    alone = "-A FORWARD -p tcp -m tcp --tcp-flags FIN,ACK FIN"
    lone_fin = {"from": "client", "to": "server", "service": "tcp/443", "flags": "fin", "sport": 999, "expect": "drop"}
    row = {
        "name": "row", "from": "client", "to": "server", "service": "tcp/443", "family": 4, "sport": 999,
        "steps": [{"open": allow(logged={"times": 0})}, {"flow": lone_fin}, {"send": allow(logged={"times": 0})}],
    }  # fmt: skip
    ruleset = table("filter", f"{alone} -j NFLOG --nflog-prefix fin --nflog-group 5", f"{alone} -j DROP", ESTABLISHED, WEB)
    (found,) = project.run(with_sensor(), {"gateway": ruleset}, [row], backend=backend).results
    assert (str(found.outcome), found.differences) == ("passed", ())


def test_what_does_not_pass_of_a_burst_has_what_it_wants(project: Project, backend: Backend) -> None:
    rest = {"expect": "drop", "logged": {"prefix": "over", "group": 5, "times": 1}, "copied": {"to": "sensor"}}
    row = {
        "name": "row", "from": "client", "to": "server", "service": "udp/53", "family": 4,
        "burst": {"send": 4, "pass": 2, "rest": rest},
    }  # fmt: skip
    limit = "-A FORWARD -p udp -m udp --dport 53 -m conntrack --ctstate NEW -m limit --limit 1/hour --limit-burst 2 -j ACCEPT"
    over = "-A FORWARD -p udp -m udp --dport 53 -j NFLOG --nflog-prefix over --nflog-group 5"
    ruleset = TEE + table("filter", ESTABLISHED, limit, over, FORWARD="DROP")
    (found,) = project.run(with_sensor(), {"gateway": ruleset}, [row], backend=backend).results
    assert (str(found.outcome), found.differences) == ("passed", ())


def test_a_later_step_may_say_by_which_table_it_is_routed(project: Project, backend: Backend) -> None:
    found = played(project, backend, {"open": "allow"}, {"send": allow(leaves={"via": "right", "table": "main"})})
    assert (str(found.outcome), found.differences) == ("passed", ())


def test_a_later_step_may_arrive_elsewhere(project: Project, backend: Backend) -> None:
    leads = "-A PREROUTING -i left -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.3.10:5353"
    elsewhere = {"send": allow(arrives={"at": "sensor", "port": 5353})}
    steps = [{"send": "allow"}, {"forget": "gateway"}, {"load": {"gateway": "leads"}}, elsewhere]
    row = {"name": "row", "from": "client", "to": "server", "service": "udp/53", "family": 4, "steps": steps}
    project._write("policies", "leads.rules", table("nat", leads))
    (found,) = project.run(with_sensor(), {"gateway": table("filter", ESTABLISHED)}, [row], backend=backend).results
    assert (str(found.outcome), found.differences) == ("passed", ())
