"""The rule that a row names, where another decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.path import End
from lab.why.case import Case
from lab.why.named_rule import log_rule, named_rule
from lab.why.why import why
from lab.written.cell import Expectation
from lab.written.expect.logged import LoggedSpec
from tests.unit.verdict.made import SYN
from tests.unit.why.walks import failed, saved, table, told, way

CHAINS = saved(table(
    "-A FORWARD -i wan -p tcp -m tcp --dport 80 -m comment --comment web -j ACCEPT",
    "-A FORWARD -p tcp -m connmark --mark 0x1 -m comment --comment marked -j ACCEPT",
    "-A FORWARD -p tcp -j ACCEPT",
    "-A FORWARD -p udp -m comment --comment names -j ACCEPT",
    "-A INPUT -j OWN",
    "-A OWN -p tcp -m comment --comment own -j ACCEPT",
))  # fmt: skip


def named(rule: str, action: str = "allow") -> Case:
    case = failed(CHAINS, way(CHAINS, "filter:FORWARD:3 accept", end=End.LEFT, exit=SYN), action=action)
    return replace(case, expect=Expectation(action, None, {"rule": rule}))


def test_all_that_it_wants() -> None:
    (hint,) = told(named_rule, named("web"))
    assert hint == (
        "gateway filter:FORWARD:1 (web) (`-A FORWARD -i wan -p tcp -m tcp --dport 80 -j ACCEPT`) did not match: it wants "
        "`-i wan`, and it came by lan; `--dport 80`, and its port is 443"
    )
    assert hint in map(str, why(named("web")))


def test_what_is_not_understood_did_not_match_all_the_same() -> None:
    (hint,) = told(named_rule, named("filter:FORWARD:2"))
    assert hint.endswith("did not match")


def test_one_thing_that_it_has_not_is_enough_whatever_else_a_rule_remembers() -> None:
    chains = saved(table("-A FORWARD -p udp -m limit --limit 5/sec -m comment --comment slow -j ACCEPT", "-A FORWARD -j DROP"))
    case = failed(chains, way(chains, "filter:FORWARD:2 drop"))
    (hint,) = told(named_rule, replace(case, expect=Expectation("allow", None, {"rule": "slow"})))
    assert hint.endswith("did not match: it wants `-p udp`, and it is tcp")


LISTED = "-A FORWARD -m recent --update --seconds 60 {} --name ssh --rsource -m comment --comment fast -j DROP"
PUTS = "-A FORWARD -m recent --set --name {} --rsource -j ACCEPT"


@pytest.mark.parametrize(("asks", "puts", "why"), [
    ("--hitcount 4", "ssh",
     "it wants 4 of this source in the list ssh by then; what a rule behind it puts there is none of them yet"),
    ("", "ssh", "the source is not in the list ssh by then"),
    ("--hitcount 4", "other", "no rule puts a source into the list ssh that it asks (`-m recent --name ssh --set`)"),
])  # fmt: skip
def test_a_list_that_it_asks_for(asks: str, puts: str, why: str) -> None:
    chains = saved(table(LISTED.format(asks), PUTS.format(puts)))
    case = failed(chains, way(chains, "filter:FORWARD:2 accept", end=End.LEFT, exit=SYN), action="drop")
    (hint,) = told(named_rule, replace(case, expect=Expectation("drop", None, {"rule": "fast"})))
    assert hint.endswith(f"did not match: {why}")


def test_a_rule_that_it_did_not_come_to() -> None:
    (behind,) = told(named_rule, named("names"))
    assert behind.endswith("was not asked: it stands after filter:FORWARD:3, which decided")
    (elsewhere,) = told(named_rule, named("own"))
    assert elsewhere.endswith("was not asked: it is in INPUT, and this packet went through FORWARD")


def test_a_chain_of_the_same_hook_that_it_was_not_sent_to() -> None:
    chains = saved(table("-A FORWARD -i wan -j SIDE", "-A SIDE -p tcp -m comment --comment side -j ACCEPT"))
    case = failed(chains, way(chains, "filter:FORWARD:policy drop"))
    assert told(named_rule, replace(case, expect=Expectation("allow", None, {"rule": "side"}))) == []


def test_nothing_of_what_decided_or_is_not_there() -> None:
    assert told(named_rule, named("filter:FORWARD:3")) == []
    assert told(named_rule, named("nobody")) == ["no rule of gateway is called nobody: by a comment, or as `filter:FORWARD:3`"]
    assert told(named_rule, replace(named("web"), expect=Expectation("allow"))) == []
    twice = saved(table(*(f"-A FORWARD -s 10.0.9.{host}/32 -m comment --comment web -j ACCEPT" for host in (1, 2))))
    case = failed(twice, way(twice, "filter:FORWARD:policy drop"))
    assert told(named_rule, replace(case, expect=Expectation("allow", None, {"rule": "web"}))) == []


def logged(prefix: str) -> list[str]:
    chains = saved(table(
        '-A FORWARD -i wan -j LOG --log-prefix "wan "', "-A FORWARD -j DROP", '-A FORWARD -j LOG --log-prefix "rest "',
        '-A INPUT -j LOG --log-prefix "own "',
    ))  # fmt: skip
    case = failed(chains, way(chains, "filter:FORWARD:2 drop"), action="drop")
    return told(log_rule, replace(case, expect=Expectation("drop", None, {"logged": LoggedSpec(prefix=prefix)})))


def test_the_rule_that_logs_as_the_row_says() -> None:
    (behind,), (missed,), (elsewhere,), (none,) = (logged(prefix) for prefix in ("rest ", "wan ", "own ", "rest"))
    assert behind.endswith("was not asked: it stands after filter:FORWARD:2, which decided")
    assert missed.endswith("did not match: it wants `-i wan`, and it came by lan")
    assert elsewhere.endswith("it is in INPUT, and this packet went through FORWARD")
    assert none == "no rule of gateway logs with 'rest'; there are 'wan ', 'rest ', 'own '"


def test_what_logged_is_no_cause() -> None:
    chains = saved(table('-A FORWARD -j LOG --log-prefix "rest "', "-A FORWARD -j DROP"))
    case = failed(chains, way(chains, "filter:FORWARD:1 continue", "filter:FORWARD:2 drop"), action="drop")
    assert told(log_rule, replace(case, expect=Expectation("drop", None, {"logged": LoggedSpec(prefix="rest ")}))) == []


def test_of_two_rules_that_log_alike_none_is_meant() -> None:
    chains = saved(table("-A FORWARD -j DROP", *('-A FORWARD -j LOG --log-prefix "rest "',) * 2))
    case = failed(chains, way(chains, "filter:FORWARD:1 drop"), action="drop")
    assert told(log_rule, replace(case, expect=Expectation("drop", None, {"logged": LoggedSpec(prefix="rest ")}))) == []
