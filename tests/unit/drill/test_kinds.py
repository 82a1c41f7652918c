"""Commands by their words: to look, to change, neither."""

from __future__ import annotations

import pytest

from lab.drill.typed.kinds import purpose_of
from lab.record.debrief import Purpose


@pytest.mark.parametrize(
    "line",
    [
        "iptables -L -n -v", "iptables -S", "iptables -nvL --line-numbers", "iptables -t nat -vnL", "ip6tables-save -c",
        "tcpdump -ni lan", "ping -c1 10.0.0.1", "ss -tlnp", "ip r", "ip -6 route", "ip a", "ip route get 10.0.0.1",
        "ip -s link show", "conntrack -L -p tcp", "conntrack -E", "dmesg | tail", "nft list ruleset",
        "nft monitor trace", "sysctl net.ipv4.ip_forward", "sysctl -a", "cat /etc/iptables/rules.v4", "ip neigh",
        "ip rule", "nft -a list table filter", "sudo iptables -L", "ip netns exec gateway iptables -S",
        "timeout 3 tcpdump", "iptables-save > /tmp/before", "ipset list", "watch iptables -L", "ip netns",
        "iptables -C INPUT -j DROP",
    ],
)  # fmt: skip
def test_looks(line: str) -> None:
    assert purpose_of(line) is Purpose.LOOK


@pytest.mark.parametrize(
    "line",
    [
        "iptables -A FORWARD -j ACCEPT", "iptables -t nat -I POSTROUTING 1 -j MASQUERADE", "iptables -wI FORWARD -j DROP",
        "ip6tables --policy FORWARD ACCEPT", "iptables -F", "iptables -D FORWARD 3",
        "iptables-restore < /etc/iptables/rules.v4",
        "ip route add default via 10.0.0.1", "ip link set wan mtu 1400", "ip addr del 10.0.0.1/24 dev lan",
        "ip rule add fwmark 1 lookup 7",
        "sysctl -w net.ipv4.ip_forward=1", "sysctl net.ipv4.ip_forward=1", "reboot", "nft add rule inet f c accept", "nft -f x",
        "iptables -L; iptables -F", "for i in 1 2; do iptables -A INPUT -s $i -j DROP; done", "conntrack -D -s 10.0.0.1",
        "conntrack -F",
        "iptables-save > /etc/iptables/rules.v4", "sed -i s/a/b/ /etc/iptables/rules.v4", "sh -c 'iptables -P FORWARD ACCEPT'",
        "iptables-save | sed s/x/y/ | iptables-restore", "echo 1 > /etc/sysctl.conf",
    ],
)  # fmt: skip
def test_changes(line: str) -> None:
    assert purpose_of(line) is Purpose.CHANGE


@pytest.mark.parametrize("line", ["", "cd /etc", "echo 'iptables -F'", "# iptables -F", "iptables 'unfinished", "exit"])
def test_neither(line: str) -> None:
    assert purpose_of(line) in (Purpose.OTHER, Purpose.LOOK)
    assert purpose_of(line) is not Purpose.CHANGE
