"""Path MTU discovery through a gateway: data that is too big for a link behind it, and who hears of that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.prepare.plan import Choices
from lab.prepare.plans import make_plans
from lab.record.result import CellResult, Outcome
from lab.record.verdict import Kind
from lab.run.runner import Order, run
from tests.kernel.conftest import Project, Silent
from tests.kernel.scenes import table, two_gateways

pytestmark = pytest.mark.kernel

NEW = "-A FORWARD -i left -m conntrack --ctstate NEW -m comment --comment surf -j ACCEPT"
ESTABLISHED = "-A FORWARD -m conntrack --ctstate ESTABLISHED -m comment --comment established -j ACCEPT"
RELATED = "-A FORWARD -m conntrack --ctstate RELATED -m comment --comment related -j ACCEPT"
CLAMPED = table("mangle", "-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1240")
MASQUERADE = table("nat", "-A POSTROUTING -o middle -j MASQUERADE")
DEAF = table("filter", ESTABLISHED, NEW, FORWARD="DROP")
HEARING = table("filter", ESTABLISHED, RELATED, NEW, FORWARD="DROP")
DATA = {"bytes": 20_000}


def narrow() -> dict[str, Any]:
    """A link of 1,280 bytes behind the second gateway."""
    scene = two_gateways()
    for node, address in (("second", "10.0.2.1"), ("server", "10.0.2.10")):
        scene["nodes"][node]["interfaces"]["right"] = {"network": "right", "address": address, "mtu": 1280}
    # the server's own segments would fit both ways: it is told what the client may send by the routers alone
    scene["nodes"]["server"]["interfaces"]["right"].pop("mtu")
    return scene


def ask(project: Project, ruleset: str, **row: Any) -> CellResult:
    flow = {"name": "a transfer", "from": "client", "to": "server", "service": "tcp/80", **row}
    result = project.run(narrow(), {"gateway": ruleset}, [flow])
    assert not result.problems
    return result.results[0]


@pytest.mark.parametrize("nat", ["", MASQUERADE])
def test_a_transfer_hangs_where_the_error_is_dropped(project: Project, nat: str) -> None:
    cell = ask(project, DEAF + nat, payload=DATA, expect="allow")
    verdict = cell.verdict
    assert (cell.outcome, verdict.kind, verdict.packet) == (Outcome.FAIL_CLOSED, Kind.DROPPED, "frag-needed"), verdict.proof
    assert "the data was too big at second, where 1280 bytes fit, and said so: frag-needed" in verdict.proof
    assert (verdict.node, verdict.rule and verdict.rule.place) == ("gateway", "filter:FORWARD policy")
    assert "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT" in cell.hints[0].mend
    assert "--icmp-type fragmentation-needed" in cell.hints[0].mend
    assert "--set-mss 1240" in cell.hints[0].mend


@pytest.mark.parametrize("ruleset", [HEARING, HEARING + MASQUERADE, DEAF + CLAMPED])
def test_it_goes_on_where_it_is_heard_or_not_needed(project: Project, ruleset: str) -> None:
    cell = ask(project, ruleset, payload=DATA, expect="allow")
    assert cell.outcome is Outcome.PASSED, cell.verdict.proof


def test_little_data_passes_all_the_same(project: Project) -> None:
    assert ask(project, DEAF, payload={"bytes": 1000}, expect="allow").outcome is Outcome.PASSED


def test_what_one_cell_learned_of_the_path_no_other_knows(project: Project) -> None:
    """What one host was told of a path it remembers for ten minutes; the second would find no error any more."""
    row = {"from": "client", "to": "server", "service": "udp/53", "payload": {"bytes": 1400}, "expect": "allow"}
    result = project.run(narrow(), {"gateway": HEARING}, [{"name": f"row {number}", **row} for number in (1, 2)])
    assert [(cell.verdict.kind, cell.verdict.node) for cell in result.results] == [(Kind.UNROUTED, "second")] * 2


def test_a_datagram_that_is_too_big_says_where(project: Project) -> None:
    cell = ask(project, HEARING, service="udp/53", payload={"bytes": 1400}, expect="allow")
    assert (cell.verdict.kind, cell.verdict.node) == (Kind.UNROUTED, "second"), cell.verdict.proof
    assert "it is too long for the link that it was to leave by" in cell.verdict.proof


def test_the_error_of_a_datagram_is_dropped(project: Project) -> None:
    cell = ask(project, DEAF, service="udp/53", payload={"bytes": 1400}, expect="allow")
    assert (cell.verdict.kind, cell.verdict.packet) == (Kind.DROPPED, "frag-needed"), cell.verdict.proof


def in_ipv6() -> dict[str, Any]:
    """The same in IPv6 alone."""
    scene = narrow()
    numbers = {"left": "a", "middle": "9", "right": "d"}
    scene["networks"] = {name: f"2001:db8:{number}::/64" for name, number in numbers.items()}
    for node, host in (("client", 10), ("gateway", 1), ("second", 2), ("server", 10)):
        interfaces = scene["nodes"][node]["interfaces"]
        for name, said in interfaces.items():
            address = f"2001:db8:{numbers[name]}::{host}"
            interfaces[name] = {**said, "address": address} if isinstance(said, dict) else address
    return scene


NATIVE = """
table inet fw {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established accept
    iifname "left" accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
}
"""


def test_in_ipv6_and_by_native_rules(tmp_path: Path) -> None:
    Project(tmp_path)
    row = {"name": "a transfer", "from": "client", "to": "server", "service": "tcp/80", "payload": DATA, "expect": "allow"}
    (tmp_path / "policies" / "gateway.nft").write_text(NATIVE)
    (tmp_path / "topologies" / "narrow.yaml").write_text(json.dumps({**in_ipv6(), "topology": "narrow"}))
    matrix = {"matrix": "made", "for": "gateway", "topology": "narrow", "policies": {"gateway": "gateway"}, "flows": [row]}
    (tmp_path / "matrices" / "made.yaml").write_text(json.dumps(matrix))
    (cell,) = run(make_plans([tmp_path / "matrices" / "made.yaml"], Choices()), Order(), Silent()).results
    assert (cell.outcome, cell.verdict.packet) == (Outcome.FAIL_CLOSED, "packet-too-big"), cell.verdict.proof
    assert "`icmpv6 type packet-too-big accept`" in cell.hints[0].mend


def test_data_in_the_midst_of_a_session(project: Project) -> None:
    steps = [{"open": "allow"}, {"send": "allow"}, {"send": {"expect": "allow", "payload": DATA}}]
    cell = ask(project, DEAF, steps=steps)
    assert (cell.outcome, cell.verdict.packet, len(cell.steps)) == (Outcome.FAIL_CLOSED, "frag-needed", 3), cell.verdict.proof
