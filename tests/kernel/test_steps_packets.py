"""Steps that put a packet of their own into a session: by layers, and ICMP errors that quote the live flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.record.result import CellResult, Outcome
from lab.record.way import Way
from lab.ruleset.backend import Backend
from lab.run.runner import Order, run
from tests.kernel.conftest import Project, Silent
from tests.kernel.scenes import table
from tests.kernel.test_crafted import both_families

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

STATES = tuple(
    f"-A FORWARD -m conntrack --ctstate {state} -m comment --comment {state.lower()} -j {target}"
    for state, target in (("INVALID", "DROP"), ("ESTABLISHED", "ACCEPT"), ("RELATED", "ACCEPT"))
)
NEW = "-A FORWARD -i left -j ACCEPT"
PLAIN = table("filter", *STATES, NEW, FORWARD="DROP")  # what is INVALID no translation leads back
TRANSLATED = table("nat", "-A POSTROUTING -o right -j MASQUERADE")
HEARING = table("filter", *STATES, NEW, FORWARD="DROP") + TRANSLATED
DEAF = table("filter", *STATES[:2], NEW, FORWARD="DROP") + TRANSLATED
TCP, UDP = "tcp/443", "udp/53"


class Asker:
    """Asks a row of steps in both families, through a translation."""

    def __init__(self, folder: Path, backend: Backend) -> None:
        self._folder, self._backend = folder, backend

    def ask(self, ruleset: str, *steps: dict[str, Any], service: str = TCP) -> list[CellResult]:
        flow = {"name": "a session", "from": "client", "to": "server", "service": service, "steps": list(steps)}
        project = Project(self._folder)
        (self._folder / "policies" / "gateway.rules6").write_text(ruleset)
        (plan,) = project.plans(both_families(), {"gateway": ruleset}, [flow])
        result = run([plan.in_way(Way(str(self._backend)), "")], Order(), Silent())
        assert not result.problems
        assert [cell.family for cell in result.results] == [4, 6]
        return list(result.results)


@pytest.fixture
def asker(tmp_path: Path, backend: Backend) -> Asker:
    return Asker(tmp_path, backend)


def crafted(layers: str, expect: str, rule: str = "", **more: str) -> dict[str, Any]:
    return {"packet": {"layers": layers, "expect": expect, **({"rule": rule} if rule else {}), **more}}


def error(kind: str, node: str, expect: str = "allow", rule: str = "related", **more: Any) -> dict[str, Any]:
    named = {"rule": rule} if rule else {}
    return {"icmp-error": {"kind": kind, "from": node, "expect": expect, **named, **more}}


def test_segments_in_and_out_of_the_window(asker: Asker) -> None:
    """Numbers are counted from where the session is; conntrack calls INVALID what is far from there (nf_conntrack_tcp)."""
    cells = asker.ask(
        PLAIN,
        {"open": "allow"},
        crafted('TCP(flags="A")', "allow", "established"),
        crafted('TCP(flags="A", seq=2000000000)', "drop", "invalid"),
        crafted('TCP(flags="A")', "allow", "established", end="server"),
        crafted('TCP(flags="PA", seq=2000000000)', "drop", "invalid", end="server"),
        crafted('TCP(flags="FPU", seq=2000000000)', "drop", "invalid"),
        {"send": "allow"},
        {"answer": "allow"},
        {"close": "allow"},
    )
    assert [cell.outcome for cell in cells] == [Outcome.PASSED] * 2, [cell.verdict.proof for cell in cells]


@pytest.mark.parametrize("service", [TCP, UDP])
def test_errors_are_translated_back_with_what_they_quote(asker: Asker, service: str) -> None:
    begin = [{"open": "allow"}, {"send": "allow"}] if service == TCP else [{"send": "allow"}]
    cells = asker.ask(
        HEARING,
        *begin,
        error("frag-needed", "server", mtu=1400),
        error("host-unreachable", "server"),
        error("port-unreachable", "server"),
        error("time-exceeded", "gateway", rule=""),
        error("packet-too-big", "client", quotes="answer", mtu=1300),
        {"send": "allow"},
        {"answer": "allow"},
        service=service,
    )
    assert [cell.outcome for cell in cells] == [Outcome.PASSED] * 2, [cell.verdict.proof for cell in cells]
    for cell in cells:
        told = next(step for step in cell.steps if step.words.startswith("icmp-error"))
        assert told.verdict is not None
        path = told.verdict.path[-1]
        assert (path.node, told.verdict.arrived and told.verdict.arrived.at) == ("gateway", "client")
        assert path.exit is not None
        assert path.exit.destination != path.entry.destination  # the translation led it back


def test_an_error_that_is_not_let_in_is_named(asker: Asker) -> None:
    for cell in asker.ask(DEAF, {"open": "allow"}, {"send": "allow"}, error("frag-needed", "server", rule="")):
        verdict = cell.verdict
        assert (cell.outcome, verdict.packet) == (Outcome.FAIL_CLOSED, "frag-needed error"), verdict.proof
        assert verdict.rule is not None
        assert verdict.rule.place == "filter:FORWARD policy"


def test_an_error_about_no_flow_is_invalid(asker: Asker) -> None:
    """One that quotes what conntrack knows nothing of, as after its entry was deleted."""
    steps = [{"send": "allow"}, {"forget": "gateway"}, error("port-unreachable", "server", "drop", "invalid")]
    cells = asker.ask(PLAIN, *steps, service=UDP)
    assert [cell.outcome for cell in cells] == [Outcome.PASSED] * 2, [cell.differences for cell in cells]
