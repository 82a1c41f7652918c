"""Rules that were to stop what passed, and why it did not meet them."""

from __future__ import annotations

import pytest

from lab.record.path import End
from lab.why.meant_to_stop import meant_to_stop
from tests.unit.verdict.made import SYN
from tests.unit.why.walks import failed, listing, saved, table, told, way

TURNED = SYN._replace(destination="10.0.2.20", dport=8443)
DNAT = table("-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.20:8443", name="nat", policies="ACCEPT")


def test_a_deny_behind_the_accept() -> None:
    chains = listing(
        'input type filter hook forward priority 0; policy drop;\ntcp dport 443 accept\niifname "lan" jump from_lan',
        'from_lan\nip saddr 10.0.1.10 tcp dport 443 drop comment "ban"',
    )  # fmt: skip
    path = way(chains, "inet/t:input:1 accept", end=End.LEFT, exit=SYN)
    (hint,) = told(meant_to_stop, failed(chains, path, action="deny"))
    assert hint == (
        "gateway inet t:from_lan:1 (ban) (`ip saddr 10.0.1.10 tcp dport 443 drop`) would drop it, sent there by inet "
        "t:input:2, but stands after inet t:input:1, which accepted it: put a rule like it before inet t:input:1"
    )
    assert told(meant_to_stop, failed(chains, path)) == []


@pytest.mark.parametrize("behind", [
    "-A FORWARD -j DROP", "-A FORWARD -i lan -j REJECT", "-A FORWARD -s 10.0.9.0/24 -j DROP",
    "-A FORWARD -s 10.0.1.10/32 -m connmark --mark 0x1 -j DROP",
])  # fmt: skip
def test_what_denies_all_that_is_left_or_may_not_match(behind: str) -> None:
    chains = saved(table("-A FORWARD -p tcp -j ACCEPT", behind))
    path = way(chains, "filter:FORWARD:1 accept", end=End.LEFT, exit=SYN)
    assert told(meant_to_stop, failed(chains, path, action="drop")) == []


def test_a_ban_on_the_port_before_the_translation() -> None:
    chains = saved(DNAT + table(
        "-A FORWARD -p tcp -m multiport --dports 80,443 -j BANS", "-A FORWARD -j ACCEPT", "-A BANS -s 10.0.1.10/32 -j REJECT",
    ))  # fmt: skip
    path = way(
        chains, "nat:PREROUTING:1 accept", "filter:FORWARD:2 accept", end=End.LEFT, exit=TURNED, heads=((1, TURNED),),
    )  # fmt: skip
    (hint,) = told(meant_to_stop, failed(chains, path, action="deny"))
    assert "FORWARD:1" in hint
    assert "would send it to BANS, where filter:BANS:1 would reject it, but wants `--dports 80,443`" in hint
    assert "which nat:PREROUTING:1 made 8443" in hint


def test_a_list_of_what_is_shut_out_is_none_of_it() -> None:
    rules = [f"-A FORWARD -s 10.0.9.{host}/32 -p tcp -m tcp --dport 443 -j DROP" for host in range(1, 6)]
    ports = ["-A FORWARD -p tcp -m tcp --dport 23 -j DROP", "-A FORWARD -d 10.0.2.10/32 -p tcp -m tcp --dport 25 -j DROP"]
    chains = saved(table(*rules, *ports, policies="ACCEPT"))
    path = way(chains, "filter:FORWARD:policy accept", end=End.LEFT, exit=SYN)
    assert told(meant_to_stop, failed(chains, path, action="deny")) == []


def test_a_deny_for_another_interface() -> None:
    chains = saved(table("-A FORWARD -i wan -p tcp -m tcp --dport 443 -j DROP", policies="ACCEPT"))
    path = way(chains, "filter:FORWARD:policy accept", end=End.LEFT, exit=SYN)
    (hint,) = told(meant_to_stop, failed(chains, path, action="deny"))
    assert hint.endswith("would drop it, but wants `-i wan`, and it came by lan")


