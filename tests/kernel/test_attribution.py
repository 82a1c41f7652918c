"""Which rule decided: its number, comment and line, whatever the chains and the template made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.lab import Lab
from lab.record.path import Rule
from lab.record.verdict import Kind
from lab.ruleset.rulesets import Rulesets
from lab.ruleset.template import render
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import SERVER, corridor, table, topology

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

TEMPLATE = """\
{% macro publish(port, name) -%}
-A FORWARD -p tcp --dport {{ port }} -m comment --comment {{ name }} -j ACCEPT
{%- endmacro %}
*filter
:FORWARD DROP [0:0]
{% include "always.rules.j2" %}
{% for port in ports %}
-A FORWARD -p udp --dport {{ port }} -m comment --comment loop-{{ port }} -j ACCEPT
{% endfor %}
{{ publish(443, "web") }}
{{ publish(993, "imap") }}
-A FORWARD -s 10.0.7.7,10.0.1.10 -p icmp -m comment --comment both -j ACCEPT
-I FORWARD -p udp --dport 68 -m comment --comment first -j DROP
-A FORWARD -s 10.0.2.10 -j ACCEPT
COMMIT
"""
INCLUDED = """\
# what is never let through

-A FORWARD -p tcp --dport 23 -m comment --comment telnet -j DROP
"""


def decided(lab: Lab, service: str) -> Rule:
    rule = lab.probe("client", "server", service).rule
    assert rule is not None
    return rule


def test_lines_of_a_template(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "gateway.rules.j2").write_text(TEMPLATE)
    (folder / "always.rules.j2").write_text(INCLUDED)
    text = render(folder / "gateway.rules.j2", {"ports": [53, 123]}, {}, {})
    main, always = "policies/gateway.rules.j2", "policies/always.rules.j2"
    with Lab(topology(corridor()), {"gateway": Rulesets(v4=text)}) as lab:
        found = {
            service: (rule.comment, rule.number, rule.source)
            for service in ("udp/68", "tcp/23", "udp/53", "udp/123", "tcp/443", "tcp/993", "icmp/echo-request")
            for rule in [decided(lab, service)]
        }
    assert found == {
        "udp/68": ("first", 1, f"{main}:13"),
        "tcp/23": ("telnet", 2, f"{always}:3"),
        "udp/53": ("loop-53", 3, f"{main}:8"),
        "udp/123": ("loop-123", 4, f"{main}:8"),
        "tcp/443": ("web", 5, f"{main}:2"),
        "tcp/993": ("imap", 6, f"{main}:2"),
        "icmp/echo-request": ("both", 8, f"{main}:12"),
    }


def test_one_line_that_is_several_rules(lab_of: LabOf) -> None:
    rules = "-A FORWARD -s 10.7.7.7,10.0.1.10,10.8.8.8 -p udp -j DROP", "-A FORWARD -p tcp -j DROP"
    lab = lab_of(corridor(), gateway=table("filter", *rules))
    assert (decided(lab, "udp/53").number, decided(lab, "udp/53").source) == (2, "gateway.rules:5")
    assert (decided(lab, "tcp/53").number, decided(lab, "tcp/53").source) == (4, "gateway.rules:6")


def test_inserted_before_others(lab_of: LabOf) -> None:
    rules = (
        "-A FORWARD -p tcp -j ACCEPT", "-I FORWARD -p udp --dport 53 -j DROP", "-I FORWARD 2 -p udp --dport 54 -j DROP",
        "-A FORWARD -p icmp -j DROP",
    )  # fmt: skip
    lab = lab_of(corridor(), gateway=table("filter", *rules))
    found = {service: decided(lab, service) for service in ("udp/53", "udp/54", "tcp/1", "icmp/echo-request")}
    assert {service: (rule.number, rule.source) for service, rule in found.items()} == {
        "udp/53": (1, "gateway.rules:6"),
        "udp/54": (2, "gateway.rules:7"),
        "tcp/1": (3, "gateway.rules:5"),
        "icmp/echo-request": (4, "gateway.rules:8"),
    }


def test_the_text_is_that_of_iptables_save(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", '-A FORWARD -p tcp --dport 22 -m comment --comment "no shell" -j DROP'))
    rule = decided(lab, "tcp/22")
    assert rule.text == '-A FORWARD -p tcp -m tcp --dport 22 -m comment --comment "no shell" -j DROP'
    assert (rule.comment, rule.target, rule.node) == ("no shell", "DROP", "gateway")


def test_return_from_nested_chains(lab_of: LabOf) -> None:
    rules = (
        "-A FORWARD -j outer", "-A FORWARD -m comment --comment after -j DROP", "-A outer -p tcp -j inner",
        "-A outer -p udp -m comment --comment udp-is-fine -j ACCEPT", "-A inner -p tcp --dport 22 -j RETURN",
        "-A inner -m comment --comment deep -j REJECT",
    )  # fmt: skip
    lab = lab_of(corridor(), gateway=table("filter", *rules, outer="-", inner="-"))
    assert [decided(lab, service).comment for service in ("tcp/22", "tcp/23", "udp/53")] == ["after", "deep", "udp-is-fine"]
    (path,) = lab.probe("client", "server", "tcp/22").path
    ways = [(step.chain, step.verdict) for step in path.steps]
    # the kernel calls the end of a user's chain "continue"
    assert ways == [
        ("FORWARD", "jump outer"), ("outer", "jump inner"), ("inner", "return"), ("outer", "continue"), ("FORWARD", "drop"),
    ]  # fmt: skip


def test_goto_does_not_come_back(lab_of: LabOf) -> None:
    rules = (
        "-A FORWARD -p tcp -g away", "-A FORWARD -j ACCEPT", "-A away -p tcp --dport 80 -m comment --comment web -j ACCEPT",
        f"-A away -s {SERVER} -j ACCEPT",
    )  # fmt: skip
    lab = lab_of(corridor(), gateway=table("filter", *rules, FORWARD="DROP", away="-"))
    assert decided(lab, "tcp/80").comment == "web"
    assert decided(lab, "tcp/81").place == "filter:FORWARD policy"
    assert decided(lab, "udp/81").place == "filter:FORWARD:2"


@pytest.mark.parametrize("target", ["LOG --log-prefix", "NFLOG --nflog-prefix"])
def test_a_log_on_the_way_is_seen(project: Project, target: str) -> None:
    rules = f'-A FORWARD -p tcp -j {target} "denied "', "-A FORWARD -j DROP"
    row = {"from": "client", "to": "server", "expect": "drop", "logged": "denied "}
    flows = [{**row, "name": "told", "service": "tcp/22"}, {**row, "name": "silent", "service": "udp/22"}]
    told, silent = project.run(corridor(), {"gateway": table("filter", *rules)}, flows).results
    assert (str(told.outcome), told.differences) == ("passed", ())
    assert (str(silent.outcome), silent.verdict.kind) == ("mismatch", Kind.DROPPED)
    assert "denied " in silent.differences[0]


@pytest.mark.parametrize(("policy", "kind"), [("DROP", Kind.DROPPED), ("ACCEPT", Kind.ALLOWED)])
def test_a_policy_has_no_number(lab_of: LabOf, policy: str, kind: Kind) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -p icmp -j DROP", FORWARD=policy))
    verdict = lab.probe("client", "server", "tcp/22")
    assert verdict.rule is not None
    assert (verdict.kind, verdict.rule.number, verdict.rule.text) == (kind, None, f"-P FORWARD {policy}")


def test_the_same_chain_name_in_two_tables(lab_of: LabOf) -> None:
    mangle = table("mangle", "-A FORWARD -j web", "-A web -p tcp --dport 1 -j DROP", web="-")
    lab = lab_of(corridor(), gateway=mangle + table("filter", "-A FORWARD -j web", "-A web -p tcp --dport 2 -j DROP", web="-"))
    assert [decided(lab, f"tcp/{port}").place for port in (1, 2)] == ["mangle:web:1", "filter:web:1"]


def test_two_hundred_rules_are_told_apart(lab_of: LabOf) -> None:
    rules = [f"-A FORWARD -p tcp --dport {port} -m comment --comment port-{port} -j DROP" for port in range(1000, 1200)]
    lab = lab_of(corridor(), gateway=table("filter", *rules))
    with lab.batch():
        for port in (1000, 1001, 1099, 1198, 1199):
            rule = decided(lab, f"tcp/{port}")
            assert (rule.comment, rule.number) == (f"port-{port}", port - 999)
