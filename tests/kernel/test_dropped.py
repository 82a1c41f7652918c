"""A drop is proven by the path of this very packet: the rule or the policy, in whichever table, at whichever hook."""

from __future__ import annotations

import pytest

from lab.record.path import End
from lab.record.result import Outcome
from lab.record.verdict import Kind, Verdict
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import NEAR, SERVER, corridor, table, two_gateways

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

SERVICES = ["tcp/443", "udp/443", "icmp/echo-request"]


def dropped_by(verdict: Verdict) -> str:
    """The place of the rule, once the verdict is a drop that never passed."""
    assert (verdict.kind, verdict.passed_node) == (Kind.DROPPED, False), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule is verdict.path[-1].dropped_by
    return verdict.rule.place


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("name", "chain"),
    [("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "FORWARD"), ("filter", "FORWARD"),
     ("mangle", "POSTROUTING")],
)  # fmt: skip
def test_on_the_way_through(lab_of: LabOf, service: str, name: str, chain: str) -> None:
    rules = f"-A {chain} -s 10.9.9.9 -j ACCEPT", f"-A {chain} -s 10.0.1.0/24 -m comment --comment here -j DROP"
    lab = lab_of(corridor(), gateway=table(name, *rules))
    verdict = lab.probe("client", "server", service)
    assert dropped_by(verdict) == f"{name}:{chain}:2"
    assert verdict.rule is not None
    assert (verdict.rule.comment, verdict.node) == ("here", "gateway")


@pytest.mark.parametrize("service", SERVICES)
def test_by_the_chain_s_policy(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -s 10.9.9.9 -j ACCEPT", FORWARD="DROP"))
    verdict = lab.probe("client", "server", service)
    assert dropped_by(verdict) == "filter:FORWARD policy"
    assert verdict.rule is not None
    assert verdict.rule.number is None


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", ["raw", "mangle", "filter"])
def test_at_the_end_of_the_way(lab_of: LabOf, service: str, name: str) -> None:
    chain = "PREROUTING" if name == "raw" else "INPUT"
    lab = lab_of(corridor(), gateway=table(name, f"-A {chain} -i left -j DROP"))
    assert dropped_by(lab.probe("client", "gateway", service)) == f"{name}:{chain}:1"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", ["raw", "mangle", "filter"])
def test_at_the_sender_itself(lab_of: LabOf, service: str, name: str) -> None:
    lab = lab_of(corridor(), client=table(name, "-A OUTPUT -o left -j DROP"))
    verdict = lab.probe("client", "server", service, at="client")
    assert dropped_by(verdict) == f"{name}:OUTPUT:1"
    assert verdict.node == "client"


@pytest.mark.parametrize("service", SERVICES)
def test_at_the_receiver_itself(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), server=table("filter", INPUT="DROP"))
    verdict = lab.probe("client", "server", service, at="server")
    assert dropped_by(verdict) == "filter:INPUT policy"
    assert [path.node for path in verdict.path] == ["gateway", "server"]


@pytest.mark.parametrize("service", SERVICES)
def test_further_on_than_the_node_under_test(lab_of: LabOf, service: str) -> None:
    let_through = table("filter", "-A FORWARD -s 10.0.1.0/24 -m comment --comment open -j ACCEPT", FORWARD="DROP")
    drops = table("filter", "-A FORWARD -m comment --comment shut -j DROP")
    lab = lab_of(two_gateways(), gateway=let_through, second=drops)
    verdict = lab.probe("client", "server", service, at="gateway")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.DROPPED, "second", True), verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.comment == "open", "the deciding rule is the one at the node under test"
    assert {node: rule.comment for node, rule in verdict.decided} == {"gateway": "open", "second": "shut"}
    at_second = lab.probe("client", "server", service, at="second")
    assert (at_second.node, at_second.passed_node) == ("second", False)


def test_further_on_is_fail_open(project: Project) -> None:
    rulesets = {"gateway": table("filter"), "second": table("filter", FORWARD="DROP")}
    flows = [{"name": "shut", "from": "client", "to": "server", "service": "tcp/443", "expect": "drop"}]
    result = project.run(two_gateways(), rulesets, flows)
    assert ([cell.outcome for cell in result.results], result.exit_code) == ([Outcome.FAIL_OPEN], 1)


def test_translated_then_dropped_is_named(project: Project) -> None:
    publish = f"-A PREROUTING -p tcp --dport 443 -m comment --comment publish -j DNAT --to-destination {SERVER}:8443"
    ruleset = table("nat", publish) + table("filter", FORWARD="DROP")
    flow = {"name": "web", "from": "client", "to": NEAR, "service": "tcp/443", "expect": "allow",
            "arrives": {"at": "server", "port": 8443}}  # fmt: skip
    (cell,) = project.run(corridor(), {"gateway": ruleset}, [flow]).results
    assert (cell.outcome, cell.verdict.kind) == (Outcome.FAIL_CLOSED, Kind.DROPPED)
    (hint,) = cell.hints
    by = "gateway nat:PREROUTING:1 (publish), then dropped by gateway filter:FORWARD policy"
    assert f"translated to {SERVER}:8443 by {by}" in str(hint)


def test_the_way_of_a_dropped_packet_is_told_step_by_step(lab_of: LabOf) -> None:
    ruleset = table("raw", "-A PREROUTING -j NOTRACK") + table("filter", "-A FORWARD -p tcp -j web", "-A web -j DROP", web="-")
    (path,) = lab_of(corridor(), gateway=ruleset).probe("client", "server", "tcp/443").path
    assert (path.end, path.exit, path.entry.destination) == (End.DROPPED, None, SERVER)
    steps = [(step.hook, step.table, step.chain, step.verdict) for step in path.steps]
    assert steps == [
        ("prerouting", "raw", "PREROUTING", "continue"),
        ("prerouting", "raw", "PREROUTING", "accept"),
        ("forward", "filter", "FORWARD", "jump web"),
        ("forward", "filter", "web", "drop"),
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_the_order_in_which_nodes_are_written_is_not_the_packet_s(lab_of: LabOf, service: str) -> None:
    stage = two_gateways()
    stage["nodes"] = dict(reversed(stage["nodes"].items()))
    lab = lab_of(stage, gateway=table("filter"), second=table("filter", FORWARD="DROP"))
    verdict = lab.probe("client", "server", service, at="gateway")
    assert [path.node for path in verdict.path] == ["gateway", "second"]
    assert (verdict.node, verdict.passed_node) == ("second", True)
