"""A snapshot of a host that the kernel holds is that host, whichever shell and whichever `ip` took it, and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

import pytest

from lab.errors import InputError
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.tools import run
from lab.kernel.stage.node import Node
from lab.record.host import Dumped, Host
from lab.twin.reading import read_host
from lab.twin.script import snapshot_script
from tests.kernel.scenes import table

pytestmark = pytest.mark.kernel

SHELLS = {"sh": ["sh"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
NETWORK = """
link set lo up
link add wan type veth peer name far0
link add lan0 type veth peer name far1
link add br0 type bridge
link set lan0 master br0
link set wan address 02:00:00:00:00:01
link set wan mtu 1400
link set wan up
link set far0 up
link set lan0 up
link set br0 up
addr add 198.51.100.2/24 dev wan
addr add 198.51.100.9/24 dev wan label wan:0
addr add 2001:db8::2/64 dev wan nodad
addr add 10.0.7.1/24 dev br0
addr add 10.8.0.1 peer 10.8.0.2/32 dev far0
route add default via 198.51.100.1
route add 10.9.0.0/16 nexthop via 198.51.100.3 dev wan weight 2 nexthop via 198.51.100.4 dev wan
route add blackhole 10.99.0.0/16
route add 10.55.0.0/16 via 198.51.100.5 table 201 metric 5
route add default via 2001:db8::1
rule add fwmark 0x10/0xff lookup 201 pref 100
rule add not from 10.0.7.0/24 iif br0 lookup 201 pref 101
rule add from 10.0.7.0/24 ipproto tcp dport 10-20 prohibit pref 102
"""
NETWORK_6 = "rule add from 2001:db8:7::/64 lookup 201 pref 103\n"
ODD = r"a \"quoted\" back\\slash, ümläut"
V4 = table("filter", "-A FORWARD -i br0 -o wan -m set --match-set guests src -j DROP",
           f'-A FORWARD -p tcp -m comment --comment "{ODD}" -j ACCEPT', FORWARD="DROP") + table(
    "nat", "-A POSTROUTING -o wan -j MASQUERADE")  # fmt: skip
V6 = table("filter", "-A INPUT -p ipv6-icmp -j ACCEPT", INPUT="DROP")
NATIVE = """table inet own {
\tchain early {
\t\ttype filter hook prerouting priority raw; policy accept;
\t\ttcp dport 23 drop
\t}
}
"""
SETS = "create guests hash:ip\nadd guests 10.0.7.66\n"


@pytest.fixture(scope="module")
def host() -> Any:
    """A host with interfaces of several kinds, tables, rules, sets, and rules of iptables-nft and of native nft."""
    home = Home()
    node = Node("real", home)
    try:
        feed(node, ["ip", "-batch", "-"], NETWORK)
        feed(node, ["ip", "-6", "-batch", "-"], NETWORK_6)
        feed(node, ["ipset", "restore"], SETS)
        feed(node, ["iptables-nft-restore"], V4)
        feed(node, ["ip6tables-nft-restore"], V6)
        feed(node, ["nft", "-f", "-"], NATIVE)
        yield node
    finally:
        node.close()
        home.close()


def feed(node: Node, argv: Sequence[str], text: str) -> None:
    done = run(node.namespace, argv, text)
    assert (done.code, done.err) == (0, ""), argv


def taken(node: Node, shell: Sequence[str] = ("sh",), *, conntrack: bool = False, **environment: str) -> str:
    """What the script prints where it comes by a pipe, as from ssh."""
    with node.namespace:
        done = subprocess.run(
            shell, input=snapshot_script(conntrack=conntrack).encode(), capture_output=True, check=True, timeout=60,
            env={"PATH": os.environ["PATH"], **environment},
        )  # fmt: skip
    assert done.stderr == b""
    return done.stdout.decode()


def read(text: str) -> Host:
    return read_host(Dumped(text, "real.json"))


def state(node: Node) -> Mapping[str, str]:
    """What the host has, as its tools tell."""
    with node.namespace:
        legacy = Path("/proc/thread-self/net/ip_tables_names").read_text()
    asked = {
        "nft": ["nft", "-s", "list", "ruleset"], "ipset": ["ipset", "save"], "addresses": ["ip", "-4", "-o", "addr"],
        "links": ["ip", "-br", "link", "show", "type", "veth"], "rules": ["ip", "rule"],
    }  # fmt: skip
    return {"legacy": legacy, **{name: run(node.namespace, argv).out for name, argv in asked.items()}}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_host_that_was_built_is_the_one_that_is_read(host: Node, shell: str) -> None:
    if shutil.which(SHELLS[shell][0]) is None:
        pytest.skip(f"no {shell} here")
    before = state(host)
    text = taken(host, SHELLS[shell])
    found, versions = read(text), json.loads(text)["parts"]["versions"]["text"]
    assert state(host) == before
    links = {link.name: link for link in found.links}
    wan = links["wan"]
    assert (wan.mac, wan.mtu, wan.up) == ("02:00:00:00:00:01", 1400, True)
    assert links["lan0"].master == "br0"
    if "iproute2" in versions:  # that of busybox tells of no kinds
        assert (wan.kind, links["br0"].kind) == ("veth", "bridge")
        assert "bridge ports: lan0" in found.not_captured
    own = {"198.51.100.2/24", "198.51.100.9/24", "2001:db8::2/64"}
    assert {ip_interface(one) for one in own} <= set(wan.addresses)
    assert links["far0"].peer == ("10.8.0.2",)
    assert [str(one) for one in links["far0"].addresses if one.version == 4] == ["10.8.0.1/32"]
    assert {
        (4, "default via 198.51.100.1 dev wan"),
        (4, "10.9.0.0/16 nexthop via 198.51.100.3 dev wan weight 2 nexthop via 198.51.100.4 dev wan weight 1"),
        (4, "blackhole 10.99.0.0/16"),
        (4, "10.55.0.0/16 via 198.51.100.5 dev wan table 201 metric 5"),
        (6, "default via 2001:db8::1 dev wan metric 1024 pref medium"),
    } <= set(found.routes)
    assert {
        (4, "100: from all fwmark 0x10/0xff lookup 201"),
        (4, "101: not from 10.0.7.0/24 iif br0 lookup 201"),
        (4, "102: from 10.0.7.0/24 ipproto tcp dport 10-20 prohibit"),
        (6, "103: from 2001:db8:7::/64 lookup 201"),
    } <= set(found.rules)
    assert found.sysctls["net.ipv4.conf.wan.rp_filter"].isdecimal()
    assert "\nnft = nftables" in versions


def test_the_rules_are_those_that_the_tools_print_and_none_twice(host: Node) -> None:
    found = read(taken(host))
    assert list(found.rulesets) == ["ipset", "v4", "v6", "nft"]
    for kind, tool in (("v4", "iptables-nft-save"), ("v6", "ip6tables-nft-save"), ("ipset", "ipset")):
        printed = run(host.namespace, [tool, *(["save"] if tool == "ipset" else [])]).out
        assert stamped(found.rulesets[kind].text) == stamped(printed)
    assert f'--comment "{ODD}"' in found.rulesets["v4"].text
    native = [line for line in found.rulesets["nft"].text.split("\n") if line]
    assert native[0] == "table inet own {"
    assert native[-1] == "}"
    assert (found.backend, found.notes) == ("nft", ())


def stamped(save: str) -> list[str]:
    """Without the lines that say when, and without what the chains have counted: the kernel sends unasked."""
    return [line.split(" [")[0] for line in save.strip().split("\n") if not line.startswith("#")]


def test_a_table_of_the_other_backend_is_told_and_is_not_made(host: Node) -> None:
    """Rules of ip_tables beside those of nf_tables: packets pass both, the lab loads one."""
    assert "iptables-legacy-save" in json.loads(taken(host))["skipped"]
    feed(host, ["iptables-legacy-restore"], table("filter", "-A INPUT -p udp -j DROP"))
    text = taken(host)
    found = read(text)
    assert found.backend == "nft"
    assert "-A INPUT -p udp -j DROP" in json.loads(text)["parts"]["iptables-legacy-save"]["text"]
    assert "-A INPUT -p udp -j DROP" not in found.rulesets["v4"].text
    assert [note.split(" beside")[0] for note in found.notes] == ["iptables-legacy holds 1 rule"]


def test_flows_are_taken_where_they_are_asked_for(host: Node) -> None:
    assert read(taken(host)).conntrack is None
    found = read(taken(host, conntrack=True)).conntrack
    assert found is not None
    flows = found.text.splitlines()
    assert [flow for flow in flows if " src=" not in flow or " dst=" not in flow] == []


def test_a_tool_that_fails_there_is_told_here(host: Node, tmp_path: Path) -> None:
    failing = tmp_path / "nft"
    failing.write_text('#!/bin/sh\ncase $* in *ruleset*) echo "netlink: no \\"memory\\"" >&2; exit 3 ;; esac\n')
    failing.chmod(0o755)
    with pytest.raises(InputError, match='`nft list ruleset` failed on the host, with exit code 3: netlink: no "memory"'):
        read(taken(host, PATH=f"{tmp_path}:{os.environ['PATH']}"))


def test_an_old_ip_tells_the_same_in_text(host: Node, tmp_path: Path) -> None:
    """Before 4.14 iproute2 has no -j."""
    wrapper = tmp_path / "ip"
    wrapper.write_text(
        '#!/bin/sh\nfor word; do [ "$word" = -j ] && { echo "Option \\"-j\\" is unknown" >&2; exit 255; }; done\n'
        f'exec {shutil.which("ip")} "$@"\n'
    )
    wrapper.chmod(0o755)
    new, old = read(taken(host)), read(taken(host, PATH=f"{tmp_path}:{os.environ['PATH']}"))
    assert old.links == new.links
    assert old.rules == new.rules
    assert old.routes == new.routes
