"""Translations that catch more than they were meant to."""

from __future__ import annotations

from lab.record.observation import Arrival
from lab.record.path import End
from lab.record.verdict import Kind
from lab.why.translated import catches_too_much, hides_the_source
from tests.unit.verdict.made import SYN
from tests.unit.why.walks import arrives, failed, saved, table, told, way

TURNED = SYN._replace(destination="10.0.2.20", dport=443)
HIDDEN = SYN._replace(source="10.0.2.1")
AT_SERVER = Arrival("server", "10.0.2.10", 443, "10.0.2.1", 40000)


def test_a_translation_of_what_was_for_others() -> None:
    chains = saved(table(
        "-A PREROUTING -j ZONES", "-A ZONES -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.20", name="nat",
    ))  # fmt: skip
    path = way(
        chains, "nat:PREROUTING:1 jump ZONES", "nat:ZONES:1 accept", end=End.LEFT, exit=TURNED, heads=((2, TURNED),),
    )  # fmt: skip
    (hint,) = told(catches_too_much, failed(chains, path, kind=Kind.UNANSWERED))
    assert hint.startswith("it was for 10.0.2.10:443, which is not gateway's own address, and gateway nat:ZONES:1 (`-A ZONES")
    assert "translated it to 10.0.2.20:443: no rule of nat on its way there asks for an interface or a destination" in hint
    assert told(catches_too_much, failed(chains, path, kind=Kind.ALLOWED, action="deny")) == []


def test_a_translation_that_asks_is_none_that_catches_too_much() -> None:
    for asks, led in (("-i lan", ""), ("", "-i lan"), ("-d 10.0.2.0/24", ""), ("-m set --match-set public dst", "")):
        chains = saved(table(
            f"-A PREROUTING {led} -j ZONES", f"-A ZONES {asks} -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.20",
            name="nat",
        ))  # fmt: skip
        path = way(chains, "nat:PREROUTING:1 jump ZONES", "nat:ZONES:1 accept", end=End.LEFT, exit=TURNED)
        assert told(catches_too_much, failed(chains, path, kind=Kind.UNANSWERED)) == []


def test_a_translation_of_what_was_for_the_node_is_meant() -> None:
    chains = saved(table("-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.20", name="nat"))
    own = SYN._replace(destination="10.0.1.1")
    path = way(chains, "nat:PREROUTING:1 accept", entry=own, end=End.LEFT, exit=TURNED)
    assert told(catches_too_much, failed(chains, path, kind=Kind.UNANSWERED)) == []


def test_a_mark_says_where_it_is_from() -> None:
    chains = saved(
        table("-A PREROUTING -p tcp -m tcp --dport 443 -j MARK --set-xmark 0x1/0xffffffff", name="mangle", policies="ACCEPT")
        + table("-A PREROUTING -p tcp -m mark --mark 0x1 -j DNAT --to-destination 10.0.2.20", name="nat")
    )
    path = way(
        chains, "mangle:PREROUTING:1 continue", "mangle:PREROUTING:policy accept", "nat:PREROUTING:1 accept", end=End.LEFT,
        exit=TURNED,
    )  # fmt: skip
    (hint,) = told(catches_too_much, failed(chains, path, kind=Kind.UNANSWERED))
    assert "; its mark is from gateway mangle:PREROUTING:1" in hint


def test_a_source_that_was_to_be_kept() -> None:
    chains = saved(table(
        "-A POSTROUTING -j ZONES", "-A ZONES ! -o lo -j MASQUERADE", name="nat", policies="ACCEPT",
    ))  # fmt: skip
    path = way(chains, "nat:POSTROUTING:1 jump ZONES", "nat:ZONES:1 accept", end=End.LEFT, exit=HIDDEN)
    (hint,) = told(hides_the_source, failed(chains, path, arrived=AT_SERVER, arrives=arrives(**{"from": "kept"})))
    assert hint == (
        "gateway nat:ZONES:1 (`-A ZONES ! -o lo -j MASQUERADE`) translated its source 10.0.1.10 to 10.0.2.1, sent there by "
        "nat:POSTROUTING:1 (`-A POSTROUTING -j ZONES`), and none of them asks for a source: "
        "let it ask for the interface, `-o`, or the source, `-s`, that it is meant for"
    )


def test_both_ends_translated_where_one_was_meant() -> None:
    chains = saved(table(
        "-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.20", "-A POSTROUTING -j MASQUERADE",
        name="nat", policies="ACCEPT",
    ))  # fmt: skip
    both = TURNED._replace(source="10.0.2.1")
    path = way(chains, "nat:PREROUTING:1 accept", "nat:POSTROUTING:1 accept", end=End.LEFT, exit=both)
    (hint,) = told(hides_the_source, failed(chains, path, arrived=AT_SERVER, arrives=arrives(**{"from": "kept"})))
    assert "and asks for no source; its destination was translated too, by nat:PREROUTING:1" in hint


def test_a_source_that_was_kept_or_may_be_any() -> None:
    chains = saved(table("-A POSTROUTING -s 10.0.1.0/24 -j MASQUERADE", name="nat", policies="ACCEPT"))
    path = way(chains, "nat:POSTROUTING:1 accept", end=End.LEFT, exit=HIDDEN)
    assert told(hides_the_source, failed(chains, path, arrived=AT_SERVER, arrives=arrives(at="server"))) == []
    kept = AT_SERVER._replace(source="10.0.1.10")
    assert told(hides_the_source, failed(chains, path, arrived=kept, arrives=arrives(**{"from": "kept"}))) == []
    (hint,) = told(hides_the_source, failed(chains, path, arrived=AT_SERVER, arrives=arrives(**{"from": "kept"})))
    assert hint.endswith("translated its source 10.0.1.10 to 10.0.2.1")
