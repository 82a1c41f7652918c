"""What many packets do to each other that one does not: flows that a translation makes the same, answers that get lost."""

from __future__ import annotations

import pytest

from lab.record.sweep import Arrived, Gear
from lab.record.verdict import Kind
from lab.sweep.catch import Catch
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import ESTABLISHED, NEAR, SERVER, corridor, table, two_gateways
from tests.kernel.sweeps import assert_same

pytestmark = pytest.mark.kernel
GEARS = pytest.mark.parametrize("gear", list(Gear))


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_ports_that_are_led_onto_ports_that_are_swept_too(lab_of: LabOf, proto: str) -> None:
    forward = f"-A PREROUTING -p {proto} --dport 119:139 -j DNAT --to-destination {SERVER}:113-133/119"
    lab = lab_of(corridor(server={"services": [f"{proto}/114"]}), gateway=table("nat", forward))
    for sweep in assert_same(lab, "server", f"{proto}/80-139").values():
        assert [port for port, _, group in sweep.ranges() if group.verdict.kind is Kind.ALLOWED] == [114, 120]
        assert sweep.of(134).arrived == Arrived("server", port=128)


@GEARS
def test_all_ports_led_onto_one(lab_of: LabOf, gear: Gear) -> None:
    lab = lab_of(corridor(), gateway=table("nat", f"-A PREROUTING -p tcp -j DNAT --to-destination {SERVER}:8443"))
    sweep = lab.sweep("client", NEAR, gear=gear, every_port=True)
    assert {group.verdict.kind for group in sweep.groups} == {Kind.CLOSED}
    assert sweep.of(1).arrived == Arrived("server", SERVER, 8443)
    assert (sweep.of(1).count, sweep.of(8443).count, sweep.lost) == (65534, 1, 0)


@GEARS
def test_rules_that_read_source_ports_beside_a_translation(lab_of: LabOf, gear: Gear) -> None:
    """Every packet keeps the source port then, and is sent when the flow of the one before is forgotten."""
    forward = f"-A PREROUTING -p tcp --dport 100:199 -j DNAT --to-destination {SERVER}:443"
    odd = "-A FORWARD -p tcp -m tcp --sport 40000:65535 -j DROP"
    lab = lab_of(corridor(), gateway=table("nat", forward) + table("filter", ESTABLISHED, odd))
    sweep = lab.sweep("client", NEAR, "tcp/50-249", gear=gear, every_port=True)
    assert [(group.keys, group.verdict.kind) for group in sweep.groups] == [
        (((50, 99), (200, 249)), Kind.CLOSED), (((100, 199),), Kind.CLOSED),
    ]  # fmt: skip
    assert sweep.of(150).arrived == Arrived("server", SERVER, 443)


@GEARS
def test_a_piece_that_is_sent_again_meets_no_flow_of_its_first_sending(
    lab_of: LabOf, gear: Gear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first gateway knows of a flow that the second one denied, and would know the packet sent again by its mark."""
    known = ("-A FORWARD -j CONNMARK --restore-mark", "-A FORWARD -m mark --mark 1 -j DROP")
    first = table("mangle", *known, "-A FORWARD -j CONNMARK --set-mark 1")
    lab = lab_of(two_gateways(), gateway=first, second=table("filter", FORWARD="DROP"))
    told = iter([False, True])
    overflowed = Catch.overflowed
    monkeypatch.setattr(Catch, "overflowed", lambda catch: next(told, False) or overflowed(catch))
    sweep = lab.sweep("client", "server", "tcp/100-300", gear=gear, at="gateway", every_port=True)
    assert sweep.repeats
    assert [(group.verdict.kind, group.verdict.node) for group in sweep.groups] == [(Kind.DROPPED, "second")]


@GEARS
def test_policies_outside_the_filter_table(lab_of: LabOf, gear: Gear) -> None:
    """A policy has no counter: which of two at one hook dropped a packet only its trace tells."""
    hashed = "-A PREROUTING -p tcp -j HMARK --hmark-tuple dport --hmark-mod 2 --hmark-offset 1 --hmark-rnd 0xfeed"
    mangle = table("mangle", hashed, "-A FORWARD -m mark --mark 1 -j ACCEPT", FORWARD="DROP")
    lab = lab_of(corridor(), gateway=mangle + table("filter", FORWARD="DROP"))
    sweep = lab.sweep("client", "server", "tcp/100-400", gear=gear, every_port=True)
    for port in (100, 101, 102, 250, 400):
        assert sweep.of(port).verdict.kind is Kind.DROPPED
        if gear is Gear.RULE:
            assert sweep.of(port).verdict.rule == lab.probe("client", "server", f"tcp/{port}").rule


@GEARS
def test_a_rejection_whose_answer_finds_no_way_back(lab_of: LabOf, gear: Gear) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -p udp -j REJECT"))
    (group,) = lab.sweep("client", "server", "udp/100-300", source="203.0.113.9", gear=gear, every_port=True).groups
    assert (group.verdict.kind, group.verdict.muted) == (Kind.REJECTED, True)
    assert group.verdict.rule is not None
