"""Pseudonyms keep what rules and routes rest on, and nothing of the address that a key does not give back."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lab.errors import InputError
from lab.twin.pseudonymised import key_in, pseudonymised
from lab.twin.pseudonyms import Pseudonyms
from lab.twin.reading import read_host
from tests.unit.twin.made_snapshots import parts, snapshot

KEY = bytes(range(32))
NETS = [ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/64",
                                    "127.0.0.0/8", "224.0.0.0/3", "169.254.0.0/16", "0.0.0.0/8", "ff00::/8")]  # fmt: skip


def shared(one: int, other: int, bits: int) -> int:
    return bits - (one ^ other).bit_length()


@given(some.integers(0, 2**32 - 1), some.integers(0, 31), some.integers(0, 2**32 - 1))
def test_as_many_leading_bits_are_shared_as_before(first: int, keep: int, noise: int) -> None:
    second = first >> (32 - keep) << (32 - keep) | noise & (2 ** (32 - keep) - 1)
    names = Pseudonyms(KEY, ())
    one, other = (int(names.of(IPv4Address(value))) for value in (first, second))
    assert shared(one, other, 32) == shared(first, second, 32)


@given(some.one_of(some.integers(0, 2**32 - 1).map(IPv4Address), some.integers(0, 2**128 - 1).map(IPv6Address),
                   some.integers(0x0A000000, 0x0AFFFFFF).map(IPv4Address)))  # fmt: skip
def test_what_is_private_stays_private_and_nothing_else_becomes_it(address: IPv4Address | IPv6Address) -> None:
    made = Pseudonyms(KEY, ()).of(address)
    assert [address in net for net in NETS] == [made in net for net in NETS]


def test_the_key_makes_the_pseudonym() -> None:
    address = ip_address("203.0.113.7")
    made = {str(Pseudonyms(bytes([key]) * 32, ()).of(address)) for key in range(40)}
    assert len(made) > 30
    assert Pseudonyms(KEY, ()).of(address) == Pseudonyms(KEY, ()).of(address)


@pytest.mark.parametrize(
    "text",
    [
        "iptables v1.8.10 (nf_tables)", ":INPUT DROP [12:3456]", "-m tcp --dport 1024:65535",
        "-A IN -m recent --mask 255.255.255.255",
        "bridge_id 8000.a6:4a:3:93:d0:25", "Fri Nov 27 10:20:30 2026", "link/loopback 00:00:00:00:00:00 brd ff:ff:ff:ff:ff:ff",
        "default dev tun0", "::/0", "::1", "127.0.0.1", "224.0.0.5/32", "1.2.3.4.5", "300.1.1.1", "kernel 6.1.0.2.3", "a::b::c",
        "link/infiniband 80:00:02:08:fe:80:00:00",
    ],
)  # fmt: skip
def test_what_is_no_address_or_the_same_everywhere_stays(text: str) -> None:
    assert Pseudonyms(KEY, (text,)).text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "-s {}", "-s {}/32 -j DROP", "--to-destination {}:8443", "src={} dst=1", '"local":"{}",', "add guests {},tcp:80",
        "{{ {}, 1 }}", "{}\n", "from {} lookup", "({})",
    ],
)  # fmt: skip
def test_an_address_is_found_wherever_tools_print_it(text: str) -> None:
    names = Pseudonyms(KEY, ())
    for address in ("203.0.113.7", "2001:db8:5::7"):
        if ":8443" in text and ":" in address:
            continue
        assert names.text(text.format(address)) == text.format(names.of(ip_address(address)))
    assert names.text("[2001:db8:5::7]:443") == f"[{names.of(ip_address('2001:db8:5::7'))}]:443"


def test_a_range_stays_a_range_and_a_broadcast_address_one() -> None:
    text = "--src-range 198.51.99.3-198.51.101.7\n    inet 203.0.112.5/22 brd 203.0.115.255 scope global\n"
    made = Pseudonyms(KEY, (text,)).text(text)
    first, last = map(ip_address, made.split("\n")[0].split(" ")[1].split("-"))
    assert int(last) - int(first) == int(ip_address("198.51.101.7")) - int(ip_address("198.51.99.3"))
    words = made.split("\n")[1].split()
    assert ip_network(words[1], strict=False).broadcast_address == ip_address(words[3])
    assert made != text


@pytest.mark.parametrize(
    "text", ["-s 10.0.0.0/8", "-s 198.51.0.0/255.255.0.0", '"src":"10.0.0.0","srclen":8', "ip saddr 2001:db8::/32"]
)
def test_a_network_keeps_no_bits_behind_its_prefix(text: str) -> None:
    made = Pseudonyms(KEY, ()).text(text)
    start = made.index(next(filter(str.isdecimal, made)))
    found = made[start:].replace('","srclen":', "/")
    assert ip_network(found).prefixlen in (8, 16, 32)  # with host bits it raises


def test_a_hardware_address_and_the_link_local_one_that_it_makes_belong_together() -> None:
    made = Pseudonyms(KEY, ()).text("02:11:22:33:44:55 fe80::11:22ff:fe33:4455")
    mac, local = made.split()
    assert mac.startswith("02:11:22:")
    assert mac != "02:11:22:33:44:55"
    assert local == f"fe80::11:22ff:fe{mac[9:11]}:{mac[12:14].lstrip('0')}{mac[15:]}"


def test_a_snapshot_with_pseudonyms_is_a_snapshot(tmp_path: Path) -> None:
    (tmp_path / "gw.json").write_text(snapshot(parts=parts(conntrack="tcp 6 1 ESTABLISHED src=203.0.113.2 dst=198.51.100.9\n")))
    text = pseudonymised(tmp_path / "gw.json", KEY)
    for real in ("203.0.113", "198.51.100.9", "02:00:00:00:00:01"):
        assert real not in text
    (tmp_path / "other.json").write_text(text)
    old, new = (read_host(tmp_path / name) for name in ("gw.json", "other.json"))
    assert new.rulesets["v4"].text == old.rulesets["v4"].text
    assert [link.name for link in new.links] == [link.name for link in old.links]
    assert new.links[1].addresses[0].network.prefixlen == 24
    assert {line.split()[2] for _, line in new.routes if line.startswith("default")} <= {
        str(address) for address in new.links[1].addresses[0].network.hosts()
    }
    assert json.loads(text)["host"] == "gw"


def test_what_is_no_snapshot_and_no_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "fw.rules").write_text("*filter\nCOMMIT\n")
    with pytest.raises(InputError, match="it is no snapshot"):
        pseudonymised(tmp_path / "fw.rules", KEY)
    for content, said in (("00" * 31, "has 31 bytes"), ("xyz", "it is no key"), ("é", "it is no key")):
        (tmp_path / "key").write_text(content)
        with pytest.raises(InputError, match=said):
            key_in(tmp_path / "key")
    with pytest.raises(InputError, match="cannot be read"):
        key_in(tmp_path / "none")
    (tmp_path / "key").write_text(KEY.hex() + "\n")
    assert key_in(tmp_path / "key") == KEY
