"""What the kernel drops outside of rules is told in words, with what would change it; where it does not say why, too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.lab import Lab
from lab.record.verdict import Kind, Verdict
from lab.run.after.why import hints
from lab.written.cell import Expectation
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, SERVER, corridor, table

pytestmark = pytest.mark.kernel

STRANGE = "10.66.0.9"
UNTOLD = "this kernel does not tell"


def told(lab: Lab, verdict: Verdict, at: str = "gateway") -> str:
    """All that is said of why it did not pass."""
    return "\n".join(map(str, hints(lab, verdict, Expectation("allow"), at)))


def untold(verdict: Verdict) -> Verdict:
    """The same verdict where the kernel gave no reason."""
    return replace(verdict, observation=replace(verdict.observation, reasons=()))


def both_ways(lab: Lab, verdict: Verdict, words: str) -> None:
    """The kernel's reason, or routes and sysctls alone, lead to the same words, and the latter say so."""
    assert verdict.kind is Kind.UNROUTED, verdict.proof
    assert words in told(lab, untold(verdict))
    assert UNTOLD in told(lab, untold(verdict))
    if verdict.observation.reasons:
        assert words in told(lab, verdict)
        assert UNTOLD not in told(lab, verdict)


def test_the_reverse_path(lab_of: LabOf) -> None:
    gateway = {"sysctls": {"net.ipv4.conf.left.rp_filter": 1}, "routes": [f"{STRANGE}/32 via {SERVER}"]}
    lab = lab_of(corridor(gateway=gateway), gateway=table("filter"))
    verdict = lab.probe("client", "server", "tcp/443", source=STRANGE)
    both_ways(lab, verdict, f"gateway would send to {STRANGE} by right, and the packet came in by left")
    assert "`net.ipv4.conf.left.rp_filter: 2`" in told(lab, verdict)


def test_the_reverse_path_without_any_route(lab_of: LabOf) -> None:
    lab = lab_of(corridor(gateway={"sysctls": {"net.ipv4.conf.all.rp_filter": 2}}), gateway=table("filter"))
    verdict = lab.probe("client", "server", "tcp/443", source=STRANGE)
    both_ways(lab, verdict, f"gateway has no route to {STRANGE}, and the packet came in by left")


def test_the_reverse_path_does_not_look_at_marks(lab_of: LabOf) -> None:
    gateway = {
        "sysctls": {"net.ipv4.conf.all.rp_filter": 1}, "rules": ["fwmark 7 lookup 77"],
        "routes": [f"{STRANGE}/32 via {SERVER}", f"{STRANGE}/32 via {CLIENT} table 77"],
    }  # fmt: skip
    mark = table("mangle", "-A PREROUTING -i left -j MARK --set-mark 7")
    lab = lab_of(corridor(gateway=gateway), gateway=mark)
    verdict = lab.probe("client", "server", "tcp/443", source=STRANGE)
    both_ways(lab, verdict, "with its mark 0x7 the way would be by left, but net.ipv4.conf.all.src_valid_mark is 0")


def test_no_route(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    verdict = lab.probe("client", "198.18.0.1", "tcp/443")
    words = "gateway has no route to 198.18.0.1 (Network is unreachable)"
    assert words in told(lab, verdict)
    assert UNTOLD not in told(lab, verdict), "its error has told the sender"
    unheard = replace(verdict, observation=replace(verdict.observation, refusal=None))
    both_ways(lab, unheard, words)


def test_who_does_not_forward(lab_of: LabOf) -> None:
    lab = lab_of(corridor(gateway={"forwards": False}), gateway=table("filter"))
    verdict = lab.probe("client", "server", "tcp/443")
    assert verdict.kind is Kind.UNROUTED, verdict.proof
    assert "gateway does not forward: net.ipv4.ip_forward is 0" in told(lab, untold(verdict))


def test_a_server_that_is_led_back_to_itself(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("nat", f"-A PREROUTING -p tcp -j DNAT --to-destination {SERVER}"))
    verdict = lab.probe("server", "gateway@right", "tcp/443")
    words = told(lab, verdict)
    assert f"server takes in no packet whose source is its own address {SERVER}" in words
    assert "gateway nat:PREROUTING:1 led it back to where it came from" in words


def test_the_loopback_is_not_for_networks(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("nat", "-A PREROUTING -p tcp -j DNAT --to-destination 127.0.0.1"))
    verdict = lab.probe("client", "gateway@left", "tcp/443")
    both_ways(lab, verdict, "gateway takes in nothing from a network for 127.0.0.1: route_localnet is 0")


def test_a_rule_that_asks_for_the_route(lab_of: LabOf) -> None:
    gateway = {"routes": [f"{STRANGE}/32 via {SERVER}"]}
    lab = lab_of(corridor(gateway=gateway), gateway=table("raw", "-A PREROUTING -m rpfilter --invert -j DROP"))
    verdict = lab.probe("client", "server", "tcp/443", source=STRANGE)
    assert verdict.kind is Kind.DROPPED, verdict.proof
    words = f"gateway would send to {STRANGE} by right, and the packet came in by left, which gateway raw:PREROUTING:1 drops"
    assert words in told(lab, verdict)


def test_none_of_it_is_said_of_what_a_rule_dropped(lab_of: LabOf) -> None:
    gateway = {"sysctls": {"net.ipv4.conf.all.rp_filter": 1}}
    lab = lab_of(corridor(gateway=gateway), gateway=table("filter", "-A FORWARD -j DROP"))
    verdict = lab.probe("client", "server", "tcp/443")
    words = told(lab, verdict)
    assert "route" not in words
    assert "rp_filter" not in words
