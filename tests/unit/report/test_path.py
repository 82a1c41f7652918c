from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step
from lab.report.path import deed, describe_path, translations
from tests.unit.report import make


def test_the_way_through_two_nodes() -> None:
    entered = replace(make.ALLOWED_PATH, out="dmz")
    arrived = Path("web", make.TRANSLATED, (), End.DELIVERED)
    assert describe_path([entered, arrived]) == [
        "gateway: in tcp 192.0.2.7:40000 > 198.51.100.1:443",
        '  prerouting  nat PREROUTING:2 "dnat-web" DNAT  [policies/edge.rules.j2:31]',
        "                -A PREROUTING -d 198.51.100.1/32 -p tcp -m tcp --dport 443 -j DNAT",
        "  forward     filter FORWARD:3 jump from-wan  [policies/edge.rules.j2:44]",
        "                -A FORWARD -j from-wan",
        '                filter from-wan:1 "publish-web" accept  [policies/edge.rules.j2:52]',
        "                  -A from-wan -p tcp -m tcp --dport 8443 -m comment --comment publish-web -j ACCEPT",
        '  translated: destination 198.51.100.1:443 -> 10.0.2.10:8443 by nat:PREROUTING:2 "dnat-web"',
        "gateway: out tcp 192.0.2.7:40000 > 10.0.2.10:8443 via dmz",
        "web: in tcp 192.0.2.7:40000 > 10.0.2.10:8443",
        "web: delivered to the node itself",
    ]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (End.QUEUED, "handed to a user-space queue"),
        (End.VANISHED, "it came in, did not leave, and no rule dropped it"),
        (End.DROPPED, "dropped by filter:FORWARD policy"),
    ],
)
def test_each_end_has_its_words(end: End, words: str) -> None:
    assert words in describe_path([replace(make.DROPPED_PATH, end=end)])[-1]


def test_source_translation_is_named_by_its_rule() -> None:
    masquerade = Rule("gateway", "nat", "POSTROUTING", 1, "-A POSTROUTING -j MASQUERADE", translates="source")
    step = Step("postrouting", "nat", "POSTROUTING", masquerade, "accept", "nat")
    path = Path("gateway", make.SYN, (step,), End.LEFT, make.SYN._replace(source="198.51.100.1", sport=1024))
    assert translations(path) == ["translated: source 192.0.2.7:40000 -> 198.51.100.1:1024 by nat:POSTROUTING:1"]


def test_a_translation_without_a_rule_is_conntracks() -> None:
    path = Path("gateway", make.ANSWER, (), End.LEFT, make.ANSWER._replace(source="198.51.100.1", sport=443))
    (line,) = translations(path)
    assert line.startswith("translated: source 10.0.2.10:8443 -> 198.51.100.1:443 by conntrack")


def test_no_translation_no_line() -> None:
    assert translations(replace(make.ALLOWED_PATH, steps=(), exit=make.SYN)) == []


def test_an_echo_has_no_ports() -> None:
    echo = Packet(family=4, proto=1, source="10.0.1.10", sport=7, destination="198.51.100.1", dport=1, flags=8)
    path = Path("gateway", echo, (), End.LEFT, echo._replace(source="198.51.100.1"))
    (line,) = translations(path)
    assert line.startswith("translated: source 10.0.1.10 -> 198.51.100.1 by")


def test_after_a_return_the_caller_goes_on_at_its_own_depth() -> None:
    lines = describe_path([make.DROPPED_PATH])
    inner = next(line for line in lines if "end of chain" in line)
    policy = next(line for line in lines if "FORWARD policy drop" in line)
    assert inner.index("filter") == policy.index("filter") + 2


def of(target: str | None, **changes: Any) -> Rule:
    return Rule("gateway", "filter", "FORWARD", 7, "-A FORWARD -j …", target=target, **changes)


@pytest.mark.parametrize(
    ("rule", "verdict", "words"),
    [
        (of("REJECT", rejects="tcp-reset"), "drop", "REJECT"),
        (of("reject", rejects="tcp-reset"), "drop", "reject"),
        (of("DNAT", translates="destination"), "accept", "DNAT"),
        (of("masquerade", translates="source"), "accept", "masquerade"),
        (of("LOG", log_prefix="x"), "continue", "LOG"),
        (of("log", log_prefix="x"), "continue", "log"),
        (of("MARK"), "continue", "MARK"),
        (of("NFQUEUE", queue="3"), "queue", "NFQUEUE 3"),
        (of("queue", queue="0-3"), "queue", "queue 0-3"),
        (of("TPROXY"), "drop", "TPROXY, drop"),
        (of("ACCEPT"), "accept", "accept"),
        (of("DROP"), "drop", "drop"),
        (of("from-wan"), "jump from-wan", "jump from-wan"),
        (of("vmap"), "accept", "accept"),
        (of(None), "continue", "continue"),
        (of("RETURN"), "return", "return"),
        (None, "continue", "continue"),
    ],
)
def test_a_rule_is_called_what_its_tool_calls_it(rule: Rule | None, verdict: str, words: str) -> None:
    assert deed(Step("forward", "filter", "FORWARD", rule, verdict)) == words


def test_the_queue_that_a_packet_was_handed_to_is_named() -> None:
    steps = (Step("forward", "filter", "FORWARD", of("NFQUEUE", queue="3"), "queue"),)
    queued = replace(make.DROPPED_PATH, steps=steps, end=End.QUEUED)
    assert describe_path([queued])[-1] == "gateway: handed to queue 3, and gone"


def test_a_packet_that_was_rejected_was_not_dropped() -> None:
    steps = (Step("forward", "filter", "FORWARD", of("REJECT", rejects="tcp-reset"), "drop"),)
    assert describe_path([replace(make.DROPPED_PATH, steps=steps)])[-1] == "gateway: rejected by filter:FORWARD:7"


def test_the_translation_of_a_packet_that_did_not_leave_is_told_from_its_later_headers() -> None:
    path = replace(make.DROPPED_PATH, heads=((1, make.TRANSLATED),))
    (line,) = translations(path)
    assert line == 'translated: destination 198.51.100.1:443 -> 10.0.2.10:8443 by nat:PREROUTING:2 "dnat-web"'


@pytest.mark.parametrize(("word", "deeds"), [("accept", "NFQUEUE 2 accept"), ("drop", "NFQUEUE 2 drop")])
def test_what_the_reader_of_a_queue_said(word: str, deeds: str) -> None:
    hands = Rule("gateway", "filter", "FORWARD", 1, "-A FORWARD -j NFQUEUE", target="NFQUEUE", queue="0-3")
    step = Step("forward", "filter", "FORWARD", hands, f"queue 2 {word}")
    assert deed(step) == deeds
    dropped = Path("gateway", make.TRANSLATED, (step,), End.DROPPED)
    assert describe_path([dropped])[-1] == "gateway: dropped by the reader of queue 2, handed over by filter:FORWARD:1"