def test_a_deny_at_a_hook_that_it_did_not_come_to() -> None:
    chains = saved(table(
        "-A FORWARD -j USERS", "-A INPUT -p udp -j ACCEPT", "-A USERS -s 10.0.1.10/32 -j REJECT", policies="ACCEPT",
    ))  # fmt: skip
    here = SYN._replace(destination="10.0.1.1", dport=22)
    path = way(chains, "filter:INPUT:policy accept", entry=here, end=End.DELIVERED, exit=here)
    (hint,) = told(meant_to_stop, failed(chains, path, action="deny"))
    assert hint == (
        "gateway filter:USERS:1 (`-A USERS -s 10.0.1.10/32 -j REJECT`) would reject it, sent there by filter:FORWARD:1, "
        "but is in FORWARD; this packet went through INPUT: deny it in INPUT"
    )


def test_a_deny_of_input_and_a_packet_that_was_translated() -> None:
    chains = saved(DNAT + table("-A INPUT -p tcp -m tcp --dport 443 -j DROP", "-A FORWARD -i lan -j ACCEPT", policies="ACCEPT"))
    path = way(
        chains, "nat:PREROUTING:1 accept", "filter:FORWARD:1 accept", end=End.LEFT, exit=TURNED, heads=((1, TURNED),),
    )  # fmt: skip
    (hint,) = told(meant_to_stop, failed(chains, path, action="deny"))
    assert hint.endswith(
        "would drop it, but is in INPUT; this packet was translated to 10.0.2.20:8443 by nat:PREROUTING:1 and went through "
        "FORWARD: deny it in FORWARD, where its port is 8443; `-m conntrack --ctorigdstport 443` asks for the one before"
    )


def test_the_policy_of_input_and_a_packet_that_was_translated() -> None:
    inside = ("-A INPUT -i lo -j ACCEPT", "-A INPUT -m limit --limit 3/min -j LOG", "-A INPUT -p udp -j ACCEPT")
    chains = saved(DNAT + table(*inside) + "*mangle\n:FORWARD ACCEPT [0:0]\nCOMMIT\n")
    steps = ("nat:PREROUTING:1 accept", "mangle:FORWARD:policy accept")
    path = way(chains, *steps, end=End.LEFT, exit=TURNED, heads=((1, TURNED),))
    (hint,) = told(meant_to_stop, failed(chains, path, action="deny"))
    assert hint.startswith(
        "the policy of INPUT would drop it; this packet was translated to 10.0.2.20:8443 by "
        "nat:PREROUTING:1 and went through FORWARD: deny it in FORWARD"
    )
    for open_there in ("-A INPUT -p tcp -j ACCEPT", "-A INPUT -m connmark --mark 0x1 -j ACCEPT", "-A INPUT -j NFQUEUE"):
        other = saved(DNAT + table(*inside, open_there) + "*mangle\n:FORWARD ACCEPT [0:0]\nCOMMIT\n")
        assert told(meant_to_stop, failed(other, path, action="deny")) == []


@pytest.mark.parametrize("there", [
    "-A INPUT -s 10.0.9.0/24 -j DROP", "-A INPUT -i lan -j ACCEPT", "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT",
    "-A INPUT -m connmark --mark 0x1 -j ACCEPT",
    "-A INPUT -i wan -p tcp -m tcp --dport 443 -j DROP",
])  # fmt: skip
def test_what_would_not_have_denied_it_there_either(there: str) -> None:
    ban = "-A INPUT -s 10.0.1.10/32 -j DROP" if "ACCEPT" in there else "-A INPUT -i wan -j DROP"
    chains = saved(table(there, ban, "-A FORWARD -i lan -j ACCEPT", policies="ACCEPT"))
    path = way(chains, "filter:FORWARD:1 accept", end=End.LEFT, exit=SYN)
    assert told(meant_to_stop, failed(chains, path, action="deny")) == []
