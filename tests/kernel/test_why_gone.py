"""Where packets die outside of every rule, each in words: by the kernel's reason, by an error, or by routes and sysctls."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kernel.watch.drop_reason import DropReasons
from lab.lab import Lab
from lab.probe.stage import Stage
from lab.record.verdict import Kind, Verdict
from lab.run.after.why import hints
from lab.written.cell import Expectation
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import FAR, NEAR, SERVER, corridor, rulesets, table, two_gateways

pytestmark = pytest.mark.kernel

OPEN = table("filter")
NOBODY = "192.0.2.7"
CORRIDOR_6 = {
    "topology": "corridor", "networks": {"left": "2001:db8:1::/64", "right": "2001:db8:2::/64"},
    "nodes": {
        "client": {"role": "client", "interfaces": {"left": "2001:db8:1::10"}, "via": "gateway"},
        "gateway": {"role": "gateway", "interfaces": {"left": "2001:db8:1::1", "right": "2001:db8:2::1"}, "forwards": True},
        "server": {"role": "backend", "interfaces": {"right": "2001:db8:2::10"}, "via": "gateway"},
    },
}  # fmt: skip


def narrow(mtu: int) -> dict[str, Any]:
    """A corridor whose right half takes packets of this length at most."""
    gateway = {"left": NEAR, "right": {"network": "right", "address": FAR, "mtu": mtu}}
    server = {"right": {"network": "right", "address": SERVER, "mtu": mtu}}
    return corridor(gateway={"interfaces": gateway}, server={"interfaces": server})


def with_routes(node: str, **keys: list[str]) -> dict[str, Any]:
    return corridor(**{node: keys})


def words(lab: Lab, verdict: Verdict) -> str:
    """The proof, and all that is said of why."""
    return "\n".join([verdict.proof, *map(str, hints(lab, verdict, Expectation("allow"), "gateway"))])


@pytest.fixture(params=[True, False], ids=["told", "untold"])
def tells(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the kernel gives its reasons for drops outside the rules: to root alone, where it has any."""
    reasons = DropReasons.open() if request.param else None
    if request.param and reasons is None:
        pytest.skip("this kernel gives its reasons to nobody here")
    if reasons is not None:
        reasons.close()
    else:
        monkeypatch.setattr(DropReasons, "open", lambda: None)
    return bool(request.param)


