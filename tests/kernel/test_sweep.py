"""A sweep says of every port what a single probe of it says, whatever the ruleset does with it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.errors import InputError
from lab.kernel.ground.tools import run
from lab.lab import Lab
from lab.record.sweep import Arrived, Gear, Sweep
from lab.record.verdict import Kind
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import ESTABLISHED, FAR, NEAR, SERVER, corridor, rendered, rulesets, table, topology, two_gateways
from tests.kernel.sweeps import assert_same
from tests.kernel.test_ipv6 import SERVER as SERVER_6
from tests.kernel.test_ipv6 import dual_corridor
from tests.kernel.test_rejected import KINDS

pytestmark = pytest.mark.kernel

BOTH = pytest.mark.parametrize("proto", ["tcp", "udp"])
WINDOW = "100-249"  # wider than what is traced without counting
WEB = f"-A FORWARD -p tcp --dport 150 -d {SERVER} -m comment --comment web -j ACCEPT"


def kinds(sweep: Sweep) -> dict[str, str]:
    """What is said of each range of ports."""
    return {f"{low}-{high}": str(group.verdict) for low, high, group in sweep.ranges()}


def serving(*services: str, **changes: Any) -> dict[str, Any]:
    """The corridor, its server with services that are always open."""
    return corridor(server={"services": list(services)}, **changes)


def leftovers(lab: Lab, node: str = "gateway") -> int:
    """How many entries conntrack of a node has."""
    done = run(lab.network.nodes[node].namespace, ["cat", "/proc/thread-self/net/stat/nf_conntrack"])
    return int(done.out.splitlines()[1].split()[0], 16)


@BOTH
@pytest.mark.parametrize(
    ("name", "chain"),
    [("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "FORWARD"), ("filter", "FORWARD"), ("mangle", "POSTROUTING")],
)
def test_dropped_by_a_rule(lab_of: LabOf, proto: str, name: str, chain: str) -> None:
    lab = lab_of(corridor(), gateway=table(name, f"-A {chain} -p {proto} --dport 120:200 -j DROP"))
    sweeps = assert_same(lab, "server", f"{proto}/{WINDOW}")
    assert kinds(sweeps[Gear.RULE])["120-200"] == f"dropped by gateway {name}:{chain}:1"
    assert kinds(sweeps[Gear.VERDICT])["120-200"] == "dropped at gateway"
    assert sweeps[Gear.VERDICT].traced == 0, "what counting proves needs no trace"


@BOTH
def test_dropped_by_the_policy(lab_of: LabOf, proto: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", WEB, ESTABLISHED, FORWARD="DROP"))
    found = kinds(assert_same(lab, "server", f"{proto}/{WINDOW}")[Gear.RULE])
    assert found["100-149" if proto == "tcp" else WINDOW] == "dropped by gateway filter:FORWARD policy"


@pytest.mark.parametrize("kind", KINDS)
@BOTH
def test_rejected(lab_of: LabOf, proto: str, kind: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", f"-A FORWARD -p {proto} --dport 111:222 -j REJECT --reject-with {kind}"))
    sweeps = assert_same(lab, "server", f"{proto}/{WINDOW}")
    assert sweeps[Gear.VERDICT].of(200).verdict.reject == kind
    assert kinds(sweeps[Gear.RULE])["111-222"] == f"rejected ({kind}) by gateway filter:FORWARD:1"


def test_reset_by_a_rule_is_no_closed_port(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -p tcp --dport 111:222 -j REJECT --reject-with tcp-reset"))
    sweep = assert_same(lab, "server", f"tcp/{WINDOW}")[Gear.VERDICT]
    assert kinds(sweep) == {"100-110": "closed", "111-222": "rejected (tcp-reset) at gateway", "223-249": "closed"}


@pytest.mark.parametrize(("reject", "mute"), [("icmp-port-unreachable", "-p icmp"), ("tcp-reset", "-p tcp")])
def test_a_reject_that_is_muted(lab_of: LabOf, reject: str, mute: str) -> None:
    rules = f"-A FORWARD -p tcp --dport 111:222 -j REJECT --reject-with {reject}", f"-A OUTPUT {mute} -j DROP"
    sweeps = assert_same(lab_of(corridor(), gateway=table("filter", *rules)), "server", f"tcp/{WINDOW}")
    assert sweeps[Gear.VERDICT].of(222).verdict.muted


@BOTH
def test_an_open_service_among_closed_ports(lab_of: LabOf, proto: str) -> None:
    lab = lab_of(serving(f"{proto}/130", f"{proto}/131", f"{proto}/249"), gateway=table("filter"))
    for sweep in assert_same(lab, "server", f"{proto}/{WINDOW}").values():
        assert {sweep.of(port).verdict.kind for port in (130, 131, 249)} == {Kind.ALLOWED}
        assert {sweep.of(port).verdict.kind for port in (100, 129, 132, 248)} == {Kind.CLOSED}
        assert sum(group.count for group in sweep.open) == 150


@BOTH
def test_published_on_another_port_and_address(lab_of: LabOf, proto: str) -> None:
    rules = (f"-A PREROUTING -p {proto} -d {NEAR} --dport 140:160 -j DNAT --to-destination {SERVER}:8443",)
    sweeps = assert_same(lab_of(corridor(), gateway=table("nat", *rules)), NEAR, f"{proto}/{WINDOW}")
    for sweep in sweeps.values():
        assert sweep.of(150).arrived == Arrived("server", SERVER, 8443)
        assert sweep.of(139).arrived == Arrived("gateway")


@BOTH
def test_a_range_of_ports_published_one_by_one(lab_of: LabOf, proto: str) -> None:
    rule = f"-A PREROUTING -p {proto} --dport 140:160 -j DNAT --to-destination {SERVER}:8140-8160/140"
    sweeps = assert_same(lab_of(corridor(), gateway=table("nat", rule)), NEAR, f"{proto}/{WINDOW}")
    for sweep in sweeps.values():
        assert [sweep.of(port).arrived for port in (140, 160)] == [Arrived("server", SERVER, port) for port in (8140, 8160)]


@BOTH
def test_turned_to_the_gateway_itself(lab_of: LabOf, proto: str) -> None:
    rule = f"-A PREROUTING -p {proto} --dport 140:160 -j REDIRECT --to-ports 3128"
    ruleset = table("nat", rule) + table("filter", f"-A INPUT -p {proto} --dport 3128 -j DROP")
    sweeps = assert_same(lab_of(corridor(), gateway=ruleset), "server", f"{proto}/{WINDOW}")
    assert kinds(sweeps[Gear.RULE])["140-160"] == "dropped by gateway filter:INPUT:1"
    sweeps = assert_same(lab_of(corridor(), gateway=table("nat", rule)), "server", f"{proto}/{WINDOW}")
    assert sweeps[Gear.VERDICT].of(150).arrived == Arrived("gateway", NEAR, 3128)


@BOTH
@pytest.mark.parametrize("target", ["MASQUERADE", f"SNAT --to-source {FAR}"])
def test_the_source_that_arrives(lab_of: LabOf, proto: str, target: str) -> None:
    lab = lab_of(corridor(), gateway=table("nat", f"-A POSTROUTING -o right -p {proto} --dport 140:160 -j {target}"))
    for sweep in assert_same(lab, "server", f"{proto}/{WINDOW}").values():
        assert sweep.of(150).arrived == Arrived("server", source=FAR)
        assert sweep.of(161).arrived == Arrived("server")


@BOTH
@pytest.mark.parametrize("route", ["blackhole 192.0.2.0/24", "unreachable 192.0.2.0/24", "prohibit 192.0.2.0/24"])
def test_no_route(lab_of: LabOf, proto: str, route: str) -> None:
    lab = lab_of(corridor(gateway={"routes": [route]}), gateway=table("filter", f"-A FORWARD -p {proto} --dport 120 -j DROP"))
    for sweep in assert_same(lab, "192.0.2.7", f"{proto}/{WINDOW}").values():
        assert {group.verdict.kind for group in sweep.groups} == {Kind.UNROUTED}


@BOTH
def test_nobody_has_the_address(lab_of: LabOf, proto: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", f"-A FORWARD -p {proto} --dport 120:129 -j DROP"))
    for sweep in assert_same(lab, "10.0.2.99", f"{proto}/{WINDOW}").values():
        assert {group.verdict.kind: group.count for group in sweep.groups} == {Kind.UNROUTED: 140, Kind.DROPPED: 10}


@BOTH
def test_the_sender_s_own_rules(lab_of: LabOf, proto: str) -> None:
    ruleset = table("filter", f"-A OUTPUT -p {proto} --dport 120:200 -j DROP", f"-A OUTPUT -p {proto} --dport 210 -j REJECT")
    lab = lab_of(corridor(), client=ruleset)
    found = kinds(assert_same(lab, "server", f"{proto}/{WINDOW}", at="client")[Gear.RULE])
    assert found["120-200"] == "dropped by client filter:OUTPUT:1"
    assert found["210-210"] == "rejected (icmp-port-unreachable) by client filter:OUTPUT:2"


@BOTH
def test_the_gateway_s_own_ports(lab_of: LabOf, proto: str) -> None:
    ruleset = table("filter", f"-A INPUT -p {proto} --dport 122 -j ACCEPT", INPUT="DROP")
    lab = lab_of(corridor(gateway={"services": [f"{proto}/122"]}), gateway=ruleset)
    sweeps = assert_same(lab, "gateway", f"{proto}/{WINDOW}")
    assert [group.keys for group in sweeps[Gear.VERDICT].open] == [((122, 122),)]


@BOTH
@pytest.mark.parametrize("at", ["gateway", "second"])
def test_dropped_at_the_second_of_two_gateways(lab_of: LabOf, proto: str, at: str) -> None:
    first = table("filter", f"-A FORWARD -p {proto} --dport 110:119 -j DROP")
    second = table("filter", f"-A FORWARD -p {proto} --dport 200:230 -j DROP")
    lab = lab_of(two_gateways(), gateway=first, second=second)
    for sweep in assert_same(lab, "server", f"{proto}/{WINDOW}", at=at).values():
        assert [sweep.of(port).verdict.node for port in (110, 200)] == ["gateway", "second"]
        assert [sweep.of(port).verdict.passed_node for port in (110, 200)] == [False, at == "gateway"]


def test_what_the_first_gateway_remembers_of_a_flow_is_forgotten_before_it_is_sent_again(lab_of: LabOf) -> None:
    verdicts = ("CONNMARK --restore-mark", "DROP -m mark --mark 1", "CONNMARK --set-mark 1")
    rules = [f"-A FORWARD -j {verdict}" for verdict in verdicts]
    denies = table("filter", "-A FORWARD -p tcp --dport 133 -j REJECT", FORWARD="DROP")
    lab = lab_of(two_gateways(), gateway=table("mangle", *rules), second=denies)
    found = kinds(assert_same(lab, "server", f"tcp/{WINDOW}", at="second")[Gear.RULE])
    assert found["134-249"] == "dropped by second filter:FORWARD policy"


@BOTH
def test_marked_and_routed_by_the_mark(lab_of: LabOf, proto: str) -> None:
    stage = corridor(gateway={"routes": ["blackhole 0.0.0.0/0 table 100"], "rules": ["fwmark 1 lookup 100"]})
    marks = f"-A PREROUTING -p {proto} --dport 120:160 -j MARK --set-mark 1"
    ruleset = table("mangle", marks) + table("filter", f"-A FORWARD -p {proto} --dport 161:170 -j DROP")
    for sweep in assert_same(lab_of(stage, gateway=ruleset), "server", f"{proto}/{WINDOW}").values():
        found = {sweep.of(port).verdict.kind for port in (120, 160)}, {sweep.of(port).verdict.kind for port in (161, 170)}
        assert found == ({Kind.UNROUTED}, {Kind.DROPPED})


@BOTH
def test_handed_to_a_queue_that_nobody_reads(lab_of: LabOf, proto: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", f"-A FORWARD -p {proto} --dport 120:160 -j NFQUEUE --queue-num 3"))
    sweeps = assert_same(lab, "server", f"{proto}/{WINDOW}")
    assert sweeps[Gear.VERDICT].of(140).verdict.kind is Kind.CONSUMED
    assert sweeps[Gear.VERDICT].notes == ("swept in the rule gear: a rule hands packets to a queue",)


def test_taken_over_to_be_answered(lab_of: LabOf) -> None:
    takes = "-A FORWARD -p tcp --dport 240 -m conntrack --ctstate UNTRACKED -j SYNPROXY --mss 1460"
    lab = lab_of(corridor(), gateway=table("raw", "-A PREROUTING -p tcp --syn -j CT --notrack") + table("filter", takes))
    assert assert_same(lab, "server", f"tcp/{WINDOW}")[Gear.VERDICT].of(240).verdict.kind is Kind.CONSUMED


@pytest.mark.parametrize("every", [1, 50])
@pytest.mark.parametrize(
    ("match", "beyond"),
    [
        ("limit --limit 10/hour --limit-burst {}", Kind.DROPPED), ("recent --name seen --set", None),
        ("hashlimit --hashlimit-upto 10/hour --hashlimit-burst {} --hashlimit-name all --hashlimit-mode srcip", Kind.DROPPED),
        ("statistic --mode nth --every 2 --packet 0", Kind.DROPPED),
    ],
)  # fmt: skip
@pytest.mark.parametrize("gear", Gear)
def test_past_a_rule_that_remembers_each_is_the_first(
    lab_of: LabOf, match: str, beyond: Kind | None, every: int, gear: Gear
) -> None:
    rule = f"-A FORWARD -p tcp --dport 120:160 -m {match.format(every)} -j ACCEPT"
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, rule, FORWARD="DROP"))
    let_in, denied = sorted(lab.sweep("client", "server", f"tcp/{WINDOW}", gear=gear).groups, key=lambda group: not group.open)
    assert (let_in.keys, let_in.verdict.kind, let_in.unsettled) == (((120, 160),), Kind.CLOSED, None)
    assert (denied.verdict.kind, denied.beyond) == (Kind.DROPPED, None)
    assert (let_in.beyond and let_in.beyond.kind) == beyond


def test_what_chance_decides_is_unsettled(lab_of: LabOf) -> None:
    match = "statistic --mode random --probability 1"
    lab = lab_of(corridor(), gateway=table("filter", f"-A FORWARD -p tcp --dport 120:160 -m {match} -j DROP"))
    sweep = lab.sweep("client", "server", f"tcp/{WINDOW}", gear=Gear.VERDICT)
    assert (sweep.notes, sweep.gear) == ((), Gear.RULE), "so few ports are asked one by one"
    assert "gateway filter:FORWARD:1" in (sweep.of(130).unsettled or "")
    assert sweep.of(119).unsettled is None


def test_a_log_with_a_limit_settles_everything(lab_of: LabOf) -> None:
    log = "-A FORWARD -m limit --limit 1/hour --limit-burst 1 -j LOG --log-prefix seen"
    lab = lab_of(corridor(), gateway=table("filter", log, "-A FORWARD -p tcp --dport 120:160 -j DROP"))
    for sweep in assert_same(lab, "server", f"tcp/{WINDOW}").values():
        assert {group.unsettled for group in sweep.groups} == {None}
        assert (len(sweep.groups), sweep.notes) == (2, ())


def six(*texts: str) -> Rulesets:
    return rulesets(v6="".join(texts))


@BOTH
def test_over_ipv6(lab_of: LabOf, proto: str) -> None:
    rules = (f"-A FORWARD -p {proto} --dport 110:150 -j DROP", f"-A FORWARD -p {proto} --dport 151:160 -j REJECT",
             f"-A FORWARD -p {proto} --dport 161:170 -j REJECT --reject-with icmp6-adm-prohibited")  # fmt: skip
    to = f"-A PREROUTING -p {proto} --dport 200:210 -j DNAT --to-destination [{SERVER_6}]:8443"
    lab = lab_of(dual_corridor(), gateway=six(table("filter", *rules), table("nat", to)))
    sweeps = assert_same(lab, "server", f"{proto}/{WINDOW}", family=6)
    assert kinds(sweeps[Gear.RULE])["161-170"] == "rejected (icmp6-adm-prohibited) by gateway ip6 filter:FORWARD:3"
    assert sweeps[Gear.VERDICT].of(205).arrived == Arrived("server", port=8443)


def test_a_policy_that_breaks_neighbour_discovery_denies_a_sweep_too(lab_of: LabOf) -> None:
    lab = lab_of(dual_corridor(), gateway=six(table("filter", "-A INPUT -p icmpv6 -j DROP", FORWARD="DROP")))
    for sweep in assert_same(lab, "server", "udp/100-110", family=6).values():
        assert {group.verdict.kind for group in sweep.groups} == {Kind.UNROUTED}


@pytest.mark.parametrize("match", ["tcpmss ! --mss 536:65535", "length --length 0:59", "ttl ! --ttl-eq 63"])
def test_the_packet_is_one_that_linux_would_send(lab_of: LabOf, match: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", f"-A FORWARD -p tcp --syn -m {match} -j DROP"))
    assert kinds(assert_same(lab, "server", f"tcp/{WINDOW}")[Gear.RULE]).keys() == {WINDOW}


def test_gaps_are_not_asked(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -p tcp --dport 20:30 -j DROP"))
    for sweep in assert_same(lab, "server", "tcp/10-25,30,40-45").values():
        assert [(low, high) for low, high, _ in sweep.ranges()] == [(10, 19), (20, 25), (30, 30), (40, 45)]
        with pytest.raises(KeyError):
            sweep.of(31)


def test_many_sources_of_one_port(lab_of: LabOf) -> None:
    stage = corridor(client={"anyip": True}, gateway={"via": "client"})
    sources = [f"192.0.2.{number}" for number in range(1, 201)]
    lab = lab_of(stage, gateway=table("filter", "-A FORWARD -s 192.0.2.64/26 -j DROP", "-A FORWARD -s 192.0.2.200 -j REJECT"))
    for gear in Gear:
        sweep = lab.sweep("client", "server", "udp/53", gear=gear, sources=sources)
        assert sweep.sources == tuple(sources)
        found = {(low, high): group.verdict.kind for low, high, group in sweep.ranges()}
        assert found == {(0, 62): Kind.CLOSED, (63, 126): Kind.DROPPED, (127, 198): Kind.CLOSED, (199, 199): Kind.REJECTED}
        assert sweep.of(199).verdict.observation.sent.source == "192.0.2.200"


def test_a_sweep_of_sources_asks_one_port(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    for service in ("tcp/1-2", "icmp/echo-request"):
        with pytest.raises(InputError):
            lab.sweep("client", "server", service, sources=["10.0.1.10"])


@pytest.mark.parametrize("gear", list(Gear))
def test_every_port(lab_of: LabOf, gear: Gear) -> None:
    rules = ("-A FORWARD -p tcp --dport 1:1023 -j REJECT", "-A FORWARD -p tcp -m multiport --dports 5000,6000:6999 -j ACCEPT")
    lab = lab_of(serving("tcp/5000"), gateway=table("filter", *rules, ESTABLISHED, FORWARD="DROP"))
    sweep = lab.sweep("client", "server", gear=gear)
    assert (sweep.count, sweep.lost) == (65535, 0)
    found = {(low, high): group.verdict.kind for low, high, group in sweep.ranges()}
    assert found == {
        (1, 1023): Kind.REJECTED, (1024, 4999): Kind.DROPPED, (5000, 5000): Kind.ALLOWED, (5001, 5999): Kind.DROPPED,
        (6000, 6999): Kind.CLOSED, (7000, 65535): Kind.DROPPED,
    }  # fmt: skip
    assert leftovers(lab) == 0


@BOTH
def test_nothing_is_left_for_the_next_one(lab_of: LabOf, proto: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -m conntrack --ctstate NEW -j ACCEPT", FORWARD="DROP"))
    verdicts = set()
    for gear in (Gear.VERDICT, Gear.RULE, Gear.RULE, Gear.VERDICT):
        sweep = lab.sweep("client", "server", f"{proto}/{WINDOW}", gear=gear)
        verdicts.add((len(sweep.groups), sweep.groups[0].verdict.kind, sweep.groups[0].arrived))
        assert leftovers(lab) == 0
    verdict = lab.probe("client", "server", f"{proto}/150")
    assert (verdict.kind, verdict.packet) == (Kind.UNANSWERED, "SYN-ACK" if proto == "tcp" else "answer")
    # its answers are dropped, and so the closed ports are not known to be closed
    assert verdicts == {(1, Kind.UNANSWERED, Arrived("server"))}


def test_the_counters_are_gone_afterwards(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    lab.sweep("client", "server", f"tcp/{WINDOW}", gear=Gear.VERDICT, every_port=True)
    assert "lab_count" not in run(lab.network.nodes["gateway"].namespace, ["nft", "list", "tables"]).out


NATIVE = """\
table netdev early {
    chain in {
        type filter hook ingress device "left" priority 0;
        PROTO dport 110-119 drop
    }
}
table inet filter {
    chain forward {
        type filter hook forward priority filter; policy accept;
        PROTO dport 120-129 drop
        PROTO dport { 130, 140-149 } reject with icmpx admin-prohibited
        PROTO dport vmap { 150-159 : drop, 160 : accept }
    }
}
table ip nat {
    chain prerouting {
        type nat hook prerouting priority dstnat;
        PROTO dport 200-210 dnat to 10.0.2.10:8080
    }
}
"""


@BOTH
def test_native_nft_from_ingress_on(proto: str) -> None:
    script = rendered(NATIVE.replace("PROTO", proto), "gateway.nft")
    with Lab(topology(corridor()), {"gateway": Rulesets(nft=script)}) as lab:
        found = assert_same(lab, "server", f"{proto}/{WINDOW}")[Gear.RULE]
    kinds_of = {port: found.of(port).verdict.kind for port in (110, 120, 130, 131, 140, 150, 160, 205)}
    denied = {port for port, kind in kinds_of.items() if kind is Kind.DROPPED}
    assert (denied, {port for port, kind in kinds_of.items() if kind is Kind.REJECTED}) == ({110, 120, 150}, {130, 140})
