"""What the script lists that it does not capture, on a host whose tools print what these stand-ins do."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from lab.twin.reading import read_host
from lab.twin.script import snapshot_script

LINKS = """1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0
2: eth0: <BROADCAST,UP> mtu 1500 xdpgeneric/id:7 qdisc mq state UP
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff promiscuity 0
    prog/xdp id 7 name drop tag 57cd311f2e27366b jited
    inet 203.0.113.2/24 scope global eth0
3: veth1@if4: <BROADCAST,UP> mtu 1500 xdp/id:8 qdisc noqueue master br0 state UP
    link/ether 02:00:00:00:00:03 brd ff:ff:ff:ff:ff:ff promiscuity 1
    veth
    bridge_slave state forwarding
4: br0: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP
    link/ether 02:00:00:00:00:04 brd ff:ff:ff:ff:ff:ff promiscuity 0
    bridge forward_delay 1500
5: wg0: <POINTOPOINT,NOARP,UP> mtu 1420 qdisc noqueue state UNKNOWN
    link/none  promiscuity 0
    wireguard numtxqueues 1
6: wg1: <POINTOPOINT,NOARP,UP> mtu 1420 qdisc noqueue state UNKNOWN
    link/none  promiscuity 0
    wireguard numtxqueues 1
7: red: <NOARP,MASTER,UP> mtu 65575 qdisc noqueue state UP
    link/ether 02:00:00:00:00:07 brd ff:ff:ff:ff:ff:ff promiscuity 0
    vrf table 10 numtxqueues 1
"""
IP = """#!/bin/sh
case "$*" in
    -V) echo "ip utility, iproute2-ss170501" ;;
    *-j*) echo 'Option "-j" is unknown, try "ip -help".' >&2; exit 255 ;;
    *link*|*addr*) cat <<'LINKS'
{links}LINKS
    ;;
    "-4 rule show") printf '0:\\tfrom all lookup local\\n' ;;
    "xfrm policy") printf 'src 10.0.0.0/8 dst 10.1.0.0/16\\n\\tdir out\\nsrc 10.1.0.0/16 dst 10.0.0.0/8\\n\\tdir in\\n' ;;
esac
"""
TOOLS = {
    "id": "echo 0", "ip": "", "tc": 'case "$*" in *"dev eth0 ingress") echo "filter protocol all pref 1 u32" ;; esac',
    "nft": "", "ipset": "", "conntrack": "exit 1", "systemctl": "exit 1", "readlink": 'echo "$2"',
    **{f"ip{six}tables{way}{save}": "" for six in ("", "6") for way in ("", "-nft", "-legacy") for save in ("", "-save")},
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What it prints there; nothing of this machine's own rules is looked at."""
    folder = tmp_path_factory.mktemp("host")
    for name, does in TOOLS.items():
        (folder / name).write_text(IP.replace("{links}", LINKS) if name == "ip" else f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)
    done = subprocess.run(
        ["sh"], input=snapshot_script(), capture_output=True, text=True, timeout=60, check=True,
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
    )  # fmt: skip
    (folder / "gw.json").write_text(done.stdout)
    return str(folder / "gw.json")


def test_what_it_saw_and_does_not_capture_is_listed(told: str) -> None:
    listed = read_host(Path(told)).not_captured
    assert {
        "wireguard peers: wg0 wg1", "vrf: red", "bridge: br0", "bridge ports: veth1", "xdp programs: eth0 veth1",
        "tc filters: eth0",
    } <= set(listed)  # fmt: skip
    assert [one for one in listed if one.startswith("xfrm policies")] in ([], ["xfrm policies: 2"])


def test_text_of_an_old_ip_is_read(told: str) -> None:
    host = read_host(Path(told))
    assert [(link.name, link.kind, link.master) for link in host.links[1:4]] == [
        ("eth0", None, None), ("veth1", "veth", "br0"), ("br0", "bridge", None),
    ]  # fmt: skip
    versions = json.loads(Path(told).read_text())["parts"]["versions"]["text"]
    assert "ip = ip utility, iproute2-ss170501" in versions.splitlines()
