"""Every node's sysctls are what the lab wrote, whatever the machine has; a topology's own come on top."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.kernel.ground.namespace import Home, Namespace
from lab.kernel.stage.baseline import baseline
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, table, topology
from tests.kernel.test_ipv6 import dual_corridor

pytestmark = pytest.mark.kernel

CHECKOUT = Path(__file__).resolve().parents[2]
CONF = ("rp_filter", "accept_local", "send_redirects", "accept_redirects", "route_localnet", "arp_ignore")


def value(namespace: Namespace, key: str) -> str:
    with namespace:
        return Path("/proc/sys", key.replace(".", "/")).read_text().strip()


def values(node: Node) -> dict[str, str]:
    return {key: value(node.namespace, key) for key in node.sysctls}


def test_what_is_written_is_what_is_there(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    for node in lab.network.nodes.values():
        assert values(node) == node.sysctls
        wanted = baseline(forwards=node.name == "gateway", ipv6=False, anyip=False)
        assert {key: wanted[key] for key in node.sysctls} == node.sysctls
        assert {"net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net.ipv4.icmp_ratemask"} <= node.sysctls.keys()


def test_it_differs_from_what_a_namespace_is_born_with(lab_of: LabOf) -> None:
    home = Home()
    born = Namespace(home)
    try:
        node = lab_of(corridor(), gateway=table("filter")).network.nodes["client"]
        different = {key for key, written in node.sysctls.items() if value(born, key) != written}
    finally:
        born.close()
        home.close()
    assert {"net.ipv4.icmp_ratemask", "net.ipv4.conf.all.send_redirects", "net.ipv4.tcp_synack_retries"} <= different


@pytest.mark.parametrize("key", CONF)
def test_each_interface_has_it_too(lab_of: LabOf, key: str) -> None:
    node = lab_of(corridor(), gateway=table("filter")).network.nodes["gateway"]
    for interface in node.ports:
        assert value(node.namespace, f"net.ipv4.conf.{interface}.{key}") == "0"


def test_forwarding_is_the_topology_s(lab_of: LabOf) -> None:
    nodes = lab_of(corridor(), gateway=table("filter")).network.nodes
    found = {name: value(node.namespace, "net.ipv4.ip_forward") for name, node in nodes.items()}
    assert found == {"client": "0", "gateway": "1", "server": "0"}


def test_a_node_stands_for_others_without_answering_for_its_neighbours(lab_of: LabOf) -> None:
    nodes = lab_of(corridor(client={"anyip": True}), gateway=table("filter")).network.nodes
    assert value(nodes["client"].namespace, "net.ipv4.conf.all.arp_ignore") == "1"
    assert value(nodes["server"].namespace, "net.ipv4.conf.all.arp_ignore") == "0"


def test_the_topology_s_own_come_on_top(lab_of: LabOf) -> None:
    own = {"net.ipv4.conf.all.rp_filter": 1, "net.ipv4.conf.left.rp_filter": 2, "net.ipv4.ip_default_ttl": 33}
    node = lab_of(corridor(gateway={"sysctls": own}), gateway=table("filter")).network.nodes["gateway"]
    assert {key: value(node.namespace, key) for key in own} == {key: str(wanted) for key, wanted in own.items()}
    assert {key: node.sysctls[key] for key in own} == {key: str(wanted) for key, wanted in own.items()}


def test_without_ipv6_addresses_there_is_no_ipv6(lab_of: LabOf) -> None:
    for node in lab_of(corridor(), gateway=table("filter")).network.nodes.values():
        assert value(node.namespace, "net.ipv6.conf.all.disable_ipv6") == "1"


def test_it_is_written_before_anything_else_can_write() -> None:
    """A ruleset's own modules switch on what they need (xt_connbytes: accounting), and that must stay."""
    accounting = "net.netfilter.nf_conntrack_acct"
    seen: dict[str, str] = {}

    def load(node: Node) -> None:
        seen[node.name] = value(node.namespace, "net.ipv4.icmp_ratemask")
        with node.namespace:
            Path("/proc/sys", accounting.replace(".", "/")).write_text("1")

    network = Network(topology(corridor()), load)
    try:
        assert seen == dict.fromkeys(network.nodes, "0")
        assert {value(node.namespace, accounting) for node in network.nodes.values()} == {"1"}
    finally:
        network.close()


def test_a_rule_that_counts_what_passed_sees_it(lab_of: LabOf) -> None:
    """connbytes counts by conntrack's accounting: the third packet of the exchange, the handshake's last, is one too many."""
    third = "-m connbytes --connbytes 3 --connbytes-dir both --connbytes-mode packets"
    many = f"-A FORWARD {third} -m comment --comment third -j DROP"
    lab = lab_of(corridor(), gateway=table("filter", many))
    assert value(lab.network.nodes["gateway"].namespace, "net.netfilter.nf_conntrack_acct") == "1"
    verdict = lab.probe("client", "server", "tcp/8443")
    assert (verdict.kind, verdict.rule and verdict.rule.comment) == (Kind.DROPPED, "third"), verdict.proof


def test_an_address_of_ipv6_is_made_as_everywhere(lab_of: LabOf) -> None:
    node = lab_of(dual_corridor(), gateway=table("filter")).network.nodes["gateway"]
    found = {key: value(node.namespace, f"net.ipv6.conf.left.{key}") for key in ("addr_gen_mode", "hop_limit", "ndisc_notify")}
    assert found == {"addr_gen_mode": "0", "hop_limit": "64", "ndisc_notify": "0"}


@pytest.mark.parametrize("key", ["net.netfilter.nf_conntrack_losse", "net.ipv6.conf.all.forwardign", "net.ipv6.conf.left.mu"])
def test_one_of_the_topology_s_that_is_not_there_is_told(lab_of: LabOf, key: str) -> None:
    written = dual_corridor()
    written["nodes"]["gateway"]["sysctls"] = {key: 1}
    with pytest.raises(InputError, match=f"gateway: this kernel has no sysctl {key}"):
        lab_of(written, gateway=table("filter"))


READ_ONLY = """
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
exec "$0" -c "$1"
"""
BUILD = """
from lab.errors import MachineError
from lab.kernel.stage.network import Network
from tests.kernel.scenes import corridor, topology
try:
    Network(topology(corridor()))
except MachineError as error:
    print(error)
"""


def test_where_sysctls_are_read_only_it_says_so() -> None:
    argv = ["unshare", "--mount", "sh", "-c", READ_ONLY, sys.executable, BUILD]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip(f"mounts cannot be changed here: {done.stderr.strip()}")
    assert "cannot be written: Read-only file system" in done.stdout, done.stdout + done.stderr
    assert "--privileged" in done.stdout
