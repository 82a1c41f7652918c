"""Packets that run without pause while rules are exchanged: each is accounted for, and what it met is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import MeasurementError
from lab.kernel.ground.tools import run
from lab.lab import Lab
from lab.probe.question import Handshake
from lab.probe.stream.streams import AT_REST, Streams
from lab.record.verdict import Kind
from lab.record.window import Fate, State
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, SERVER, corridor, table
from tests.kernel.streams import (
    ALLOWED,
    DENIED,
    HELD,
    RULES,
    SERVES,
    STRICT,
    flush_first,
    from_gateway,
    iptables,
    measured,
    restore,
    to_gateway,
    to_server,
    tool,
)

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True


def entries(lab: Lab) -> int:
    """How many flows the gateway's conntrack knows."""
    with lab.network.nodes["gateway"].namespace:
        return int(Path("/proc/sys/net/netfilter/nf_conntrack_count").read_text())


def test_a_restore_opens_nothing(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=STRICT)
    found = measured(lab, lambda: restore(lab, STRICT))
    assert (found.opened.packets, found.refused.packets, found.strayed.packets, found.lost) == (0, 0, 0, 0)
    assert {one.stream.name: one.before for one in found.streams} == {
        **dict.fromkeys([stream.name for stream in ALLOWED], Fate.ALLOWED),
        **dict.fromkeys([stream.name for stream in DENIED], Fate.DENIED),
    }
    assert [str(flow.after) for flow in found.flows] == ["allowed by gateway filter:FORWARD:1 (answers)"]
    assert found.pulses > 1
    assert not found.broken
    assert not found.unsteady
    assert not found.left_out
    assert entries(lab) == 0, "all that was sent is forgotten"


def test_to_flush_first_opens(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=RULES)
    found = measured(lab, *flush_first(lab))
    through = sum(one.packets(State.OPENED) for one in found.streams)
    assert found.opened.packets == through > 0
    assert found.opened.ms > 0
    assert found.opened.first is not None
    assert found.opened.first.name in {stream.name for stream in DENIED}
    assert 0 < found.opened.first.ms < found.ms
    assert (found.refused.packets, found.lost) == (0, 0), "it is open for everybody meanwhile"
    assert not found.broken


def test_a_flow_that_conntrack_forgot_is_broken_by_a_rule(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=RULES)
    found = measured(lab, lambda: tool(lab, "conntrack", "-F"))
    (flow,) = found.flows
    assert flow.broken
    assert flow.after is not None
    assert (flow.after.kind, str(flow.after.stopped_by)) == (Kind.DROPPED, "gateway filter:FORWARD policy")
    assert 0 < flow.lost < flow.packets
    assert flow.stall_ms > 0
    assert (found.opened.packets, found.refused.packets) == (0, 0), "a new flow needs no entry"


def test_what_is_closed_meanwhile_is_refused(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=RULES)
    found = measured(lab, lambda: iptables(lab, "-F"), lambda: restore(lab))
    assert found.refused.packets > 0
    assert found.refused.first is not None
    assert found.refused.first.name in {stream.name for stream in ALLOWED}
    assert found.lost > 0
    assert not found.broken, "it went on afterwards"


def test_a_change_is_told_with_its_moment(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=RULES)
    found = measured(lab, lambda: iptables(lab, "-I", "FORWARD", "-p", "udp", "-j", "DROP"))
    changed = [one for one in found.streams if one.changed_ms is not None]
    assert [(one.stream.name, one.before, one.after, one.flaps) for one in changed] == [("dns", Fate.ALLOWED, Fate.DENIED, 0)]
    assert found.refused.packets == 0, "as afterwards, and so not wrong"


