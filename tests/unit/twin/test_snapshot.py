"""A snapshot is read as the host that it is of, and refused with what does not fit."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from lab.errors import InputError
from lab.record.host import Dumped, Host
from lab.twin.depends import depends
from lab.twin.reading import read_host
from tests.unit.twin.made_snapshots import SAVE, SKIPPED, document, listed, parts, snapshot


def read(text: str) -> Host:
    return read_host(Dumped(text, "gw.json"))


def refusal(text: str) -> str:
    with pytest.raises(InputError) as told:
        read(text)
    (problem,) = told.value.problems
    assert problem.mend
    assert str(problem).startswith("gw.json")
    return str(problem)


def test_the_host() -> None:
    host = read(snapshot(not_captured=listed(xfrm_policies="3")))
    assert (host.name, host.backend, host.is_snapshot) == ("gw", "nft", True)
    assert [link.name for link in host.links] == ["lo", "eth0"]
    assert host.routes[0] == (4, "default via 203.0.113.1 dev eth0")
    assert host.rules[1] == (4, "32766: from all lookup main")
    assert host.tables == {254: "main", 201: "uplink2"}
    assert host.rulesets == {"v4": Dumped(SAVE, "gw.json iptables-nft-save")}
    assert host.sysctls == {"net.ipv4.ip_forward": "1"}
    assert host.not_captured == ("xfrm policies: 3",)
    assert host.conntrack is None


def test_tracked_flows_are_kept_as_they_are() -> None:
    flow = "tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=203.0.113.2 sport=4 dport=22 src=203.0.113.2 dst=10.0.0.1\n"
    host = read(snapshot(parts=parts(conntrack=flow)))
    assert host.conntrack == Dumped(flow, "gw.json conntrack -L")


def test_wherever_it_is_cut_off_it_is_refused() -> None:
    whole = snapshot()
    assert "cut off" in refusal(whole[: len(whole) // 2])
    for end in (*range(60, len(whole) - 2, 53), *range(len(whole) - 12, len(whole) - 1)):
        assert "cut off" in refusal(whole[:end])


@pytest.mark.parametrize("key", ["taken", "host", "parts", "skipped", "not_captured", "whole", "version"])
def test_without_a_key_it_is_refused(key: str) -> None:
    half = document()
    del half[key]
    assert key in refusal(json.dumps(half))


@pytest.mark.parametrize("part", ["ip addr", "ip link", "ip -4 route", "ip -4 rule", "iptables-nft-save", "nft", "sysctl"])
def test_half_of_one_is_refused(part: str) -> None:
    assert f"no part {part!r}" in refusal(snapshot(parts=parts(without=[part])))


def test_addresses_cannot_be_skipped() -> None:
    told = refusal(snapshot(parts=parts(without=["ip addr"]), skipped=SKIPPED | {"ip addr": "no ip here"}))
    assert "it has no part 'ip addr'" in told


def test_a_part_that_failed_on_the_host_is_told_with_its_message() -> None:
    found = parts()
    found["nft"] = {"text": "", "code": 1, "error": "netlink: Error: cache initialization failed\n"}
    told = refusal(snapshot(parts=found))
    assert "`nft list ruleset` failed on the host, with exit code 1: netlink: Error: cache initialization failed" in told


def test_two_hosts_in_one_file_are_told_by_name() -> None:
    assert "two snapshots in one file, of 'gw' and 'db'" in refusal(snapshot() + "\n" + snapshot(host="db"))


def test_what_a_login_prints_is_told() -> None:
    assert "before the snapshot stands 'Welcome to gw'" in refusal("Welcome to gw\n" + snapshot())
    assert "behind the document, in line" in refusal(snapshot() + "\nConnection closed.\n")


@pytest.mark.parametrize("version", [2, "1", None, 1.5, [1]])
def test_another_version_is_refused(version: object) -> None:
    assert "version 1 is read here" in refusal(snapshot(version=version))


HOSTILE: dict[str, dict[str, Any]] = {
    "parts": {"parts": []}, "a part": {"parts": parts() | {"nft": "x"}},
    "code": {"parts": parts() | {"nft": {"text": "", "code": "0"}}},
    "host": {"host": "gw\x1b[31m"}, "no host": {"host": ""}, "long host": {"host": "x" * 300}, "taken": {"taken": 7},
    "listed": {"not_captured": [7]}, "no list": {"not_captured": "xfrm"}, "skipped": {"skipped": []},
    "no interface": {"parts": parts(ip_addr="", ip_link="")},
    "a name": {"parts": parts(ip_addr="2: eth0/../x: <UP> mtu 1500\n    inet 10.0.0.1/24 scope global x\n")},
    "an address": {"parts": parts(ip_addr="2: eth0: <UP> mtu 1500\n    inet 10.0.0.400/24 scope global x\n")},
    "an mtu": {"parts": parts(ip_addr="2: eth0: <UP> mtu 99999999999999999999 qdisc x\n")},
    "an object": {"parts": parts(ip_addr='[{"ifname": {"a": 1}}]')}, "a word": {"parts": parts(ip_addr='[{"ifname": "a b"}]')},
    "a number": {"parts": parts(ip_link='[{"ifname": "a", "mtu": true}]')},
    "a route": {"parts": parts(ip__4_route='[{"dst": "10.0.0.0/8 table 7", "dev": "eth0"}]')},
    "a deep route": {"parts": parts(ip__4_route="[" * 40 + "]" * 40)},
}  # fmt: skip


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_value_is_one_message(changes: dict[str, Any]) -> None:
    assert refusal(snapshot(**changes)).isprintable() or "\n    " in refusal(snapshot(**changes))


@pytest.mark.parametrize(
    "inside", ["[" * 100_000, "[" * 40 + "]" * 40, '{"a":' * 5_000, "9" * 5_000, '{"a": 1, "a": 2}', "NaN 1"]
)
def test_a_hostile_document_is_one_message(inside: str) -> None:
    assert refusal(snapshot().replace('"whole": true', f'"whole": {inside}'))


def test_nothing_of_it_is_run() -> None:
    """Words that a shell, a template or a tool would follow stay what they are."""
    odd = SAVE.replace("-p tcp", '-m comment --comment "$(id) {{ 7 * 7 }} `id`" -p tcp')
    assert read(snapshot(parts=parts(iptables_nft_save=odd))).rulesets["v4"].text == odd


def test_bytes_that_are_no_utf_8_are_kept_as_latin_1() -> None:
    odd = SAVE.replace("-p tcp", '-m comment --comment "caf\udce9 \u20ac" -p tcp')
    assert "caf\xe9 \u20ac" in read(snapshot(parts=parts(iptables_nft_save=odd))).rulesets["v4"].text


def test_routes_and_rules_that_no_lab_can_have_are_left_out_and_told() -> None:
    routes = "default via 203.0.113.1 dev eth0\n10.7.0.0/16 encap mpls 100 via 203.0.113.9 dev eth0\n10.8.0.0/16 dead\n"
    rules = "0:\tfrom all lookup local\n1000:\tfrom all lookup [l3mdev-table]\n"
    host = read(snapshot(parts=parts(ip__4_route=routes, ip__4_rule=rules)))
    assert host.routes == ((4, "default via 203.0.113.1 dev eth0"),)
    assert host.rules == ((4, "0: from all lookup local"),)
    assert [note.split(" is left out")[0] for note in host.notes] == [
        "the route `10.7.0.0/16 encap mpls 100 via 203.0.113.9 dev eth0`", "the rule `1000:\tfrom all lookup [l3mdev-table]`",
    ]  # fmt: skip


def test_the_ip_of_busybox_says_less_of_a_rule() -> None:
    own = "100:\tfrom 10.0.7.0/24 lookup 201\n"
    found = parts(ip__4_rule=own, versions="ip = BusyBox v1.36.1 multi-call binary.\n")
    (note,) = read(snapshot(parts=found)).notes
    assert note.startswith("1 routing rule may ask more than is known")
    assert read(snapshot(parts=parts(ip__4_rule=own))).notes == ()


OTHER = SAVE.replace("--dport 22", "--dport 23")
EMPTY = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"


def test_the_backend_is_the_one_with_rules() -> None:
    host = read(snapshot(parts=parts(iptables_nft_save=EMPTY, iptables_legacy_save=SAVE)))
    assert (host.backend, host.notes) == ("legacy", ())
    assert host.rulesets["v4"].shown == "gw.json iptables-legacy-save"


def test_where_both_backends_hold_rules_the_other_is_told() -> None:
    more = SAVE.replace("COMMIT", "-A INPUT -p udp -j DROP\nCOMMIT")
    host = read(snapshot(parts=parts(iptables_nft_save=SAVE, iptables_legacy_save=more)))
    assert (host.backend, host.rulesets["v4"].text) == ("legacy", more)
    (note,) = host.notes
    assert note.startswith("iptables-nft holds 1 rule beside those of iptables-legacy")


MIRROR = """table ip filter {
\tchain INPUT {
\t\ttype filter hook input priority filter; policy drop;
\t\tiifname "eth0" tcp dport 22 counter packets 0 bytes 0 accept
\t}

\tchain FORWARD {
\t\ttype filter hook forward priority filter; policy drop;
\t}

\tchain OUTPUT {
\t\ttype filter hook output priority filter; policy accept;
\t}
}
"""
WARNING = "# Warning: table ip filter is managed by iptables-nft, do not touch!\n"
OWN = "table inet own {\n\tchain in {\n\t\ttype filter hook input priority 10; policy accept;\n\t\ttcp dport 23 drop\n\t}\n}\n"


def test_what_nft_lists_of_iptables_is_not_loaded_twice() -> None:
    assert list(read(snapshot(parts=parts(nft=MIRROR))).rulesets) == ["v4"]
    native = read(snapshot(parts=parts(nft=f"{WARNING}{MIRROR}{OWN}")))
    assert native.rulesets["nft"].text.strip("\n") + "\n" == OWN
    assert native.rulesets["nft"].text.split("\n")[MIRROR.count("\n") + 1] == "table inet own {"


def test_a_table_that_nft_knows_more_of_is_kept() -> None:
    more = MIRROR.replace("\t\tiifname", "\t\tmeta mark 7 drop\n\t\tiifname")
    assert "nft" in read(snapshot(parts=parts(nft=more))).rulesets


def test_that_nobody_could_look_for_native_rules_is_told() -> None:
    found = snapshot(parts=parts(without=["nft"]), skipped=SKIPPED | {"nft": "no nft is here"})
    assert read(found).notes == ("whether nf_tables holds more than iptables-nft's rules is not known: no nft is on the host",)


@given(place=some.integers(0, len(snapshot()) - 1), instead=some.text(max_size=3))
@settings(max_examples=150, deadline=None)
def test_whatever_is_changed_it_is_a_host_or_one_message(place: int, instead: str) -> None:
    text = snapshot()
    changed = text[:place] + instead + text[place + 1:]
    with suppress(InputError):
        assert depends(read(changed)) == ()
