"""A data connection that no session announced."""

from __future__ import annotations

import pytest

from lab.record.packet import Packet
from lab.record.verdict import Kind
from lab.ruleset.held import Chains
from lab.ruleset.held_save import chains_of_save
from lab.ruleset.save import read_save
from lab.why.helpers import helpers
from tests.unit.verdict.made import SYN, dropped, observed, rule, verdict
from tests.unit.why.made import case

ASSIGNS = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp\nCOMMIT\n"
LETS = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n"
OTHER = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT\n"
COMMENT = '*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m comment --comment "-j CT --helper ftp" -j ACCEPT\nCOMMIT\n'
DATA = SYN._replace(dport=40021)


def told(text: str, sent: Packet = DATA, action: str = "allow") -> str:
    held: Chains = chains_of_save("ip", read_save(text))
    by = rule(target="DROP", number=None)
    failed = verdict(Kind.DROPPED, rule=by, observation=observed(dropped(by, entry=sent), sent=sent))
    return "\n".join(map(str, helpers(case(failed, action, held={"gateway": held}))))


def test_a_packet_alone_is_of_no_session() -> None:
    words = told(ASSIGNS + LETS)
    assert "gateway filter:FORWARD:1 accepts RELATED" in words
    assert "the helper ftp of a session expects (gateway raw:PREROUTING:1); this packet is of no session" in words


@pytest.mark.parametrize("text", [LETS, ASSIGNS + OTHER, COMMENT + LETS])
def test_without_a_helper_or_a_rule_for_what_it_expects_nothing_is_said(text: str) -> None:
    assert told(text) == ""


def test_a_service_s_own_port_is_no_data_connection() -> None:
    assert told(ASSIGNS + LETS, SYN._replace(dport=22)) == ""
    assert told(ASSIGNS + LETS, action="drop") == ""


def test_a_session_is_asked_for_as_such() -> None:
    assert "ask for a whole session: `service: ftp/passive`" in told(ASSIGNS + LETS)
    assert "ask for a whole session" not in told(ASSIGNS.replace("ftp", "sip") + LETS)


def test_what_comes_from_the_port_of_data_is_of_a_session_that_has_no_helper() -> None:
    words = told(LETS, DATA._replace(sport=20))
    assert "it comes from port 20" in words
    assert "iptables -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp" in words
    assert "`service: ftp/active`, from the client" in words
    assert told(OTHER, DATA._replace(sport=20)) == ""
    assert told(LETS, DATA._replace(sport=21)) == ""
