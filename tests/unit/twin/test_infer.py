"""What rules alone say of their host: of kinds of hosts that people have."""

from __future__ import annotations

import pytest

from lab.record.host import Dumped, Host
from lab.twin import kinds, placing
from lab.twin.infer import inferred
from lab.written.words import Network
from tests.unit.twin.hosts import Concluded, filtered, host

UFW = filtered(
    "-A INPUT -j ufw-before-input", "-A INPUT -j ufw-user-input", "-A ufw-before-input -i lo -j ACCEPT",
    "-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT",
    "-A ufw-user-input -s 203.0.113.9/32 -p tcp -m tcp --dport 5432 -j ACCEPT",
)  # fmt: skip
DOCKER = filtered(
    "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A FORWARD -o docker0 -j DOCKER",
    "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT", "-A FORWARD -i br-0123456789ab ! -o br-0123456789ab -j ACCEPT",
    "-A DOCKER -d 172.20.0.7/32 ! -i br-0123456789ab -o br-0123456789ab -p tcp -m tcp --dport 8080 -j ACCEPT",
    nat=(
        "-A POSTROUTING -s 172.20.0.0/16 ! -o br-0123456789ab -j MASQUERADE",
        "-A DOCKER ! -i br-0123456789ab -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.20.0.7:8080",
    ),
)  # fmt: skip
GATEWAY = filtered(
    "-A INPUT -i eth1 -j loc-fw", "-A FORWARD -i eth1 -o eth0 -j loc2net", "-A FORWARD -i eth0 -o eth2 -j net2dmz",
    "-A FORWARD -i eth0 -j net-in", "-A net-in -s 10.0.0.0/8 -j DROP", "-A net-in -s 192.168.0.0/16 -j DROP",
    "-A loc2net -s 192.168.7.0/24 -j ACCEPT", "-A net2dmz -d 10.9.9.5/32 -p tcp -m tcp --dport 443 -j ACCEPT",
    "-A loc-fw -p tcp -m tcp --dport 22 -j ACCEPT",
    nat=("-A POSTROUTING -s 192.168.7.0/24 -o eth0 -j SNAT --to-source 198.51.100.7",
         "-A PREROUTING -d 198.51.100.8/32 -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.9.9.5"),
)  # fmt: skip
NFT = """
define lan = br-lan
table inet fw4 {
	set servers {
		type ipv4_addr
		flags interval
		elements = { 192.168.20.0/24 }
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		iifname $lan ip saddr 192.168.9.0/24 oifname "eth1" accept
		iifname "eth2" ip saddr @servers accept
		iifname "wan6" ip6 saddr 2001:db8:9::/48 jump down
	}
	chain down {
		tcp dport 22 accept
	}
	chain srcnat {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "eth1" snat ip to 203.0.113.5
	}
}
"""


def test_a_ufw_host_has_one_interface_and_everything_is_behind_it() -> None:
    found = Concluded(host(v4=UFW))
    assert found.addresses() == {"eth0": ["198.51.100.2/24"]}
    assert found.uplinks() == {"eth0"}
    assert found.guess("is there, and the uplink").rests_on == ""
    assert found.guess("invented: no rule names a network there").about == "198.51.100.2"


def test_a_docker_host_has_its_bridges_and_an_uplink_that_no_rule_names() -> None:
    found = Concluded(host(v4=DOCKER))
    assert found.addresses() == {
        "eth0": ["198.51.100.2/24"], "docker0": ["172.17.0.1/16"], "br-0123456789ab": ["172.20.0.1/16"],
    }  # fmt: skip
    guess = found.guess("172.20.0.0/16 is behind br-0123456789ab")
    assert str(guess.where) == "fw.rules:2"
    assert guess.rests_on == "-A POSTROUTING -s 172.20.0.0/16 ! -o br-0123456789ab -j MASQUERADE"
    assert "this is what its maker gives it" in found.guess("172.17.0.0/16 is behind docker0").what
    assert {link.name: link.kind for link in found.host.links} == {
        "eth0": None, "docker0": "bridge", "br-0123456789ab": "bridge",
    }  # fmt: skip


def test_a_gateway_of_chains_has_what_its_callers_ask_for() -> None:
    found = Concluded(host(v4=GATEWAY))
    assert found.uplinks() == {"eth0"}
    assert found.behind() == {
        "eth1": ["192.168.7.0/24"], "eth0": ["198.51.100.0/24", "198.51.100.0/24", "default"], "eth2": ["10.9.9.0/24"],
    }  # fmt: skip
    assert found.addresses()["eth0"] == ["198.51.100.7/24", "198.51.100.8/24"]
    own = found.guess("198.51.100.7 is this host's own address on eth0")
    assert own.rests_on.startswith("-A POSTROUTING -s 192.168.7.0/24")
    assert found.guess("192.168.7.0/24 is behind eth1").rests_on == "-A loc2net -s 192.168.7.0/24 -j ACCEPT"


