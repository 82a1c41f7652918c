"""The words of a command: one flow of each, as a row has it, and a row's messages where they are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.written.asked import OneFlow, Resolver
from lab.written.fields import Place
from lab.written.load import load_topology
from tests.unit.written.written import TOPOLOGY, rows, told, topology

CHOSEN = {4: "198.51.100.2", 6: "2001:db8:f::1"}
SHOP = """
topology: shop
networks: {wan: [198.51.100.0/24, "2001:db8:f::/64"], lan: [10.7.1.0/24, "2001:db8:7:1::/64"], dmz: 10.7.2.0/24}
services:
  ping: [icmp/echo-request, icmpv6/echo-request]
  neighbours: [icmpv6/neighbour-solicitation, icmpv6/neighbour-advertisement]
  shop: [tcp/80, tcp/443]
  db: [tcp/5432]
nodes:
  world: {role: internet, interfaces: {wan: [198.51.100.254, "2001:db8:f::fe"]}, anyip: true, via: edge}
  cloud: {role: supplier, interfaces: {wan: 198.51.100.30}, anyip: [203.0.113.0/24], via: edge}
  mirror: {role: supplier, interfaces: {wan: 198.51.100.31}, anyip: [203.0.113.0/24], via: edge}
  edge:
    role: gateway
    interfaces:
      wan: [198.51.100.1, 198.51.100.2, "2001:db8:f::1"]
      lan: [10.7.1.1, "2001:db8:7:1::1"]
      dmz: 10.7.2.1
    forwards: true
    via: world
  till: {role: client, interfaces: {lan: [10.7.1.10, "2001:db8:7:1::10"]}, via: edge}
  desk: {role: client, interfaces: {lan: 10.7.1.11}, via: edge}
  stock: {role: backend, interfaces: {dmz: 10.7.2.10}, via: edge}
  phone: {role: voice, interfaces: {lan: "2001:db8:7:1::20"}, via: edge}
names:
  shop-vip: [198.51.100.2, "2001:db8:7:1::10"]
  pair: [198.51.100.254, 10.7.2.10]
  voice: 10.7.1.11
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Resolver:
    """Resolves on the shop's network, whose edge has a policy and would send from its second address."""
    written = topology(SHOP, tmp_path_factory.mktemp("shop"))
    return Resolver(written, ["edge"], lambda node, to, *_: CHOSEN[6 if ":" in to else 4] if node == "edge" else None)


def ends(flow: OneFlow) -> tuple[str, str, str, str | None]:
    """Who sends from where to where, and who has that address."""
    return flow.node, flow.source, flow.destination, flow.owner


@pytest.mark.parametrize(
    ("word", "node", "source"),
    [
        ("till", "till", "10.7.1.10"),
        ("till@lan", "till", "10.7.1.10"),
        ("role:internet", "world", "198.51.100.254"),
        ("internet", "world", "198.51.100.254"),
        ("internet@wan", "world", "198.51.100.254"),
        ("net:dmz", "stock", "10.7.2.10"),
        ("10.7.1.0/24", "till", "10.7.1.10"),
        ("10.7.1.11", "desk", "10.7.1.11"),
        ("192.0.2.7", "world", "192.0.2.7"),
        ("192.0.2.0/24", "world", "192.0.2.1"),
        ("{at: world, address: 203.0.113.9}", "world", "203.0.113.9"),
        ("{address: '203.0.113.9', at: \"cloud\"}", "cloud", "203.0.113.9"),
        ({"at": "mirror", "address": "203.0.113.9"}, "mirror", "203.0.113.9"),
        (Place(at="cloud", address="203.0.113.9"), "cloud", "203.0.113.9"),
        ("gateway", "edge", "198.51.100.2"),
        ("edge", "edge", "198.51.100.2"),
        ("edge@wan", "edge", "198.51.100.2"),
        ("edge@lan", "edge", "10.7.1.1"),
        ("shop-vip", "edge", "198.51.100.2"),
        ("198.51.100.1", "edge", "198.51.100.1"),
    ],
)
def test_a_word_as_sender(shop: Resolver, word: Any, node: str, source: str) -> None:
    assert ends(shop.flow(word, "192.0.2.99", "tcp/443")) == (node, source, "192.0.2.99", "world")


@pytest.mark.parametrize(
    ("word", "destination", "owner"),
    [
        ("till", "10.7.1.10", "till"),
        ("edge", "198.51.100.1", "edge"),
        ("edge@lan", "10.7.1.1", "edge"),
        ("role:gateway", "198.51.100.1", "edge"),
        ("gateway@dmz", "10.7.2.1", "edge"),
        ("role:backend", "10.7.2.10", "stock"),
        ("backend", "10.7.2.10", "stock"),
        ("10.7.2.0/24", "10.7.2.10", "stock"),
        ("10.7.2.77", "10.7.2.77", None),
        ("192.0.2.7", "192.0.2.7", "world"),
        ("{at: mirror, address: 203.0.113.9}", "203.0.113.9", "mirror"),
        ("shop-vip", "198.51.100.2", "edge"),
        ("pair", "198.51.100.254", "world"),
        ("voice", "10.7.1.11", "desk"),
    ],
)
def test_a_word_as_target(shop: Resolver, word: str, destination: str, owner: str | None) -> None:
    assert ends(shop.flow("till", word, "tcp/443")) == ("till", "10.7.1.10", destination, owner)


