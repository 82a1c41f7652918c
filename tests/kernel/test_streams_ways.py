"""Streams of IPv6, past two gateways, to nobody, and what is set aside."""

from __future__ import annotations

import pytest

from lab.errors import MeasurementError
from lab.kernel.ground.tools import run
from lab.kernel.stage.neighbours import forget_unresolved
from lab.probe.question import ICMPV6, Datagram, Echo, Handshake, Question, Segment
from lab.probe.stream.stream import Stream
from lab.probe.stream.streams import Streams
from lab.record.window import Fate, State, Window
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, NEAR, SERVER, corridor, rendered, rulesets, table, two_gateways
from tests.kernel.streams import ALLOWED, DENIED, HELD, RULES, SERVES, WEB, iptables, measured, restore, to_server, tool
from tests.kernel.test_bridges import ONE, TWO, farm
from tests.kernel.test_ipv6 import ANSWERS, OWN_ICMP, dual_corridor
from tests.kernel.test_ipv6 import CLIENT as CLIENT_6
from tests.kernel.test_ipv6 import SERVER as SERVER_6
from tests.unit.docs.entries import failures

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True


NATIVE = """
table inet guard {
    chain forward {
        type filter hook forward priority 0; policy accept;
        ct state established,related accept
        tcp dport 80 accept
        udp dport 53 accept
        icmp type echo-request accept
        drop
    }
}
"""


def opened(found: Window) -> dict[str, tuple[Fate, bool]]:
    """What each stream met before, and whether it was opened."""
    return {one.stream.name: (one.before, one.packets(State.OPENED) > 0) for one in found.streams}


def test_ipv6(lab_of: LabOf) -> None:
    new = ("-A FORWARD -p tcp --syn --dport 80 -j ACCEPT", "-A FORWARD -p udp --dport 53 -j ACCEPT")
    rules = table("filter", OWN_ICMP, ANSWERS, *new, "-A FORWARD -p icmpv6 -j ACCEPT", FORWARD="DROP")
    lab = lab_of(dual_corridor(), gateway=rulesets(v6=rules))

    def stream(sends: Handshake | Datagram | Echo, name: str) -> Stream:
        return Stream(name, Question("client", CLIENT_6, SERVER_6, sends, receivers=(("server", sends.port),)))

    web = stream(Handshake(80), "web")
    streams = [web, stream(Handshake(22), "ssh"), stream(Datagram(53), "dns"), stream(Datagram(161), "snmp"),
               stream(Echo(ICMPV6), "ping")]  # fmt: skip
    works = (
        lambda: tool(lab, f"ip6tables-{lab.backend}", "-P", "FORWARD", "ACCEPT"),
        lambda: tool(lab, f"ip6tables-{lab.backend}-restore", stdin=rules),
    )
    found = measured(lab, *works, streams=streams, flows=[web])
    allowed, denied = (Fate.ALLOWED, False), (Fate.DENIED, True)
    assert opened(found) == {"web": allowed, "ssh": denied, "dns": allowed, "snmp": denied, "ping": allowed}
    assert [(str(flow.after), flow.broken) for flow in found.flows] == [("allowed by gateway ip6 filter:FORWARD:1", False)]


def test_what_a_second_gateway_denies_is_not_opened_by_the_first(lab_of: LabOf) -> None:
    rules = table("filter", ESTABLISHED, WEB, FORWARD="DROP")
    lab = lab_of(two_gateways(), gateway=rules, second=table("filter", "-A FORWARD -p udp -j REJECT"))
    works = lambda: iptables(lab, "-P", "FORWARD", "ACCEPT"), lambda: restore(lab, rules)
    found = measured(lab, *works, streams=[*ALLOWED, *DENIED[:2]])
    denied, behind = (Fate.DENIED, True), (Fate.DENIED, False)
    assert opened(found) == {"web": (Fate.ALLOWED, False), "dns": behind, "ping": denied, "ssh": denied, "snmp": behind}


def test_what_is_let_through_to_nobody_is_opened_too(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=RULES)
    streams = [
        Stream(name, Question("client", CLIENT, "10.0.2.77", Handshake(port))) for name, port in (("web", 80), ("ssh", 22))
    ]
    works = lambda: iptables(lab, "-P", "FORWARD", "ACCEPT"), lambda: restore(lab)
    assert opened(measured(lab, *works, streams=streams)) == {"web": (Fate.ALLOWED, False), "ssh": (Fate.DENIED, True)}
    verdict = lab.probe("client", "10.0.2.77", "tcp/80")
    assert verdict.observation.missing == "10.0.2.77", "nobody stands in for it any longer"
    assert not forget_unresolved(lab.network.nodes["gateway"].namespace, [4])