def test_what_a_limit_lets_through_is_set_aside(lab_of: LabOf) -> None:
    limited = "-A FORWARD -p tcp --dport 81 -m limit --limit 1/hour --limit-burst 5 -j ACCEPT"
    lab = lab_of(corridor(server=SERVES), gateway=table("filter", limited, FORWARD="DROP"))
    found = measured(lab, lambda: restore(lab), streams=[to_server(Handshake(81), "limited"), DENIED[0]])
    assert found.unsteady == {"limited": f"before, at rest, 5 of {AT_REST} packets got through"}
    assert [one.stream.name for one in found.streams] == ["ssh"]


def test_what_is_translated_otherwise_has_strayed(lab_of: LabOf) -> None:
    nat = table("nat", f"-A POSTROUTING -s {CLIENT} -d {SERVER} -j SNAT --to-source 10.0.2.1")
    lab = lab_of(corridor(server=SERVES), gateway=nat)
    works = lambda: iptables(lab, "-t", "nat", "-F"), lambda: restore(lab, nat)
    found = measured(lab, *works, streams=[to_server(Handshake(80), "web")], flows=())
    assert found.strayed.packets > 0
    assert (found.opened.packets, found.refused.packets) == (0, 0)


def test_to_and_from_the_gateway_itself(lab_of: LabOf) -> None:
    rules = table("filter", "-A INPUT -p tcp --dport 22 -j ACCEPT", "-A OUTPUT -p udp --dport 53 -j ACCEPT",
                  "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", INPUT="DROP", OUTPUT="DROP")  # fmt: skip
    lab = lab_of(corridor(server=SERVES), gateway=rules)
    streams = [to_gateway(Handshake(22), "in"), to_gateway(Handshake(23), "not in"), from_gateway(53, "out"),
               from_gateway(54, "not out")]  # fmt: skip
    opened = [lambda chain=chain: iptables(lab, "-P", chain, "ACCEPT") for chain in ("INPUT", "OUTPUT")]
    found = measured(lab, *opened, lambda: restore(lab, rules), streams=streams, flows=())
    told = {one.stream.name: (one.before, one.packets(State.OPENED) > 0) for one in found.streams}
    assert told == {
        "in": (Fate.ALLOWED, False), "not in": (Fate.DENIED, True),
        "out": (Fate.ALLOWED, False), "not out": (Fate.DENIED, True),
    }  # fmt: skip


@pytest.mark.parametrize("how", ["restored", "flushed first"])
def test_all_counts_agree_whatever_is_swapped(lab_of: LabOf, how: str) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=STRICT)
    works = flush_first(lab, STRICT) if how == "flushed first" else [lambda: restore(lab, STRICT)]
    found = measured(lab, *[work for _ in range(10) for work in works])  # it raises where they do not
    assert (found.opened.packets > 0) is (how == "flushed first")


def test_a_packet_that_nobody_counted_is_an_error(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=RULES)
    with Streams(lab.stage, "gateway", ALLOWED, ()) as running:
        running.pulse()
        ring = running._ears._rings["server"]
        monkeypatch.setattr(ring, "caught", lambda caught=ring.caught: list(caught())[1:])
        with pytest.raises(MeasurementError, match=r"web: 33 were sent and 33 left gateway, .* 32 to server"):
            running.end()


def test_what_is_interrupted_leaves_nothing(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=RULES)

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Streams(lab.stage, "gateway", (*ALLOWED, *DENIED), HELD) as running:
        running.during(interrupted)
    assert entries(lab) == 0
    assert "lab_count" not in run(lab.network.nodes["gateway"].namespace, ["nft", "list", "tables"]).out
    assert str(lab.probe("client", "server", "tcp/80")) == "allowed by gateway filter:FORWARD:2 (web)", "the trace tells again"


def test_the_trace_tells_nothing_of_them(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server=SERVES), gateway=RULES)
    with Streams(lab.stage, "gateway", (*ALLOWED, *DENIED), HELD) as running:
        lab.instrument.paths()
        running.pulse()
        lab.network.rest()
        assert not lab.instrument.paths()
