"""FTP through a gateway: with a helper its data connection is RELATED, without one it is like any other; both are proven."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.errors import InputError
from lab.kernel.stage.socket_table import TIME_WAIT, tcp_sockets
from lab.lab import Lab
from lab.record.verdict import Kind
from lab.ruleset.rulesets import Rulesets
from lab.run.after.why import hints
from lab.written.cell import Expectation
from lab.written.topology import Topology
from tests.kernel.in_each_dialect import KINDS, lab_in, mend_of, native
from tests.kernel.scenes import rendered

pytestmark = pytest.mark.kernel

TOPOLOGY = Topology.model_validate({
    "topology": "ftp",
    "networks": {"wan": ["198.51.100.0/24", "2001:db8:1::/64"], "dmz": ["10.0.2.0/24", "2001:db8:d::/64"]},
    "nodes": {
        "world": {
            "role": "internet", "interfaces": {"wan": ["198.51.100.20", "2001:db8:1::20"]}, "via": "gateway",
            "programs": [{"serve": "ftp"}],
        },
        "gateway": {
            "role": "gateway", "interfaces": {"wan": ["198.51.100.1", "2001:db8:1::1"], "dmz": ["10.0.2.1", "2001:db8:d::1"]},
            "forwards": True,
        },
        "files": {
            "role": "backend", "interfaces": {"dmz": ["10.0.2.10", "2001:db8:d::10"]}, "via": "gateway",
            "programs": [{"serve": "ftp"}],
        },
    },
})  # fmt: skip
HELPER = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 21 -j CT --helper ftp\nCOMMIT\n"
NAT = """*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i wan -d 198.51.100.1 -p tcp --dport 21 -j DNAT --to-destination 10.0.2.10
-A POSTROUTING -o wan -j MASQUERADE
COMMIT
"""
FILTER = """*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment related -j ACCEPT
-A FORWARD -p tcp --dport 21 -j ACCEPT
COMMIT
"""
RESETS = "-A FORWARD -p tcp --tcp-flags RST RST -j DROP\n"
NATIVE = """table inet gateway {
    HELPER
    chain translate { type nat hook prerouting priority dstnat
        iif "wan" ip daddr 198.51.100.1 tcp dport 21 dnat ip to 10.0.2.10
    }
    chain hide { type nat hook postrouting priority srcnat
        oif "wan" meta nfproto ipv4 masquerade
    }
    chain forward { type filter hook forward priority filter; policy drop
        ct state { established, related } accept comment "related"
        tcp dport 21 accept
    }
}
"""
NATIVE_HELPER = """ct helper files { type "ftp" protocol tcp; }
    chain helpers { type filter hook prerouting priority filter
        tcp dport 21 ct helper set "files"
    }"""
# who asks whom, in which family, in which mode
ROUNDS = [
    (*ends, family, mode)
    for ends, family in ((("world", "198.51.100.1"), 4), (("files", "world"), 4), (("world", "files"), 6))
    for mode in ("passive", "active")
]


def policy(kind: str, *, helped: bool) -> Rulesets:
    if kind == "native":
        return native(NATIVE, NATIVE_HELPER if helped else "")
    helper = HELPER if helped else ""
    return Rulesets(v4=rendered(helper + NAT + FILTER), v6=rendered(helper + FILTER, "gateway.rules6"))


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def gateway(kind: str) -> Iterator[Lab]:
    """The gateway without a helper; each test loads what it is about."""
    with lab_in(kind, TOPOLOGY, policy(kind, helped=False)) as lab:
        yield lab


def test_with_a_helper_what_a_session_announced_is_related(gateway: Lab, kind: str) -> None:
    gateway.load("gateway", policy(kind, helped=True))
    for sender, target, family, mode in ROUNDS:
        verdict = gateway.probe(sender, target, f"ftp/{mode}", family=family)
        assert verdict.allowed, (sender, target, family, mode, verdict.proof)
        assert verdict.rule is not None
        assert verdict.rule.comment == "related"
        assert "the control connection is fine (USER, PASS" in verdict.proof
        seen = verdict.observation
        assert seen.session is not None
        assert seen.session.control is not None
        assert seen.session.control.arrived is not None
        assert seen.session.control.request[0].steps, "its own path is told too"
        # it is translated with what announced it, there and back
        assert verdict.arrived is not None
        assert verdict.arrived.at == {"passive": {"198.51.100.1": "files", "world": "world", "files": "files"}[target],
                                      "active": sender}[mode]  # fmt: skip
        if (sender, mode) == ("files", "passive"):
            assert verdict.arrived.source == ("198.51.100.1" if family == 4 else "2001:db8:d::10")
        if (target, mode) == ("198.51.100.1", "active"):
            assert verdict.arrived.source == "198.51.100.1"


def test_without_one_the_failure_is_at_the_application_and_the_helper_is_missing(gateway: Lab, kind: str) -> None:
    gateway.load("gateway", policy(kind, helped=False))
    assert gateway.probe("world", "198.51.100.1", "ftp/control").allowed
    for sender, target, family, mode in ROUNDS:
        verdict = gateway.probe(sender, target, f"ftp/{mode}", family=family)
        told = mend_of(gateway, verdict)
        assert verdict.proof.startswith("at the application: the control connection is fine (USER, PASS"), verdict.proof
        assert "the helper ftp is missing: no rule of gateway gives it to the control connection" in told
        tool = "ip6tables" if family == 6 else "iptables"
        wanted = 'tcp dport 21 ct helper set "ftp-standard"' if kind == "native" else f"{tool} -t raw -A PREROUTING -p tcp"
        assert wanted in told
        if (sender, mode) == ("files", "active"):  # the server is told an address that the connection does not come from
            assert (verdict.kind, verdict.packet) == (Kind.UNANSWERED, "data connection")
            assert "PORT was answered 501" in verdict.proof
        else:
            assert verdict.kind is Kind.DROPPED
            assert verdict.stopped_by is not None
            assert verdict.stopped_by.number is None, "the policy of the chain"
            goal = verdict.observation.sent
            assert f"{goal.destination}" in verdict.proof
            assert f":{goal.dport} was dropped by gateway" in verdict.proof


def test_the_rule_that_a_hint_prints_is_what_mends_it(gateway: Lab, kind: str) -> None:
    gateway.load("gateway", policy(kind, helped=False))
    verdict = gateway.probe("world", "198.51.100.1", "ftp/passive")
    (hint,) = hints(gateway, verdict, Expectation("allow"), "gateway")
    if kind == "native":
        loaded = Rulesets(nft=rendered(NATIVE.replace("HELPER", "") + hint.mend + "\n"))
    else:
        rule = hint.mend.removeprefix("iptables -t raw ")
        helper = f"*raw\n:PREROUTING ACCEPT [0:0]\n{rule}\nCOMMIT\n"
        loaded = Rulesets(v4=rendered(helper + NAT + FILTER))
    gateway.load("gateway", loaded)
    assert gateway.probe("world", "198.51.100.1", "ftp/passive").allowed
    assert gateway.probe("world", "198.51.100.1", "ftp/active").allowed


def test_a_session_leaves_nothing_behind(gateway: Lab, kind: str) -> None:
    gateway.load("gateway", policy(kind, helped=False))
    for mode in ("passive", "active", "passive", "control"):
        gateway.probe("world", "198.51.100.1", f"ftp/{mode}")
        assert gateway.probe("world", "198.51.100.1", "tcp/8080").path[0].steps
        node = gateway.network.nodes["files"]
        assert {one.state for one in tcp_sockets(node)} <= {TIME_WAIT}, "what was closed in order lingers"


def test_a_control_connection_that_is_dropped_is_told_as_such(gateway: Lab) -> None:
    closed = FILTER.replace("-A FORWARD -p tcp --dport 21 -j ACCEPT\n", "")
    gateway.load("gateway", Rulesets(v4=rendered(NAT + closed)))
    verdict = gateway.probe("world", "198.51.100.1", "ftp/passive")
    assert verdict.kind is Kind.DROPPED
    assert verdict.proof.startswith("at the control connection: the trace of this very SYN ends in a drop")
    assert mend_of(gateway, verdict) == "" or "helper" not in mend_of(gateway, verdict)


def test_a_command_that_is_dropped_is_no_reason_to_wait(gateway: Lab) -> None:
    """The session stops there, and the trace says by what; a server that cannot hear of it is started anew."""
    first = ":FORWARD DROP [0:0]\n"
    spoken = FILTER.replace(first, first + "-A FORWARD -m string --algo bm --string PASS -j DROP\n" + RESETS)
    gateway.load("gateway", Rulesets(v4=rendered(NAT + spoken)))
    verdict = gateway.probe("world", "198.51.100.1", "ftp/passive")
    assert (verdict.kind, verdict.packet) == (Kind.DROPPED, "data")
    assert verdict.rule is not None
    assert "string" in verdict.rule.text
    assert {one.state for one in tcp_sockets(gateway.network.nodes["files"])} <= {TIME_WAIT}
    gateway.load("gateway", Rulesets(v4=rendered(HELPER + NAT + FILTER)))
    assert gateway.probe("world", "198.51.100.1", "ftp/passive").allowed, "the server was asked anew"


def test_a_helper_whose_data_nobody_accepts(gateway: Lab) -> None:
    deaf = FILTER.replace("RELATED,ESTABLISHED", "ESTABLISHED")
    gateway.load("gateway", Rulesets(v4=rendered(HELPER + NAT + deaf)))
    verdict = gateway.probe("world", "198.51.100.1", "ftp/passive")
    assert verdict.denied
    assert "gives the session its helper" in mend_of(gateway, verdict)
    assert "no rule of forward at gateway accepts that" in mend_of(gateway, verdict)


def test_nobody_serves(gateway: Lab) -> None:
    nodes = {"one": {"role": "a", "interfaces": {"lan": "10.0.1.1"}}, "two": {"role": "b", "interfaces": {"lan": "10.0.1.2"}}}
    topology = Topology.model_validate({"topology": "two", "networks": {"lan": "10.0.1.0/24"}, "nodes": nodes})
    with Lab(topology, {}) as lab, pytest.raises(InputError, match="no node has a program"):
        lab.probe("one", "two", "ftp/passive")
    assert gateway.site.programs is not None