def test_what_flushes_every_table_leaves_the_counts(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=RULES)
    found = measured(lab, lambda: tool(lab, "nft", "flush", "ruleset"), lambda: restore(lab))
    assert (found.opened.packets > 0) is (str(lab.backend) == "nft"), "of ip_tables it flushes nothing"


def test_what_is_no_new_flow_is_set_aside(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=RULES)
    fixed = Stream("fixed", Question("client", CLIENT, SERVER, Handshake(80), sport=4000))
    near = Stream("near", Question("client", CLIENT, "10.0.1.77", Handshake(80)))
    streams = [fixed, to_server(Segment(80), "bare"), near, *ALLOWED]
    with Streams(lab.stage, "gateway", streams, [*HELD, ALLOWED[1], DENIED[0]]) as running:
        found = running.end()
    assert found.left_out == {
        "fixed": "its source port is fixed, so that its packets are no new flows",
        "bare": "it is no first packet of TCP or UDP, and no echo request",
        "near": "nobody has its destination, which is on its sender's own network",
        "dns (established)": "only TCP has connections",
        "ssh (established)": "it could not be opened before",
    }
    assert [stream.name for stream in found.streams] == ["web", "dns", "ping", "session", "session"]


def test_refusals_are_told(lab_of: LabOf) -> None:
    rejects = [f"-A FORWARD -p udp --dport {port} -j REJECT --reject-with {kind}" for port, kind in
               ((161, "icmp-port-unreachable"), (162, "icmp-admin-prohibited"))]  # fmt: skip
    reset = "-A FORWARD -p tcp --dport 22 -j REJECT --reject-with tcp-reset"
    lab = lab_of(corridor(server=SERVES), gateway=table("filter", *rejects, reset))
    streams = [to_server(Datagram(161), "a"), to_server(Datagram(162), "b"), to_server(Handshake(22), "c"),
               to_server(Handshake(23), "closed")]  # fmt: skip
    with Streams(lab.stage, "gateway", streams) as running:
        found = running.end()
    both = zip(found.streams, found.packets, strict=True)
    told = {stream.name: {packet.refusal for packet in packets} for stream, packets in both}
    assert told == {
        "a": {("icmp-port-unreachable", NEAR)}, "b": {("icmp-admin-prohibited", NEAR)}, "c": {("tcp-reset", None)},
        "closed": {("tcp-reset", None)},
    }  # fmt: skip
    assert [packets[0].arrived is not None for packets in found.packets] == [False, False, False, True]


def test_more_pulses_than_there_is_room_for_are_an_error(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.probe.stream.streams._PACKETS", 55)
    lab = lab_of(corridor(server=SERVES), gateway=RULES)
    with Streams(lab.stage, "gateway", ALLOWED) as running:
        for _ in range(running.pulses_left):
            running.pulse()
        with pytest.raises(MeasurementError, match="used up their 18 pulses"):
            running.pulse()


def test_a_bridge_is_refused(lab_of: LabOf) -> None:
    lab = lab_of(farm())
    if str(lab.backend) == "nft":
        stream = Stream("ssh", Question("one", ONE, TWO, Handshake(22)))
        with pytest.raises(MeasurementError, match="host is a bridge"):
            Streams(lab.stage, "host", [stream])
        assert lab.probe("one", "two", "tcp/22").allowed, "nothing is silent any longer"


@pytest.mark.parametrize("how", ["nft -f", "flushed first"])
def test_rules_of_native_nft(lab_of: LabOf, how: str) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=Rulesets(nft=rendered(NATIVE, "gateway.nft")))
    flush = [lambda: tool(lab, "nft", "flush", "ruleset")] if how == "flushed first" else []
    found = measured(lab, *flush, lambda: tool(lab, "nft", "-f", "-", stdin=f"flush ruleset\n{NATIVE}"))
    assert (found.opened.packets > 0) is bool(flush)
    assert found.refused.packets == 0


def test_the_example_is_true(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=RULES)
    restoring = [f"iptables-{lab.backend}-restore"]
    given = {"lab": lab, "gateway": lab.network.nodes["gateway"].namespace, "rules": RULES, "streams": ALLOWED}
    assert failures("lab.probe.stream.streams", given | {"run": lambda at, _, text: run(at, restoring, text)}) == (1, "")
