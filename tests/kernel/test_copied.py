"""A row says where a copy must arrive (TEE, ``dup``): at a sensor, which has no address of any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.lab import Lab
from lab.probe.question import Datagram, Echo, Handshake, Question, Sends, Wants
from lab.probe.taps import Taps
from lab.record.observation import Copy
from lab.record.result import CellResult, Outcome
from lab.record.verdict import Kind, Verdict
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import CLIENT, FAR, NEAR, SERVER, corridor, rendered, rulesets, table

pytestmark = pytest.mark.kernel

SENSOR, SENSOR_6 = "10.0.3.10", "2001:db8:3::10"
CLIENT_6, SERVER_6 = "2001:db8:1::10", "2001:db8:2::10"
TEE = table("mangle", f"-A PREROUTING -i left -m comment --comment tap -j TEE --gateway {SENSOR}")
TEE_6 = table("mangle", f"-A PREROUTING -i left -m comment --comment tap -j TEE --gateway {SENSOR_6}")
WEB = {"from": "client", "to": "server", "service": "udp/443", "expect": "allow", "family": 4}
TO_SENSOR = {"copied": {"to": "sensor"}}


def with_sensor() -> dict[str, Any]:
    written = corridor(
        client={"interfaces": {"left": [CLIENT, CLIENT_6]}}, server={"interfaces": {"right": [SERVER, SERVER_6]}},
        gateway={"interfaces": {
            "left": [NEAR, "2001:db8:1::1"], "right": [FAR, "2001:db8:2::1"], "mirror": ["10.0.3.1", "2001:db8:3::1"],
        }},
        sensor={"role": "sensor", "interfaces": {"mirror": [SENSOR, SENSOR_6]}},
        bystander={"role": "sensor", "interfaces": {"mirror": ["10.0.3.11"]}},
    )  # fmt: skip
    networks = {name: [f"10.0.{of}.0/24", f"2001:db8:{of}::/64"] for of, name in enumerate(("left", "right", "mirror"), 1)}
    return {**written, "networks": networks}


def to_server(sends: Sends, *at: str, family: int = 4) -> Question:
    ends = (CLIENT, SERVER) if family == 4 else (CLIENT_6, SERVER_6)
    return Question("client", *ends, sends, receivers=(("server", sends.port),), wants=Wants(copies_at=at))


def copies(lab: Lab, sends: Sends, *at: str, family: int = 4) -> tuple[Verdict, tuple[Copy, ...]]:
    verdict = lab.ask(to_server(sends, *at, family=family), "gateway")
    return verdict, verdict.observation.copies


EACH = pytest.mark.parametrize("sends", [Handshake(443), Datagram(443), Echo(1)], ids=["tcp", "udp", "echo"])


@EACH
def test_a_copy_comes_to_the_sensor_and_the_packet_goes_on(lab_of: LabOf, sends: Sends) -> None:
    lab = lab_of(with_sensor(), gateway=TEE)
    verdict, found = copies(lab, sends, "sensor", "bystander", "server")
    assert verdict.allowed, verdict.proof
    assert [(copy.at, copy.interface, copy.packet) for copy in found] == [("sensor", "mirror", verdict.observation.sent)]
    assert verdict.arrived is not None
    assert verdict.arrived.at == "server"
    assert [path.out for path in verdict.path] == ["right"]


def test_in_ipv6(lab_of: LabOf) -> None:
    lab = lab_of(with_sensor(), gateway=rulesets(TEE, v6=TEE_6))
    verdict, found = copies(lab, Handshake(443), "sensor", "server", family=6)
    assert verdict.allowed, verdict.proof
    assert [copy.at for copy in found] == ["sensor"]


@EACH
def test_a_copy_of_what_is_dropped(lab_of: LabOf, sends: Sends) -> None:
    lab = lab_of(with_sensor(), gateway=TEE + table("filter", "-A FORWARD -j DROP"))
    verdict, found = copies(lab, sends, "sensor", "server")
    assert verdict.kind is Kind.DROPPED
    assert [copy.at for copy in found] == ["sensor"]


def test_the_packet_itself_is_no_copy(lab_of: LabOf) -> None:
    to_where_it_goes = table("mangle", f"-A PREROUTING -i left -p udp --dport 443 -j TEE --gateway {SERVER}")
    lab = lab_of(with_sensor(), gateway=to_where_it_goes)
    verdict, found = copies(lab, Datagram(443), "server", "gateway", "sensor")
    assert [copy.at for copy in found] == ["server"], verdict.proof
    assert copies(lab, Datagram(444), "server", "gateway", "sensor")[1] == ()
    assert copies(lab, Datagram(445), "client")[1] == ()


def test_of_what_is_translated_behind_the_copy(lab_of: LabOf) -> None:
    hidden = table("nat", "-A POSTROUTING -o right -j MASQUERADE", f"-A PREROUTING -i left -j DNAT --to {SERVER}")
    lab = lab_of(with_sensor(), gateway=TEE + hidden)
    verdict, found = copies(lab, Datagram(443), "sensor", "server")
    assert verdict.arrived is not None
    assert verdict.arrived.source == FAR
    assert [(copy.at, copy.packet.source) for copy in found] == [("sensor", CLIENT)]


DUP = f"""
table ip mirror {{
	chain before {{
		type filter hook prerouting priority mangle; policy accept;
		iifname "left" dup to {SENSOR} device "mirror" comment "tap"
	}}
}}
"""
PORT_MIRROR = """
table netdev mirror {
	chain port {
		type filter hook ingress device "left" priority 0; policy accept;
		ip protocol udp dup to "mirror" comment "tap"
	}
}
"""


@pytest.mark.parametrize("script", [DUP, PORT_MIRROR], ids=["dup", "netdev"])
def test_the_copies_of_nft(lab_of: LabOf, script: str) -> None:
    lab = lab_of(with_sensor(), gateway=Rulesets(nft=rendered(script, "gateway.nft")))
    verdict, found = copies(lab, Datagram(443), "sensor", "server")
    assert verdict.allowed, verdict.proof
    assert [(copy.at, copy.packet) for copy in found] == [("sensor", verdict.observation.sent)]
    assert [step.rule.comment for step in verdict.path[0].steps if step.rule is not None and step.rule.copies] == ["tap"]


def run(project: Project, text: str, *rows: Mapping[str, object]) -> tuple[CellResult, ...]:
    flows = [{**WEB, "name": f"row {number}", "sport": 40000 + number, **row} for number, row in enumerate(rows)]
    return project.run(with_sensor(), {"gateway": text}, flows).results


def test_a_row_says_where(project: Project) -> None:
    found = run(project, TEE, TO_SENSOR, {"copied": "none"}, {"copied": {"to": ["sensor", "bystander"]}}, {})
    assert [cell.outcome for cell in found] == [Outcome.PASSED, Outcome.MISMATCH, Outcome.MISMATCH, Outcome.PASSED]
    assert found[1].differences == ("must not be copied, but gateway mangle:PREROUTING:1 (tap) copied it",)
    assert found[2].differences == (
        "must be copied to bystander, but no copy came there: gateway mangle:PREROUTING:1 (tap) copied it to somewhere else",
    )


def test_a_row_of_what_is_not_copied(project: Project) -> None:
    found = run(project, table("filter"), TO_SENSOR, {"copied": "none"})
    assert [cell.outcome for cell in found] == [Outcome.MISMATCH, Outcome.PASSED]
    assert found[0].differences == ("must be copied to sensor, but no copy came there: no rule on its way copied it",)


def test_many_ports_that_are_denied_and_copied(project: Project) -> None:
    denied = {"service": "udp/1-130", "expect": "drop"}
    rows = {**denied, **TO_SENSOR, "sport": None}, {**denied, "service": "udp/1"}
    meant, silent = run(project, TEE + table("filter", "-A FORWARD -j DROP"), *rows)
    assert (meant.outcome, meant.ports) == (Outcome.PASSED, 130)
    assert silent.outcome is Outcome.FAIL_OPEN  # a copy that no row speaks of got past the gateway
    (hint,) = [str(hint) for hint in silent.hints if "copied" in str(hint)]
    assert hint.startswith("gateway mangle:PREROUTING:1 (tap) (`-A PREROUTING -i left -j TEE")
    assert hint.endswith("copied it, and the copy left gateway by mirror: `copied: {to: NODE}` in the row, where that is meant")


KNOWN = table("filter", "-A FORWARD -m conntrack --ctstate NEW -j ACCEPT", "-A FORWARD -p udp -i left -j DROP")


def test_what_a_step_says_of_its_copies_excuses_none_of_another(project: Project) -> None:
    row = {"name": "a flow", "from": "client", "to": "server", "service": "udp/443", "family": 4}
    steps = [{"send": {"expect": "allow", **TO_SENSOR}}, {"answer": "allow"}, {"send": "drop"}]
    (cell,) = project.run(with_sensor(), {"gateway": TEE + KNOWN}, [{**row, "steps": steps}]).results
    assert (cell.outcome, len(cell.steps)) == (Outcome.FAIL_OPEN, 3)
    assert cell.differences[0].startswith("must be dropped, but a copy of it passed: dropped by gateway filter:FORWARD:2")


def test_what_came_before_is_forgotten(lab_of: LabOf) -> None:
    lab = lab_of(with_sensor(), gateway=TEE)
    sensor, taps = lab.network.nodes["sensor"], lab.stage.taps
    taps.listen(sensor, 4)
    assert copies(lab, Datagram(443))[1] == ()
    assert [heard.interface for heard in taps.heard(sensor, 4)] == ["mirror"]
    copies(lab, Datagram(443))
    taps.listen(sensor, 4)
    assert taps.heard(sensor, 4) == []


def test_nothing_listens_where_no_row_asks(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(with_sensor(), gateway=TEE)
    listening: list[str] = []
    monkeypatch.setattr(Taps, "listen", lambda _taps, node, _family: listening.append(node.name))
    assert copies(lab, Datagram(443))[1] == ()
    assert listening == []
