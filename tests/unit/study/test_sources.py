"""Prefixes of a file, constants of rulesets, and their edges."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.report.addresses import edges_text
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.study.sources import constants, read_prefixes, with_edges
from lab.written.topology import Topology

TOPOLOGY = Topology.model_validate({
    "topology": "made",
    "networks": {"out": "198.51.100.0/24"},
    "nodes": {"world": {"role": "internet", "interfaces": {"out": "198.51.100.254"}}},
})  # fmt: skip


def test_a_network_s_broadcast_address_sends_nothing() -> None:
    assert with_edges([ip_network("198.51.100.0/24")], 4, TOPOLOGY) == ("198.51.99.255", "198.51.100.0", "198.51.101.0")


def test_prefixes_of_the_other_family_alone() -> None:
    with pytest.raises(InputError, match="no prefix is one of IPv6"):
        with_edges([ip_network("198.51.100.0/24")], 6, TOPOLOGY)


def test_a_file_of_prefixes(tmp_path: Path) -> None:
    file = tmp_path / "prefixes"
    file.write_text("\N{BYTE ORDER MARK}# whom we block\n192.0.2.0/24  # a remark\n\n198.51.100.7\n2001:db8::/32\n10.0.0.9/8\n")
    assert read_prefixes(file) == [ip_network(text) for text in ("192.0.2.0/24", "198.51.100.7", "2001:db8::/32", "10.0.0.0/8")]


def test_a_range_is_asked_at_its_edges_and_those_of_its_prefixes(tmp_path: Path) -> None:
    file = tmp_path / "ranges"
    file.write_text("192.0.2.1-192.0.2.9\n2001:db8::1 - 2001:db8::2  # two\n")
    found = read_prefixes(file)
    assert [str(one) for one in found if one.version == 4] == ["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/30", "192.0.2.8/31"]
    asked = with_edges(found, 4, TOPOLOGY)
    assert (asked[0], asked[-1]) == ("192.0.2.0", "192.0.2.10")
    assert edges_text([one for one in asked if one not in ("192.0.2.0", "192.0.2.10")]) == ["192.0.2.1-192.0.2.9"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("192.0.2.0/24\nnonsense\n192.0.2.0/99\n", ("prefixes:2", "prefixes:3")),
        ("192.0.2.9-192.0.2.1\n10.0.0.1-10.0.0\n", ("prefixes:1", "prefixes:2")),
        ("# nothing\n", ("names no prefix",)),
        (None, ("cannot be read",)),
    ],
)
def test_a_bad_file_is_told_line_by_line(tmp_path: Path, text: str | None, told: tuple[str, ...]) -> None:
    file = tmp_path / "prefixes"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError) as error:
        read_prefixes(file)
    for words in told:
        assert words in str(error.value)


def test_the_constants_of_rulesets() -> None:
    old = "-A INPUT -s 172.16.0.0/255.240.0.0 -j DROP\n"
    v4 = f"{old}-A INPUT -s 10.1.0.0/16 -d 192.0.2.1 -j ACCEPT\n-A INPUT -m comment --comment v1.2.3.4.5 -j DROP\n"
    v6 = "-A INPUT -s 2001:db8::/32 -j ACCEPT\n-A INPUT -m time --timestart 10:00:00 -j DROP\n"
    sets = "add blocked 203.0.113.0/24\n"
    made = Rulesets(*(Rendered(text, (), "x") for text in (sets, v4, v6)))
    found = {str(network) for network in constants([made])}
    assert found == {"203.0.113.0/24", "172.16.0.0/12", "10.1.0.0/16", "192.0.2.1/32", "2001:db8::/32"}


def test_each_edge_and_what_is_next_to_it() -> None:
    networks = [ip_network(text) for text in ("192.0.2.0/30", "192.0.2.9/32", "2001:db8::/127", "240.0.0.0/4", "0.0.0.0/0")]
    assert with_edges(networks, 4, TOPOLOGY) == (
        "192.0.1.255", "192.0.2.0", "192.0.2.3", "192.0.2.4", "192.0.2.8", "192.0.2.9", "192.0.2.10",
    )  # fmt: skip
    assert with_edges(networks, 6, TOPOLOGY) == (
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::", "2001:db8::1", "2001:db8::2",
    )  # fmt: skip


def test_no_prefix_of_the_family() -> None:
    with pytest.raises(InputError, match="IPv6"):
        with_edges([ip_network("192.0.2.0/24")], 6, TOPOLOGY)
    with pytest.raises(InputError, match="no IPv4 prefix has an edge that a host can have"):
        with_edges([ip_network("0.0.0.0/0")], 4, TOPOLOGY)


def test_more_sources_than_one_sweep_can_tell_apart() -> None:
    with pytest.raises(InputError, match="split the file"):
        with_edges([ip_network(f"10.{high}.{low}.0/25") for high in range(100) for low in range(256)], 4, TOPOLOGY)
