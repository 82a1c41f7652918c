"""A session whose data was stopped: the helper that is missing, and the rule that would give it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.observation import Milestone, Observation
from lab.record.packet import Packet
from lab.record.path import Path, Rule
from lab.record.session import Session
from lab.record.verdict import Kind
from lab.ruleset.held import Chains
from lab.ruleset.held_save import chains_of_save
from lab.ruleset.save import read_save
from lab.why.why import why
from tests.unit.verdict.made import SYN, dropped, observed, passed, rule, verdict
from tests.unit.why.made import case

CONTROL = SYN._replace(dport=21)
DATA = SYN._replace(sport=40001, dport=40005)
POLICY = rule(target="DROP", number=None)
HELPER = rule(target="CT", options="-p tcp -m tcp --dport 21", table="raw", chain="PREROUTING")
HELPER = replace(HELPER, text="-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp")
FILTER = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate {} -j ACCEPT\nCOMMIT\n"
LETS, DEAF = FILTER.format("RELATED,ESTABLISHED"), FILTER.format("ESTABLISHED")
ELSEWHERE = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 2121 -j CT --helper ftp\nCOMMIT\n"
MISSING = "the helper ftp is missing: no rule of gateway gives it to the control connection"
MEND = "iptables -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp"


def told(
    text: str, *met: Rule, leaving: Packet | None = None, action: str = "allow", kind: Kind = Kind.DROPPED, refused: str = ""
) -> str:
    held: Chains = chains_of_save("ip", read_save(text))
    way: Path = passed(*met, rule(), entry=CONTROL, leaving=leaving)
    control = observed(way, stage=Milestone.ANSWERED, sent=CONTROL)
    data: Observation = control if refused else observed(dropped(POLICY, entry=DATA), sent=DATA)
    session = Session("ftp/passive", (), None if refused else control, refused)
    failed = verdict(kind, rule=POLICY, observation=replace(data, session=session))
    return "\n".join(map(str, why(case(failed, action, held={"gateway": held}))))


def test_no_rule_gave_it_one() -> None:
    words = told(LETS)
    assert MISSING in words
    assert MEND in words
    assert "--dport 40005" not in words, "a rule for that port would mend nothing"


def test_one_that_did_not_match_is_named() -> None:
    assert "gateway raw:PREROUTING:1 gives one, and this connection did not match it" in told(ELSEWHERE + LETS)


def test_with_one_it_is_missed_no_more() -> None:
    assert MISSING not in told(LETS, HELPER)
    words = told(DEAF, HELPER)
    assert "gives the session its helper, so that its data is RELATED, and no rule of forward at gateway accepts that" in words


def test_what_a_translation_left_untold() -> None:
    behind = CONTROL._replace(source="198.51.100.1")
    words = told(LETS, leaving=behind, kind=Kind.UNANSWERED, refused="PORT was answered 501 foreign address")
    assert f"{MISSING}; gateway translates the connection, and not the addresses that its ends announce" in words
    assert MISSING not in told(LETS, kind=Kind.UNANSWERED, refused="PORT was answered 502 not here"), "nothing was translated"


@pytest.mark.parametrize("action", ["drop", "deny"])
def test_where_it_was_to_be_stopped_nothing_is_missing(action: str) -> None:
    assert MISSING not in told(LETS, action=action)