def test_a_source_that_is_said_takes_the_place_of_any_other(shop: Resolver) -> None:
    for word in ("world", "role:internet", "192.0.2.7", "{at: world, address: 203.0.113.9}"):
        flow = shop.flow(word, "shop-vip", "tcp/443", source="192.0.2.99")
        assert (*ends(flow), flow.family) == ("world", "192.0.2.99", "198.51.100.2", "edge", 4)
    flow = shop.flow("world", "shop-vip", "tcp/443", source="2001:DB8:9::9")
    assert (*ends(flow), flow.family) == ("world", "2001:db8:9::9", "2001:db8:7:1::10", "till", 6)


@pytest.mark.parametrize(
    ("word", "source"),
    [("world", "192.0.2.50"), ("role:internet", "192.0.2.50"), ("internet", "192.0.2.50"), ("world@wan", "198.51.100.254"),
     ("gateway", "192.0.2.50"), ("edge@wan", "198.51.100.1"), ("192.0.2.7", "192.0.2.7")],
)  # fmt: skip
def test_a_node_sends_from_what_its_kernel_chooses_and_other_words_from_what_they_say(
    tmp_path: Path, word: str, source: str
) -> None:
    elsewhere = Resolver(topology(SHOP, tmp_path), ["edge"], lambda *_: "192.0.2.50")
    assert elsewhere.flow(word, "192.0.2.99", "tcp/1").source == source


@pytest.mark.parametrize("near", [("10.7.2.10", "10.7.2.1"), ("10.7.1.77", "10.7.1.1"), ("192.0.2.7", "198.51.100.1")])
def test_without_a_way_it_is_the_address_on_the_nearest_network(tmp_path: Path, near: tuple[str, str]) -> None:
    lost = Resolver(topology(SHOP, tmp_path), (), lambda *_: None)
    assert lost.flow("edge", near[0], "tcp/1").source == near[1]


@pytest.mark.parametrize(
    ("words", "family", "sent"),
    [
        (("world", "shop-vip", "ping"), 4, "icmp/echo-request"),
        (("world", "shop-vip", "icmpv6/echo-request"), 6, "icmpv6/echo-request"),
        (("world", "phone", "ping"), 6, "icmpv6/echo-request"),
        (("phone", "role:internet", "tcp/80"), 6, "tcp/80"),
        (("phone", "shop-vip", "db"), 6, "tcp/5432"),
        (("2001:db8:9::9", "shop-vip", "tcp/80"), 6, "tcp/80"),
        (("till", "shop-vip", "tcp/80"), 4, "tcp/80"),
    ],
)
def test_the_family_is_the_first_in_common(shop: Resolver, words: tuple[str, str, str], family: int, sent: str) -> None:
    flow = shop.flow(*words)
    assert (flow.family, flow.service.text) == (family, sent)


def test_a_family_that_is_said(shop: Resolver) -> None:
    assert shop.flow("edge", "shop-vip", "ping").family == 4
    flow = shop.flow("edge", "shop-vip", "ping", family=6)
    assert (*ends(flow), flow.service.text) == ("edge", CHOSEN[6], "2001:db8:7:1::10", "till", "icmpv6/echo-request")


