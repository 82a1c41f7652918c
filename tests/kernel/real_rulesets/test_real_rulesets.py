"""Rulesets of real firewalls, read from beside the checkout: each loads as it stands, or is told of with its line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.errors import InputError
from lab.lab import Lab
from lab.ruleset.backend import Backend
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.ruleset.template import render
from lab.written.topology import Topology
from tests.kernel.real_rulesets.dumps import DUMPS, loadable, path_of

pytestmark = pytest.mark.kernel


def ruleset(name: str) -> Rendered:
    return render(path_of(name), {}, {}, {})


def company() -> Topology:
    """The company's LAN on eth0 and its line on ppp0, as its rules name them."""
    return Topology.model_validate(
        {
            "topology": "company",
            "networks": {"lan": "172.16.2.0/24", "line": "198.51.100.0/24"},
            "nodes": {
                "world": {"role": "internet", "interfaces": {"line": "198.51.100.254"}, "anyip": True, "via": "firewall"},
                "firewall": {
                    "role": "gateway",
                    "interfaces": {
                        "eth0": {"network": "lan", "address": "172.16.2.254"},
                        "ppp0": {"network": "line", "address": "198.51.100.1"},
                    },
                    "forwards": True,
                    "via": "world",
                },
                "server": {"role": "backend", "interfaces": {"lan": "172.16.2.34"}, "via": "firewall", "services": "tcp/4081"},
                "boss": {"role": "client", "interfaces": {"lan": "172.16.2.5"}, "via": "firewall"},
                "clerk": {"role": "client", "interfaces": {"lan": "172.16.2.100"}, "via": "firewall"},
            },
        }
    )


@pytest.fixture(scope="module")
def company_lab() -> Iterator[Lab]:
    with Lab(company(), {"firewall": Rulesets(v4=ruleset("company_mainfw_2016-01-31"))}) as lab:
        yield lab


@pytest.mark.parametrize("held_by", Backend)
@pytest.mark.parametrize("name", DUMPS)
def test_every_rule_is_known_by_its_line(name: str, held_by: Backend) -> None:
    rendered = loadable(name)
    with Lab(company(), {"firewall": Rulesets(v4=rendered)}, backend=held_by) as lab:
        loaded = lab.policies["firewall"]
        written = sum(line.startswith("-A") for line in rendered.text.splitlines())
        assert sum(1 for _ in loaded.rules()) == written
        verdict = lab.probe("world", "198.51.100.1", "tcp/4711")
        assert verdict.rule is not None
        assert verdict.rule.number is None or verdict.rule.source is not None


def test_an_old_negation_is_named_with_its_line() -> None:
    with pytest.raises(InputError, match=r"ugent_v1\.4\.21\.v4\.rules:\d+:"):
        Lab(company(), {"firewall": Rulesets(v4=ruleset("ugent_v1.4.21"))}).close()


@pytest.mark.parametrize(
    ("sender", "target", "service", "rule"),
    [
        ("clerk", "192.0.2.7", "tcp/80", "filter:FW-OPEN:2"),
        ("clerk", "192.0.2.7", "tcp/443", "filter:FW-OPEN:3"),
        ("clerk", "192.0.2.7", "icmp/echo-request", "filter:FW-OPEN:4"),
        ("boss", "192.0.2.7", "tcp/25", "filter:FW-OPEN:5"),
        ("world", "198.51.100.1", "icmp/echo-request", "filter:INPUT:6"),
        ("clerk", "172.16.2.254", "tcp/22", "filter:INPUT:2"),
        ("world", "198.51.100.1", "udp/1194", "filter:UDP:3"),
    ],
)
def test_what_the_company_lets_through(company_lab: Lab, sender: str, target: str, service: str, rule: str) -> None:
    verdict = company_lab.probe(sender, target, service)
    assert verdict.allowed
    assert verdict.rule is not None
    assert verdict.rule.place == rule


@pytest.mark.parametrize(
    ("sender", "target", "service", "kind", "rule"),
    [
        ("clerk", "192.0.2.7", "tcp/25", "icmp-host-unreachable", "filter:FORWARD:512"),
        ("world", "boss", "tcp/80", "icmp-host-unreachable", "filter:FORWARD:512"),
    ],
)
def test_what_the_company_refuses(company_lab: Lab, sender: str, target: str, service: str, kind: str, rule: str) -> None:
    verdict = company_lab.probe(sender, target, service)
    assert verdict.reject == kind
    assert verdict.rule is not None
    assert verdict.rule.place == rule


def test_what_the_company_translates(company_lab: Lab) -> None:
    inward = company_lab.probe("world", "198.51.100.1", "tcp/4081")
    assert inward.arrived is not None
    assert (inward.arrived.at, inward.arrived.address, inward.arrived.source) == ("server", "172.16.2.34", "198.51.100.254")
    assert [rule.place for path in inward.path for rule in path.translated_by] == ["nat:PREROUTING:1"]
    outward = company_lab.probe("clerk", "192.0.2.7", "tcp/80")
    assert outward.arrived is not None
    assert outward.arrived.source == "198.51.100.1"
    assert [rule.place for path in outward.path for rule in path.translated_by] == ["nat:POSTROUTING:1"]


def test_a_forged_source_is_dropped_before_conntrack(company_lab: Lab) -> None:
    verdict = company_lab.probe("world", "server", "tcp/4081", source="172.16.2.5")
    assert verdict.rule is not None
    assert (str(verdict.kind), verdict.rule.place) == ("dropped", "raw:PREROUTING:1")
