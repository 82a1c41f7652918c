"""Which pairs ``--from`` and ``--to`` of ``lab exposure`` name, by a zone or a word of a row."""

from __future__ import annotations

import pytest

from lab.errors import InputError
from lab.study.exposure import choose
from lab.study.zones import pairs
from lab.written.ends import Ends
from lab.written.topology import Topology
from tests.unit.study.test_zones import TOPOLOGY

POSSIBLE = list(pairs(TOPOLOGY, ["gateway"], (4, 6)))
ENDS = [Ends(TOPOLOGY, ["gateway"], family) for family in (4, 6)]


@pytest.mark.parametrize(
    ("word", "senders"),
    [
        ("in", {"one", "two"}),
        ("net:in", {"one", "two"}),
        ("role:client", {"one", "two"}),
        ("one@in", {"one"}),
        ("10.0.0.16/28", {"two"}),
        ("10.0.0.0/24", {"one", "two"}),
        ("2001:db8::/64", {"one"}),
        ("{at: two, address: 10.0.0.20}", {"two"}),
        ("2001:DB8:0::10", {"one"}),
    ],
)
def test_a_word_behind_from(word: str, senders: set[str]) -> None:
    assert {pair.sender for pair in choose(POSSIBLE, [word], [], ENDS)} == senders


@pytest.mark.parametrize(
    ("word", "addresses"),
    [
        ("site", {"198.51.100.1"}),
        ("role:gateway", {"198.51.100.1", "10.0.0.1", "2001:db8::1"}),
        ("net:in", {"10.0.0.1", "10.0.0.10", "10.0.0.20", "2001:db8::1"}),
        ("gateway", {"198.51.100.1", "10.0.0.1", "2001:db8::1"}),
        ("gateway@in", {"10.0.0.1", "2001:db8::1"}),
        ("10.0.0.0/24", {"10.0.0.1", "10.0.0.10", "10.0.0.20"}),
        ("{at: world, address: 192.0.2.53}", {"192.0.2.53"}),
    ],
)
def test_a_word_behind_to(word: str, addresses: set[str]) -> None:
    assert {pair.address for pair in choose(POSSIBLE, [], [word], ENDS)} == addresses


def test_an_address_that_is_asked_is_named_by_itself_whoever_it_could_be_at() -> None:
    far = {"role": "internet", "interfaces": {"out": ["198.51.100.9", "2001:db8:f::9"]}, "anyip": True}
    other = {"role": "internet", "interfaces": {"out": ["198.51.100.8", "2001:db8:f::8"]}, "anyip": True}
    written = {"topology": "two", "networks": {"out": ["198.51.100.0/24", "2001:db8:f::/64"], "in": "2001:db8::/64"},
               "nodes": {"far": far, "other": other, "one": {"role": "client", "interfaces": {"in": "2001:db8::10"}}},
               "names": {"resolver": "2001:db8:53::53"}}  # fmt: skip
    both = Topology.model_validate(written)
    (pair,) = choose(list(pairs(both, [], [6])), ["one"], ["2001:db8:53::53"], [Ends(both, [], 6)])
    assert (pair.sender, pair.target) == ("one", "resolver")


def test_words_add_up() -> None:
    chosen = choose(POSSIBLE, ["role:internet", "two@in"], ["site", "10.0.0.10"], ENDS)
    assert {(pair.sender, pair.target) for pair in chosen} == {("world", "site"), ("world", "one"), ("two", "site")}


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("net:inn", "--from: there is no network 'inn'\n    did you mean 'in'?"),
        ("role:klient", "--from: no node has the role 'klient'\n    did you mean 'client'?"),
        ("one@out", "--from: one has no interface 'out'\n    it has in"),
        ("10.0.0.1/24", "--from: '10.0.0.1/24' has host bits set; the network is 10.0.0.0/24"),
        ("{at: two}", "--from: a place is written {at: NODE, address: ADDRESS}"),
        ("10.9.0.0/16", "--from '10.9.0.0/16': no node, network or address that is asked here has this name"),
        ("role:gateway", "--from 'role:gateway': no node, network or address that is asked here"),
        ("on", "--from 'on': no node, network or address that is asked here has this name\n    there are out, world, "),
    ],
)
def test_a_word_that_selects_nothing(word: str, told: str) -> None:
    with pytest.raises(InputError) as raised:
        choose(POSSIBLE, ["world", word], [], ENDS)
    assert told in str(raised.value)