SEVERAL = [
    (("role:client", "stock", "tcp/1"), {}, ["role:client stands for till and desk where one belongs", "one of them: till"]),
    (("client", "stock", "tcp/1"), {}, ["role:client stands for till and desk where"]),
    (("net:lan", "phone", "tcp/1"), {}, ["net:lan stands for till and phone where one belongs"]),
    (("till", "net:dmz", "tcp/1"), {}, ["net:dmz stands for edge@dmz and stock where one belongs", "one of them: edge@dmz"]),
    (("till", "net:wan", "tcp/1"), {}, ["net:wan stands for world, cloud, mirror and edge@wan where"]),
    (("till", "shop-vip", "shop"), {}, ["'shop' stands for tcp/80 and tcp/443 where one belongs", "one of them: tcp/80"]),
    (("till", "phone", "neighbours"), {}, ["'neighbours' stands for icmpv6/neighbour-solicitation and icmpv6/neighbour-adv"]),
    (("voice", "stock", "tcp/1"), {}, ["'voice' is a role, and a name for 10.7.1.11", "write role:voice, or the address"]),
    (("role:gateway", "stock", "tcp/1"), {}, ["role:gateway selects no node that could send", "name it"]),
    (("desk", "phone", "tcp/1"), {}, ["no family in common", "`from` has IPv4, `to` has IPv6"]),
    (("till", "10.7.2.10", "tcp/1"), {"family": 6}, ["10.7.2.10 has no IPv6 address", "`family: 6`", "first family that both"]),
    (("till", "shop-vip", "icmp/echo-request"), {"family": 6}, ["sent over IPv4 only", "`family: 6`"]),
    (("till", "10.7.2.10", "tcp/1"), {"source": "2001:db8:9::9"}, ["no family in common", "`source` is IPv6"]),
    (("till", "stock", "tcp/1"), {"source": "10.7.1.9", "family": 6}, ["`source` is an IPv4 address, but `family` is 6"]),
    (("till", "stock", "tcp/1"), {"source": "desk"}, ["'desk' is not an address to send from"]),
    (("till", "stock", "tcp/1"), {"source": "10.7.1.255"}, ["no host sends from 10.7.1.255"]),
    (("{at: world}", "stock", "tcp/1"), {}, ["a place is written {at: NODE, address: ADDRESS}"]),
    (("{at: world, address: }", "stock", "tcp/1"), {}, ["a place is written {at"]),
    (("{at: world, at: cloud, address: 192.0.2.1}", "stock", "tcp/1"), {}, ["a place is written {at"]),
    (("{at: world, address: 192.0.2.1", "stock", "tcp/1"), {}, ["a place is written {at"]),
    ((5, "stock", "tcp/1"), {}, ["5 is a number"]),
]


@pytest.mark.parametrize(("words", "keys", "message"), SEVERAL)
def test_what_is_no_single_flow_is_told(shop: Resolver, words: tuple[Any, Any, str], keys: Any, message: list[str]) -> None:
    (problem,) = told(lambda: shop.flow(*words, **keys))
    for part in message:
        assert part in problem[1]


@pytest.mark.parametrize("side", ["from", "to"])
@pytest.mark.parametrize(
    "word",
    [
        "net:lna", "role:klient", "ofice", "office@wan", "{at: office, address: 9.9.9.9}", "{at: offic, address: 9.9.9.9}",
        "{at: world, address: nine}", "{at: office, address: '2001:db8:9::9'}", "10.0.1.77", "2001:db8:a::77",
        "2001:db8:a::1/64", "10.0.1.1/8", "2001:db8:a::g", "ff02::1", "fe80::1", "fe80::1%lan", "::ffff:192.0.2.7", "100::1",
        "224.0.0.1", "192.0.2", "192.0.2.7.8", "10.0.1.0/33",
    ],
)  # fmt: skip
def test_a_wrong_word_is_told_as_in_a_row(tmp_path: Path, word: str, side: str) -> None:
    if side == "to" and word in ("10.0.1.77", "2001:db8:a::77"):
        return  # an address that nobody has can be sent to
    said = {"from": "office", "to": "world"} | {side: word}
    quoted = {key: text if text.startswith("{") else f'"{text}"' for key, text in said.items()}
    row = f"name: r, from: {quoted['from']}, to: {quoted['to']}, service: tcp/1, expect: drop"
    resolver = Resolver(load_topology(TOPOLOGY), ["gateway"], lambda *_: None)
    asked = told(lambda: resolver.flow(said["from"], said["to"], "tcp/1"))
    assert asked == [(None, message) for _, message in told(lambda: rows(row, tmp_path))]


def test_all_that_is_wrong_is_told_at_once(shop: Resolver) -> None:
    problems = [message for _, message in told(lambda: shop.flow("tll", "stok", "tpc/1"))]
    assert ["'tll'" in problems[0], "'stok'" in problems[1], "'tpc'" in problems[2]] == [True] * 3


def test_sources_of_a_sweep(shop: Resolver) -> None:
    assert shop.sources(["2001:DB8::1", "2001:db8::2"], 6) == ("2001:db8::1", "2001:db8::2")
    told_of = [message for _, message in told(lambda: shop.sources(["10.7.1.9", "nine", "ff02::1"], 6))]
    assert [message.partition(":")[0] for message in told_of[:2]] == [
        "'10.7.1.9' is not an IPv6 address to send from\n", "'nine' is not an IPv6 address to send from\n",
    ]  # fmt: skip
    assert "no host sends from ff02::1" in told_of[2]


def test_many_addresses_are_not_all_remembered(shop: Resolver) -> None:
    for number in range(9_000):
        shop.flow("till", f"192.0.{number // 250}.{number % 250 + 1}", "tcp/1")
    assert len(shop._known) < 5_000
    assert ends(shop.flow("till", "192.0.2.7", "tcp/1")) == ("till", "10.7.1.10", "192.0.2.7", "world")
