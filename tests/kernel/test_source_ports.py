"""Probes come from the ports of clients, and where rules read source ports, the kernel says of others what differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lab.record.result import CellResult, Outcome
from lab.record.sweep import Gear
from lab.record.verdict import Kind
from lab.ruleset.rulesets import Rulesets
from lab.run.after.source_ports import from_probe, notes_of
from lab.run.runner import Order
from lab.sweep.pieces import Sweeper
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import CLIENT, ESTABLISHED, NEAR, SERVER, corridor, rendered, table

pytestmark = pytest.mark.kernel

MAIL = table(
    "filter", "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
    "-A FORWARD -p tcp -m tcp --sport 32768:60999 --dport 25 -m comment --comment mail -j ACCEPT",
    "-A FORWARD -p tcp -m multiport --ports 1024:5432 -m comment --comment databases -j DROP",
    "-A FORWARD -p tcp -m tcp --dport 8000 -j ACCEPT", "-A FORWARD -p udp -m udp --sport 67:68 --dport 67:68 -j ACCEPT",
    FORWARD="DROP",
)  # fmt: skip
LOOK_ALIKE = table(
    "filter", "-A INPUT -i left -p udp -m udp --sport 67:68 --dport 67:68 -j ACCEPT",
    "-A INPUT -p udp -m udp --sport 1:1023 -j udp",
    "-A udp -p udp -m multiport ! --sports 7,53,123 -j RETURN", "-A udp -p udp -m multiport --sports 53,123 -j ACCEPT",
    INPUT="DROP", udp="-",
)  # fmt: skip


def row(service: str, expect: str, **keys: Any) -> dict[str, Any]:
    return {"name": service, "from": "client", "to": "server", "service": service, "expect": expect, **keys}


def ran(project: Project, ruleset: str, *rows: dict[str, Any], strict: bool = False) -> list[CellResult]:
    return list(project.run(corridor(), {"gateway": ruleset}, rows, Order(strict=strict)).results)


def test_rules_for_clients_and_rules_against_low_ports(project: Project) -> None:
    mail, web, other, fixed = ran(
        project, MAIL, row("tcp/25", "allow"), row("tcp/8000", "deny"), row("tcp/26", "deny"), row("tcp/27", "deny", sport=20),
    )  # fmt: skip
    assert (mail.outcome, mail.verdict.rule and mail.verdict.rule.comment) == (Outcome.PASSED, "mail")
    (note,) = mail.notes
    assert "from 32768-60999, as was asked, allowed" in note
    assert "from 1-1023,5433-32767,61000-65535 dropped by gateway filter:FORWARD policy" in note
    assert "from 1024-5432 dropped by gateway filter:FORWARD:3 (databases)" in note
    assert web.outcome is Outcome.FAIL_OPEN
    assert "from 1024-5432 dropped" in web.notes[0]
    assert (other.outcome, other.notes) == (Outcome.PASSED, ()), "dropped from every port"
    assert (fixed.outcome, fixed.notes) == (Outcome.PASSED, ()), "the row says its port"


def test_what_looks_like_an_answer_is_told_of_a_swept_row(project: Project) -> None:
    (swept,) = ran(project, LOOK_ALIKE, row("udp/1-65535", "drop", to=NEAR))
    assert swept.outcome is Outcome.PASSED
    told = [note for note in swept.notes if "53,123 closed, let through by gateway filter:udp:2" in note]
    assert told, swept.notes
    assert "`sport:`" in told[0]
    assert any("of port 67" in note and "67-68 closed" in note for note in swept.notes)
    (strict,) = ran(project, LOOK_ALIKE, row("udp/500", "drop", to=NEAR), strict=True)
    assert (strict.outcome, len(strict.notes)) == (Outcome.PASSED, 1), "a note is no warning"


def test_rules_of_other_services_are_no_noise(project: Project) -> None:
    found = ran(project, LOOK_ALIKE, row("tcp/1-65535", "drop", to=NEAR), row("icmp/echo-request", "drop", to=NEAR),
                row("udp/2000", "allow", sport=53, to=NEAR), row("tcp/80", "allow"))  # fmt: skip
    assert [(cell.outcome, cell.notes) for cell in found] == [(Outcome.PASSED, ())] * 4


def test_native_rules(lab_of: LabOf) -> None:
    text = """table ip own {
        chain passing { type filter hook forward priority 0; policy drop
            ct state established accept
            udp sport { 53, 100-200 } udp dport 500 accept
            tcp sport != 1000-65535 accept
        }
    }
    """
    lab = lab_of(corridor(), gateway=Rulesets(nft=rendered(text, "gateway.nft")))

    def notes(service: str) -> list[str]:
        verdict = lab.probe("client", "server", service)
        assert verdict.kind is Kind.DROPPED
        return [*from_probe(lab, verdict, lambda sport: lab.probe("client", "server", service, sport=sport))]

    told = {service: notes(service) for service in ("udp/500", "udp/501", "tcp/80")}
    assert [len(words) for words in told.values()] == [1, 0, 1]
    assert "from 53,100-200 allowed by gateway own:passing:2" in told["udp/500"][0]
    assert "from 1-999 allowed" in told["tcp/80"][0]


def test_a_rule_that_counts_is_not_spent(lab_of: LabOf) -> None:
    limited = "-A FORWARD -p udp -m udp --sport 53 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT"
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, limited, FORWARD="DROP"))
    verdict = lab.probe("client", "server", "udp/53")
    (told,) = from_probe(lab, verdict, lambda sport: lab.probe("client", "server", "udp/53", sport=sport))
    assert "but from 53 allowed by" in told
    assert lab.probe("client", "server", "udp/53", sport=53).allowed


def test_a_rule_that_counts_is_asked_on_nodes_of_its_own(project: Project) -> None:
    limited = "-A FORWARD -p udp -m udp --sport 53 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT"
    ruleset = table("filter", ESTABLISHED, limited, FORWARD="DROP")
    first, second = ran(project, ruleset, row("udp/53", "drop"), row("udp/54", "drop"))
    assert "from 53 closed" in first.notes[0]
    assert "from 53 closed" in second.notes[0]


def test_no_two_packets_have_one_source_port_before_the_flows_are_forgotten(
    lab_of: LabOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[set[int]] = [set()]
    send, forget = Sweeper._send, Sweeper.forget

    def sending(sweeper: Sweeper, keys: Sequence[int]) -> None:
        ports = {sweeper._question.sport_of(key) for key in keys}
        assert len(ports) == len(keys)
        assert ports.isdisjoint(sent[-1])
        sent[-1] |= ports
        send(sweeper, keys)

    def forgetting(sweeper: Sweeper) -> None:
        sent.append(set())
        forget(sweeper)

    monkeypatch.setattr(Sweeper, "_send", sending)
    monkeypatch.setattr(Sweeper, "forget", forgetting)
    forward = f"-A PREROUTING -d {NEAR} -p tcp -j DNAT --to-destination {SERVER}:443"
    lab = lab_of(corridor(), gateway=table("nat", forward) + table("filter", ESTABLISHED))
    lab.sweep("client", NEAR, "tcp/1-40,28200-28300,56400-56500", gear=Gear.VERDICT, every_port=True)
    assert sum(map(len, sent)) >= 242


@pytest.mark.parametrize("gear", list(Gear))
def test_a_sweep_comes_from_the_ports_of_clients(lab_of: LabOf, gear: Gear) -> None:
    """Ports that a translation leads to one destination come from ports of their own, and these are clients' too."""
    forward = f"-A PREROUTING -d {NEAR} -p tcp -j DNAT --to-destination {SERVER}:443"
    lab = lab_of(corridor(), gateway=table("nat", forward) + table("filter", ESTABLISHED))
    lab.stage._next_port[CLIENT] = 60999
    sweep = lab.sweep("client", NEAR, "tcp/1-40,28200-28300,56400-56500", gear=gear)
    assert {group.verdict.kind for group in sweep.groups} == {Kind.CLOSED}
    assert sweep.lost == 0
    assert all(32768 <= (group.verdict.observation.sent.sport or 0) <= 60999 for group in sweep.groups)


def test_what_is_told_without_a_kernel(project: Project) -> None:
    (plan,) = project.plans(corridor(), {"gateway": MAIL}, [row("tcp/25", "allow"), row("udp/60", "deny")])
    (note,) = notes_of(plan)
    assert "gateway.rules:6 (tcp from 32768-60999)" in note
    assert "gateway.rules:7 (tcp from 1024-5432)" in note
    assert "67" not in note, "no row is about DHCP"
    (plan,) = project.plans(corridor(), {"gateway": MAIL}, [row("tcp/25", "allow", sport=2000)])
    assert list(notes_of(plan)) == []