STRICT = corridor(gateway={"sysctls": {"net.ipv4.conf.all.rp_filter": 1}})
TTL = table("mangle", "-A PREROUTING -p udp -j TTL --ttl-set 1")
SILENT = table("filter", "-A OUTPUT -p icmp -j DROP")
CASES: dict[str, tuple[dict[str, Any], str, dict[str, Any], str, str]] = {
    # the topology, the gateway's rules, what is asked otherwise; what the kernel's reason is called, and what is said anyhow
    "reverse path": (STRICT, OPEN, {"source": "10.0.2.77"}, "IP_RPFILTER", "would send to 10.0.2.77 by right"),
    "own address": (corridor(), OPEN, {"source": FAR}, "IP_LOCAL_SOURCE", f"whose source is its own address {FAR}"),
    "not forwarding": (corridor(gateway={"forwards": False}), OPEN, {}, "IP_INADDRERRORS", "gateway does not forward"),
    "loopback destination": (
        corridor(), table("nat", "-A PREROUTING -p udp -j DNAT --to-destination 127.0.0.1"), {}, "IP_LOCALNET",
        "takes in nothing from a network for 127.0.0.1",
    ),
    "time to live, and the error dropped": (corridor(), TTL + SILENT, {}, "IP_INHDR", ""),
    "no route": (corridor(), OPEN, {"target": "198.18.0.1"}, "", "gateway has no route to 198.18.0.1"),
    "blackhole": (
        with_routes("gateway", routes=["blackhole 192.0.2.0/24"]), OPEN, {"target": NOBODY}, "",
        f"gateway sends nothing to {NOBODY}: it has `blackhole 192.0.2.0/24`",
    ),
    "unreachable": (
        with_routes("gateway", routes=["unreachable 192.0.2.0/24", "blackhole 192.0.0.0/16"]), OPEN, {"target": NOBODY}, "",
        "by the error an `unreachable` route",
    ),
    "prohibit": (
        with_routes("gateway", routes=["prohibit 192.0.2.0/24"]), OPEN, {"target": NOBODY}, "",
        "it has `prohibit 192.0.2.0/24`",
    ),
    "routing rule": (
        with_routes("gateway", routes=[f"192.0.2.0/24 via {SERVER}"], rules=["to 192.0.2.0/25 prohibit pref 50"]), OPEN,
        {"target": NOBODY}, "", "the routing rule `50: from all to 192.0.2.0/25 prohibit` of gateway refuses it",
    ),
    "time to live": (corridor(), TTL, {}, "", "its time to live ran out at gateway, as gateway mangle:PREROUTING:1 set it"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_where_it_died(lab_of: LabOf, tells: bool, case: str) -> None:
    written, rules, asked, reason, said = CASES[case]
    lab = lab_of(written, gateway=rules)
    verdict = lab.probe("client", asked.get("target", "server"), "udp/443", source=asked.get("source"))
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", False), verdict.proof
    assert said in words(lab, verdict)
    assert verdict.observation.reasons == ((reason,) if reason and tells else ())
    assert f"({reason})" in verdict.proof or not (reason and tells)


@pytest.mark.parametrize(
    ("source", "reason", "said"),
    [
        ("127.0.0.5", "IP_LOCALNET", "second takes in nothing from a network from 127.0.0.5: route_localnet is 0"),
        ("224.0.0.5", "IP_INVALID_SOURCE", "second takes in nothing from the group address 224.0.0.5"),
    ],
)
def test_a_source_that_no_network_has(lab_of: LabOf, tells: bool, source: str, reason: str, said: str) -> None:
    lab = lab_of(two_gateways(), gateway=table("nat", f"-A POSTROUTING -p udp -j SNAT --to-source {source}"), second=OPEN)
    verdict = lab.probe("client", "server", "udp/443", at="gateway")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "second", True), verdict.proof
    assert said in words(lab, verdict)
    assert verdict.observation.reasons == ((reason,) if tells else ())


@pytest.mark.parametrize("rules", [OPEN, SILENT], ids=["heard", "unheard"])
def test_too_long(lab_of: LabOf, tells: bool, rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lab, short = lab_of(narrow(100), gateway=rules), Stage.nonce
    assert lab.probe("client", "server", "udp/443").allowed
    monkeypatch.setattr(Stage, "nonce", lambda self: short(self) + bytes(200))
    verdict = lab.probe("client", "server", "udp/443")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", False), verdict.proof
    if rules is OPEN:
        assert "too long for the link that it was to leave by" in verdict.proof
        assert "it is too long to leave gateway by right, whose MTU is 100" in words(lab, verdict)
    else:
        assert verdict.observation.reasons == (("PKT_TOO_BIG",) if tells else ())


@pytest.mark.parametrize("kind", ["blackhole", "prohibit"])
def test_the_sender_s_own_routes(lab_of: LabOf, kind: str) -> None:
    lab = lab_of(with_routes("client", routes=[f"{kind} 10.0.2.0/24"]), gateway=OPEN)
    verdict = lab.probe("client", "server", "udp/443")
    assert (verdict.kind, verdict.path) == (Kind.UNROUTED, ())
    assert f"client sends nothing to {SERVER}: it has `{kind} 10.0.2.0/24`" in words(lab, verdict)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("2001:db8:9::1", "gateway sends nothing to 2001:db8:9::1: it has `unreachable 2001:db8:9::/64`"),
        ("2001:db8:a::1", "no route leads to its destination; the sender was told icmp6-no-route"),
    ],
)
def test_ipv6(lab_of: LabOf, target: str, said: str) -> None:
    nodes: Any = CORRIDOR_6["nodes"]
    gateway = {**nodes["gateway"], "routes": ["unreachable 2001:db8:9::/64"]}
    lab = lab_of({**CORRIDOR_6, "nodes": {**nodes, "gateway": gateway}}, gateway=rulesets(v6=OPEN))
    verdict = lab.probe("client", target, "udp/443")
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", False)
    assert said in words(lab, verdict)


def test_a_hop_limit_that_is_not_for_neighbours(lab_of: LabOf, tells: bool) -> None:
    """Neighbour discovery counts only with a hop limit of 255: a rule for all packets stops it, before it stops any other."""
    rules = table("mangle", "-A PREROUTING -j HL --hl-set 1")
    lab = lab_of(CORRIDOR_6, gateway=rulesets(v6=rules))
    verdict = lab.probe("client", "server", "udp/443")
    assert verdict.kind is (Kind.UNROUTED if tells else Kind.LOST), verdict.proof
    assert ("another hop limit than 255 (IPV6_NDISC_HOP_LIMIT)" in verdict.proof) is tells
