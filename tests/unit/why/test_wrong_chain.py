"""Accepted at a hook that the packet did not come to."""

from __future__ import annotations

import pytest

from lab.why.denied import denied
from lab.why.wrong_chain import in_the_wrong_chain
from tests.unit.verdict.made import SYN
from tests.unit.why.walks import failed, listing, saved, table, told, way

TURNED = SYN._replace(destination="10.0.2.20", dport=8443)
OWN = SYN._replace(destination="10.0.1.1")
DNAT = table("-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.20:8443", name="nat", policies="ACCEPT")


@pytest.mark.parametrize("port", [443, 8443])
def test_input_accepts_what_was_translated(port: int) -> None:
    chains = saved(DNAT + table(f"-A INPUT -p tcp -m tcp --dport {port} -j ACCEPT", "-A FORWARD -p udp -j ACCEPT"))
    path = way(
        chains, "nat:PREROUTING:1 accept", "filter:FORWARD:policy drop", entry=OWN, heads=((1, TURNED),),
    )  # fmt: skip
    (hint,) = told(in_the_wrong_chain, failed(chains, path))
    assert hint == (
        f"gateway filter:INPUT:1 (`-A INPUT -p tcp -m tcp --dport {port} -j ACCEPT`) would accept it, but is in INPUT; this "
        "packet was translated to 10.0.2.20:8443 by nat:PREROUTING:1 and went through FORWARD: accept it in FORWARD, "
        "`-d 10.0.2.20 -p tcp --dport 8443`"
    )
    assert told(denied, failed(chains, path)) == [hint]
    assert told(in_the_wrong_chain, failed(chains, path, action="drop")) == []


def test_input_accepts_what_is_for_another_host() -> None:
    chains = saved(table(
        "-A INPUT -j LAN", "-A LAN -d 10.0.2.10/32 -p tcp -m tcp --dport 443 -j ACCEPT", "-A FORWARD -p udp -j ACCEPT",
    ))  # fmt: skip
    (hint,) = told(in_the_wrong_chain, failed(chains, way(chains, "filter:FORWARD:policy drop")))
    assert "gateway filter:LAN:1" in hint
    assert "would accept it, sent there by filter:INPUT:1, but is in INPUT; this packet went through FORWARD" in hint


def test_forward_accepts_what_is_for_the_node_itself() -> None:
    chains = listing(
        "fwd type filter hook forward priority 0; policy drop;\ntcp dport 443 accept",
        "inp type filter hook input priority 0; policy drop;\ntcp dport 22 accept",
    )
    path = way(chains, "inet/t:inp:policy drop", entry=OWN, toward=None)
    (hint,) = told(in_the_wrong_chain, failed(chains, path))
    assert "is in FORWARD; this packet went through INPUT: accept it in INPUT" in hint


@pytest.mark.parametrize("rule", [
    "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT",  # the gateway's own
    "-A INPUT -d 10.0.2.10/32 -p tcp -m tcp --dport 443 -j DROP",
    "-A INPUT -d 10.0.2.0/24 -j ACCEPT", "-A INPUT -j ACCEPT", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
    "-A INPUT -m connmark --mark 0x1 -j DROP\n-A INPUT -d 10.0.2.10/32 -p tcp -m tcp --dport 443 -j ACCEPT",
    "-A INPUT -s 10.0.1.0/24 -j DROP\n-A INPUT -d 10.0.2.10/32 -p tcp -m tcp --dport 443 -j ACCEPT",
])  # fmt: skip
def test_what_means_another_packet_or_may_be_denied_before(rule: str) -> None:
    chains = saved(table(*rule.split("\n"), "-A FORWARD -p udp -j ACCEPT"))
    assert told(in_the_wrong_chain, failed(chains, way(chains, "filter:FORWARD:policy drop"))) == []
