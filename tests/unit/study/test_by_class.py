"""Which pairs are asked for addresses that rules name and no node has."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lab.record.exposure import Pair
from lab.study import by_class as module
from lab.study.by_class import Classes, by_class
from lab.study.zones import pairs
from lab.written.topology import Topology
from tests.unit.ruleset.made import saved

TOPOLOGY = Topology.model_validate({
    "topology": "branch",
    "networks": {"line": "192.0.2.0/24", "desk": "10.4.0.0/24", "lab": "10.5.0.0/24"},
    "nodes": {
        "world": {"role": "internet", "interfaces": {"line": "192.0.2.254"}, "anyip": True, "via": "edge"},
        "edge": {
            "role": "gateway", "forwards": True, "via": "world",
            "interfaces": {
                "wan0": {"network": "line", "address": "192.0.2.1"}, "lan0": {"network": "desk", "address": "10.4.0.1"},
                "lan1": {"network": "lab", "address": "10.5.0.1"},
            },
        },
        "desktop": {"role": "client", "interfaces": {"desk": "10.4.0.10"}, "via": "edge"},
        "bench": {"role": "client", "interfaces": {"lab": "10.5.0.10"}, "via": "edge"},
    },
})  # fmt: skip


def asked(*rules: str, again: tuple[Pair, ...] = (), topology: Topology = TOPOLOGY, tables: str = "") -> Classes:
    text = "\n".join(["*filter", ":FORWARD DROP [0:0]", ":INPUT DROP [0:0]", *rules, "COMMIT", tables, ""])
    held = SimpleNamespace(chains=saved(text), texts={"v4": text})
    return by_class(topology, {"edge": held}, 4, list(pairs(topology, ["edge"], [4])), again=again)


def words(found: Classes) -> set[tuple[str, str | None, str, str | None]]:
    return {(pair.sender, pair.sources, pair.into, pair.targets) for pair in found.pairs}


def test_a_source_beyond_is_asked_from_where_the_rule_can_match_alone() -> None:
    found = asked("-A FORWARD -i wan0 -o lan0 -s 203.0.113.0/24 -p tcp --dport 3389 -j ACCEPT")
    assert words(found) == {("world", "203.0.113.0/24", "desk", None)}
    assert {pair.address for pair in found.pairs} == {"10.4.0.10"}
    assert found.pairs[0].source.startswith("203.0.113.")


def test_an_address_that_nobody_has_is_asked_and_so_are_all_others_of_its_network() -> None:
    found = asked("-A FORWARD -i wan0 -d 10.4.0.10/32 -p tcp --dport 22 -j ACCEPT",
                  "-A FORWARD -i wan0 -d 10.4.0.50/32 -p tcp --dport 22 -j ACCEPT")  # fmt: skip
    assert words(found) == {("world", None, "desk", "10.4.0.50"), ("world", None, "desk", "other addresses of desk")}


def test_two_constants_that_nobody_has_are_one_pair() -> None:
    found = asked("-A FORWARD -s 203.0.113.9/32 -d 10.4.0.50/32 -j ACCEPT")
    assert words(found) == {("world", "203.0.113.9", "desk", "10.4.0.50")}


def test_a_source_on_a_network_is_sent_from_there() -> None:
    found = asked("-A INPUT -s 10.5.0.77/32 -j ACCEPT")
    assert {(pair.sender, pair.zone, pair.source) for pair in found.pairs} == {("bench", "lab", "10.5.0.77")}
    assert len(found.pairs) == 1, "one of the node's own addresses speaks for all"


def test_no_class_of_a_rule_that_counts_or_of_what_is_not_asked() -> None:
    assert asked("-A FORWARD -s 203.0.113.9", "-A FORWARD -s 203.0.113.8 -p icmp -j ACCEPT",
                 "-A FORWARD -s 203.0.113.7 -m state --state ESTABLISHED -j ACCEPT").pairs == ()  # fmt: skip


def test_denials_side_by_side_are_one_class() -> None:
    banned = [f"-A FORWARD -s 203.0.113.{last} -j DROP" for last in range(1, 200, 2)]
    found = asked(*banned, "-A FORWARD -p tcp --dport 80 -j ACCEPT")
    assert len({pair.sources for pair in found.pairs}) == 1
    assert len(found.pairs) == 2  # to each network


def test_what_a_destination_is_translated_to_counts_behind_it() -> None:
    publish = "-A PREROUTING -d 192.0.2.1 -p tcp --dport 8022 -j DNAT --to-destination 10.4.0.50:22"
    nat = f"*nat\n:PREROUTING ACCEPT [0:0]\n{publish}\nCOMMIT"
    found = asked("-A FORWARD -s 203.0.113.9/32 -d 10.4.0.50/32 -p tcp --dport 22 -j ACCEPT", tables=nat)
    assert ("world", "203.0.113.9", "line", None) in words(found)


def test_what_lies_nowhere_is_named() -> None:
    closed = TOPOLOGY.model_dump(mode="json", by_alias=True)
    closed["nodes"]["world"] = {"role": "internet", "interfaces": {"line": "192.0.2.254"}, "via": "edge"}
    closed["nodes"]["edge"]["via"] = ()
    found = asked("-A FORWARD -s 203.0.113.0/24 -j ACCEPT", topology=Topology.model_validate(closed))
    assert found.pairs == ()
    assert found.not_asked == ("from 203.0.113.0/24: nobody sends from there in this topology",)


def test_too_many_are_named_the_narrowest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [f"-A INPUT -s 203.0.{third}.0/{24 + third % 3} -p tcp --dport 22 -j ACCEPT" for third in range(9)]
    whole = asked(*many)
    assert (len(whole.pairs), whole.partial, whole.not_asked) == (9, (), ())
    monkeypatch.setattr(module, "MOST_PAIRS", 6)
    found = asked(*many)
    assert found.partial == (4,)
    assert {str(pair.sources).partition("/")[2] for pair in found.pairs} == {"24", "25"}
    assert "3 pairs of classes of addresses, as 9 are too many" in found.not_asked[0]


def test_a_pair_of_before_is_asked_again_and_once() -> None:
    rule = "-A FORWARD -i wan0 -o lan0 -s 203.0.113.0/24 -p tcp --dport 3389 -j ACCEPT"
    first = asked(rule).pairs
    assert asked(rule, again=first).pairs == first
    assert asked(again=first).pairs == first