def test_an_nft_router_is_read_with_its_definitions_and_sets() -> None:
    found = Concluded(host(nft=NFT))
    behind = found.behind()
    first = {name: networks[0] for name, networks in behind.items() if name != "wan6"}
    assert first == {"br-lan": "192.168.9.0/24", "eth1": "203.0.113.0/24", "eth2": "192.168.20.0/24"}
    assert "203.0.113.5/24" in found.addresses()["eth1"]
    assert "2001:db8:9::/48" in behind["wan6"]
    assert found.guess("192.168.20.0/24 is behind eth2").rests_on == 'iifname "eth2" ip saddr @servers accept'
    assert found.guess("203.0.113.5 is this host's own").rests_on == 'oifname "eth1" snat ip to 203.0.113.5'


def test_rules_of_ipchains_days_name_addresses_in_place_of_interfaces() -> None:
    text = filtered(
        "-A INPUT -d 192.0.2.17 -p tcp -m tcp --dport 25 -j ACCEPT",
        "-A INPUT -d 10.1.2.17 -p tcp -m tcp --dport 631 -j ACCEPT",
        "-A INPUT -s 10.1.2.0/255.255.255.0 -p udp -m udp --dport 53 -j ACCEPT", "-A INPUT -d 10.1.2.255 -j DROP",
    )  # fmt: skip
    found = Concluded(host(v4=text))
    assert found.addresses() == {"eth0": ["192.0.2.17/24", "10.1.2.17/24"]}


def test_rules_of_ipv6_alone_make_a_host_of_ipv6_alone() -> None:
    text = filtered(
        "-A FORWARD -s 2001:db8:7::/64 -i lan -o wan -j ACCEPT",
        "-A INPUT -d 2001:db8:1::5/128 -i wan -p tcp --dport 22 -j ACCEPT"
    )
    found = Concluded(host(v6=text))
    assert found.addresses() == {"lan": ["2001:db8:7::1/64"], "wan": ["2001:db8:1::5/64"]}
    assert found.uplinks() == {"wan"}


def test_a_tunnel_has_two_ends_and_the_network_that_nothing_else_is_for() -> None:
    text = filtered(
        "-A FORWARD -i wg0 -j ACCEPT", "-A INPUT -p udp -m udp --dport 51820 -j ACCEPT",
        nat=("-A POSTROUTING -s 10.66.0.0/24 -o eth0 -j MASQUERADE",),
    )  # fmt: skip
    found = Concluded(host(v4=text))
    (tunnel,) = (link for link in found.host.links if link.name == "wg0")
    assert (tunnel.kind, tunnel.point_to_point, [str(one) for one in tunnel.addresses]) == ("wireguard", True, ["10.66.0.1/24"])
    assert "nothing else is behind wg0" in found.guess("10.66.0.0/24 is behind wg0").what
    assert found.uplinks() == {"eth0"}


def test_the_interface_of_a_provider_has_a_peer_and_no_network() -> None:
    text = filtered("-A FORWARD -i eth0 -o ppp0 -j ACCEPT", nat=("-A POSTROUTING -s 10.3.3.0/24 -o ppp0 -j MASQUERADE",))
    found = Concluded(host(v4=text))
    (line,) = (link for link in found.host.links if link.name == "ppp0")
    assert ([str(one) for one in line.addresses], line.peer) == (["198.51.100.2/32"], ("198.51.100.1",))
    assert (4, "default dev ppp0 scope link") in found.host.routes
    assert found.addresses()["eth0"] == ["10.3.3.1/24"]


def test_of_two_uplinks_the_first_has_the_default_route_and_the_other_what_is_named_there() -> None:
    text = filtered(
        "-A FORWARD -i lan -o dsl -j ACCEPT", "-A FORWARD -i lan -d 203.0.113.32/27 -o cable -j ACCEPT",
        nat=("-A POSTROUTING -o dsl -j SNAT --to-source 192.168.1.2",
             "-A POSTROUTING -o cable -j SNAT --to-source 192.168.2.2"),
    )  # fmt: skip
    found = Concluded(host(v4=text))
    assert found.uplinks() == {"dsl"}
    assert found.guess("is another uplink").about == "cable"
    assert found.behind()["cable"] == ["192.168.2.0/24", "203.0.113.32/27"]
    assert found.no_overlap()


def test_networks_of_thousands_of_rules_are_placed_without_comparing_each_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    within = kinds.is_within

    def counted(inner: Network, outer: Network) -> bool:
        nonlocal asked
        asked += 1
        return within(inner, outer)

    monkeypatch.setattr(placing, "is_within", counted)
    lines = "".join(f"-A FORWARD -s 10.{number >> 8}.{number & 255}.0/24 -j ACCEPT\n" for number in range(400))
    inferred(Host("fw", rulesets={"v4": Dumped(f"*filter\n:FORWARD DROP [0:0]\n{lines}COMMIT\n", "fw.rules")}))
    assert asked < 10 * 400
