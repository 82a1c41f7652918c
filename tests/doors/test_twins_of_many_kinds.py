"""What owners ask of hosts of their kinds, of which nothing but the rules is known."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.doors.project import Project

pytestmark = pytest.mark.kernel

GATEWAY = """\
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:shop - [0:0]
-A PREROUTING -i tun0 -p tcp --dport 443 -j DNAT --to-destination 10.7.2.10
-A PREROUTING -i eth9 -p tcp --dport 80 -j shop
-A POSTROUTING -o eth9 -j MASQUERADE
-A shop -p tcp -m statistic --mode random --probability 0.5 -j DNAT --to-destination 10.7.2.10:8080
-A shop -p tcp -j DNAT --to-destination 10.7.2.11:8080
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
-A INPUT -s 198.51.100.77/32 -i eth9 -p tcp --dport 22 -j ACCEPT
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -i tun0 -o tun0 -j REJECT
-A FORWARD -s 10.8.0.0/24 -i tun0 -j ACCEPT
-A FORWARD -d 10.7.2.0/24 -i eth9 -o dmz -p tcp --dport 8080 -j ACCEPT
COMMIT
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Project:
    """A folder with the rules of a gateway with a tunnel."""
    project = Project(tmp_path)
    for folder in ("topologies", "policies", "matrices"):
        shutil.rmtree(project.folder / folder)
    project.write("gw.rules", GATEWAY)
    return project


def test_a_sweep_knows_the_words_of_a_twin(gateway: Project) -> None:
    done = gateway.lab("sweep", "198.51.100.77", "self", "tcp/20-25", "--twin", "gw.rules").ended(0)
    head, *others = done.out.splitlines()
    assert head == "198.51.100.77 > gw@eth9 tcp/20-25"
    assert "closed   gw filter:INPUT:1" in done.out
    assert any(line.startswith("note: guessed: eth9: the uplink (what leaves there is translated)") for line in others)


def test_the_host_itself_is_asked_by_its_address_on_the_side_of_who_asks(gateway: Project) -> None:
    done = gateway.lab("trace", "198.51.100.77", "self", "tcp/22", "--twin", "gw.rules").ended(0)
    assert "verdict     allowed" in done.out
    assert " > 203.0.113.2:22" in done.out, "not by the tunnel's, which rules name first"
    inside = gateway.lab("trace", "@tun0", "self", "tcp/22", "--twin", "gw.rules").ended(0)
    assert " > 10.8.0.1:22" in inside.out


def test_of_two_who_are_behind_one_interface_nothing_false_is_said(gateway: Project) -> None:
    asked = gateway.lab("trace", "10.8.0.7", "10.8.0.9", "tcp/22", "--twin", "gw.rules").ended(2)
    assert "10.8.0.7 and 10.8.0.9 are both behind tun0 of gw" in asked.err
    assert "`lab reach` says what gw does with those that are sent to it" in asked.err
    reached = gateway.lab("reach", "--service", "tcp/22", "--twin", "gw.rules").ended(0)
    assert "gw filter:FORWARD:3" in reached.out


def test_ports_that_chance_decides_do_not_make_all_others_slow(gateway: Project) -> None:
    done = gateway.lab("exposure", "--twin", "gw.rules", "--from", "@eth9").ended(3)
    assert "0 of them with a packet for each port" in done.out
    assert "closed this time, but gw nat:shop:1" in done.out
    assert "decides by chance" in done.out
