"""What a rule says of a network, an address or an interface, and what it does not."""

from __future__ import annotations

from ipaddress import ip_interface

import pytest

from lab.errors import InputError
from lab.record.host import Host, Link
from lab.twin.infer import inferred
from tests.unit.twin.hosts import Concluded, filtered, host

ANTI_SPOOFING = "-A INPUT -s 10.0.0.0/8 -i eth0 -j DROP"


def test_a_network_whose_sources_are_dropped_is_not_behind_the_interface() -> None:
    found = Concluded(host(v4=filtered(ANTI_SPOOFING, "-A INPUT -s 10.7.0.0/24 -i eth1 -j ACCEPT")))
    assert "10.0.0.0/8" not in found.behind()["eth0"]
    assert found.behind()["eth1"] == ["10.7.0.0/24"]
    assert "private sources are denied there" in found.guess("eth0 is the uplink").what


def test_a_network_whose_like_alone_may_come_in_is_behind_the_interface() -> None:
    found = Concluded(host(v4=filtered(
        "-A FORWARD ! -s 10.7.0.0/28 -i dmz -j DROP",
        "-A FORWARD -s 10.7.0.0/28 -i wan -j ACCEPT",
    )))  # fmt: skip
    assert found.behind()["dmz"] == ["10.7.0.0/28"]
    assert found.guess("10.7.0.0/28 is behind dmz").rests_on == "-A FORWARD ! -s 10.7.0.0/28 -i dmz -j DROP"


def test_a_denied_service_still_says_where_its_network_is() -> None:
    found = Concluded(host(v4=filtered(
        "-A FORWARD -s 10.7.0.0/24 -i eth1 -p tcp --dport 25 -j DROP",
        "-A FORWARD -i eth0 -j DROP",
    )))  # fmt: skip
    assert found.behind()["eth1"][0] == "10.7.0.0/24"


def test_the_longest_of_networks_that_overlap_wins() -> None:
    text = filtered(
        "-A FORWARD -s 10.0.0.0/8 -i core -j ACCEPT",
        "-A FORWARD -s 10.5.5.0/24 -i lab -j ACCEPT",
        "-A INPUT -i wan -j DROP",
    )  # fmt: skip
    found = Concluded(host(v4=text))
    assert found.behind()["lab"] == ["10.5.5.0/24"]
    assert found.behind()["core"] == ["10.0.0.0/24", "10.0.0.0/8"]
    assert found.no_overlap()


def test_single_addresses_are_of_the_network_that_rules_name_around_them() -> None:
    text = filtered("-A FORWARD -s 10.5.5.9/32 -i lan -j ACCEPT", "-A FORWARD -d 10.5.0.0/16 -j LOG", "-A INPUT -i wan -j DROP")
    found = Concluded(host(v4=text))
    assert found.behind()["lan"] == ["10.5.0.0/16"]
    assert "rules name 10.5.5.9 there" in found.guess("10.5.0.0/16 is behind lan").what


def test_the_host_takes_no_address_that_rules_name() -> None:
    text = filtered(
        "-A FORWARD -s 10.5.5.0/24 -i lan -j ACCEPT",
        "-A FORWARD -s 10.5.5.1/32 -j DROP",
        "-A INPUT -i wan -j DROP",
    )  # fmt: skip
    assert Concluded(host(v4=text)).addresses()["lan"] == ["10.5.5.254/24"]


def test_a_word_for_many_interfaces_makes_one_where_no_other_fits() -> None:
    text = filtered("-A FORWARD -i tap+ -j ACCEPT", "-A FORWARD -i eth+ -j ACCEPT", "-A INPUT -i eth7 -j DROP")
    assert set(Concluded(host(v4=text)).addresses()) == {"tap0", "eth7"}


def test_guests_that_are_translated_wherever_they_go_have_a_bridge() -> None:
    text = filtered(
        "-A INPUT -p tcp --dport 22 -j ACCEPT",
        nat=("-A POSTROUTING -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE",),
    )  # fmt: skip
    found = Concluded(host(v4=text))
    assert found.behind()["virbr0"] == ["192.168.122.0/24"]
    assert "its guests need a bridge" in found.guess("virbr0 is there").what


def test_a_private_network_that_is_forwarded_and_placed_nowhere_has_a_lan_of_its_own() -> None:
    text = filtered("-A FORWARD -s 10.4.0.0/24 -o eth0 -j ACCEPT", nat=("-A POSTROUTING -o eth0 -j MASQUERADE",))
    found = Concluded(host(v4=text))
    assert found.behind()["lan0"] == ["10.4.0.0/24"]
    assert found.guess("lan0 is there").rests_on == "-A FORWARD -s 10.4.0.0/24 -o eth0 -j ACCEPT"


def test_what_may_be_sent_to_everybody_is_no_address_of_the_host() -> None:
    text = filtered(
        "-A INPUT -d 224.0.0.251/32 -j ACCEPT",
        "-A INPUT -d 255.255.255.255/32 -j ACCEPT",
        "-A INPUT -d 127.0.0.1 -j ACCEPT",
    )  # fmt: skip
    assert Concluded(host(v4=text)).addresses() == {"eth0": ["198.51.100.2/24"]}


def test_sets_say_which_addresses_a_rule_means() -> None:
    text = filtered("-A FORWARD -i lan -m set --match-set servers src -j ACCEPT", "-A INPUT -i wan -j DROP")
    found = Concluded(host(v4=text, ipset="create servers hash:net\nadd servers 10.8.8.0/24\n"))
    assert found.behind()["lan"] == ["10.8.8.0/24"]


def test_zones_that_chains_are_called_after_tell_the_uplink() -> None:
    text = filtered(
        "-A FORWARD -i ens5 -g FWDI_internal", "-A FORWARD -i ens6 -g FWDI_external",
        "-A FWDI_internal -p tcp --dport 22 -j ACCEPT", "-A FWDI_external -j DROP",
    )  # fmt: skip
    assert Concluded(host(v4=text)).uplinks() == {"ens6"}


def test_what_is_translated_where_it_leaves_tells_the_uplink() -> None:
    text = filtered(nat=("-A PREROUTING -i one -p tcp --dport 80 -j LOG", "-A POSTROUTING -o two -j MASQUERADE"))
    assert Concluded(host(v4=text)).uplinks() == {"two"}


def test_a_network_of_which_rules_place_the_parts_is_behind_none() -> None:
    text = filtered(
        "-A FORWARD ! -s 10.3.1.0/24 -i lab -j DROP", "-A FORWARD ! -s 10.3.2.0/24 -i desk -j DROP",
        "-A FORWARD -s 10.3.0.0/16 -p udp --dport 68 -j ACCEPT", "-A INPUT -i wan -j DROP",
    )  # fmt: skip
    networks = [network for behind in Concluded(host(v4=text)).behind().values() for network in behind]
    assert "10.3.0.0/16" not in networks
    assert {"10.3.1.0/24", "10.3.2.0/24"} <= set(networks)


def test_two_hosts_have_no_address_in_common_that_is_invented() -> None:
    rules = host(v4=filtered("-A FORWARD -s 10.5.5.0/24 -i lan -j ACCEPT", "-A INPUT -i wan -j DROP")).rulesets
    first, _ = inferred(Host("one", rulesets=rules))
    second, _ = inferred(Host("two", rulesets=rules), [first])
    own = [{str(one.ip) for link in whole.links for one in link.addresses} for whole in (first, second)]
    assert own == [{"10.5.5.1", "198.51.100.2"}, {"10.5.5.254", "203.0.113.2"}]


def test_what_the_same_host_was_before_tells_of_it_too() -> None:
    after = host(v4=filtered("-A FORWARD ! -s 10.3.1.0/24 -i lab -j DROP", "-A INPUT -i wan -j DROP"))
    before = host(v4=filtered("-A INPUT -i lab -j ACCEPT", "-A INPUT -i old -j ACCEPT", "-A INPUT -i wan -j DROP"))
    for one, other in ((after, before), (before, after)):
        found, guesses = inferred(one, before=other)
        assert {link.name for link in found.links} == {"lab", "old", "wan"}
        assert [str(guess.rests_on) for guess in guesses if "10.3.1.0/24 is behind lab" in guess.what] == [
            "-A FORWARD ! -s 10.3.1.0/24 -i lab -j DROP"
        ]


def test_a_mended_rule_is_told_as_it_is_written() -> None:
    text = filtered("-A FORWARD -s ! 10.7.0.0/28 -i dmz -j DROP", "-A INPUT -i wan -j DROP")
    found = Concluded(host(v4=text))
    guess = found.guess("10.7.0.0/28 is behind dmz")
    assert (guess.rests_on, str(guess.where)) == ("-A FORWARD -s ! 10.7.0.0/28 -i dmz -j DROP", "fw.rules:6")


def test_a_host_whose_links_and_routes_are_known_is_left_alone() -> None:
    routes = ((4, "default via 192.0.2.1 dev eth0"),)
    whole = Host("fw", links=(Link("eth0"),), routes=routes, rulesets=host(v4=filtered()).rulesets)
    assert inferred(whole) == (whole, ())


def test_of_a_host_whose_addresses_are_known_what_is_missing_is_concluded() -> None:
    links = Link("eth0", (ip_interface("192.0.2.7/24"),)), Link("eth1", (ip_interface("10.9.0.1/24"),))
    text = filtered("-A FORWARD -s 10.77.0.0/16 -i eth1 -j ACCEPT", "-A FORWARD -i tun9 -j ACCEPT",
                    nat=("-A POSTROUTING -o eth0 -j MASQUERADE",))  # fmt: skip
    found, _ = inferred(Host("fw", links=links, rulesets=host(v4=text).rulesets))
    assert found.links == links
    assert found.routes == ((4, "default via 192.0.2.1 dev eth0"), (4, "10.77.0.0/16 via 10.9.0.254 dev eth1"))


def test_rules_that_name_more_interfaces_than_a_host_has_are_refused_with_the_way_out() -> None:
    text = filtered(*(f"-A INPUT -i if{number} -j DROP" for number in range(300)))
    with pytest.raises(InputError, match=r"(?s)300 interfaces.*ip addr"):
        inferred(host(v4=text))


def test_hostile_words_end_in_a_host_or_in_an_error() -> None:
    text = filtered(
        '-A INPUT -i "a b" -j DROP', "-A INPUT -i ../../x -s 999.1.1.1 -j DROP", "-A x -j y", "-A y -j x", "-A INPUT -j x",
        "-A INPUT -s 10.0.0.9-10.0.0.1 -j DROP", "-A INPUT -i all -j DROP", "-A INPUT -d 0.0.0.0/32 -j DROP",
        "-A INPUT -m iprange --src-range 1.1.1.1-0.0.0.1 -i eth0 -j DROP",
    )  # fmt: skip
    assert set(Concluded(host(v4=text)).addresses()) == {"eth0"}


def test_where_a_flow_was_sent_before_nat_is_nobodys_network() -> None:
    found = Concluded(host(v4=filtered(
        "-A FORWARD -d 10.7.2.10/32 -i wan -o dmz -p tcp -m conntrack --ctorigdst 203.0.113.19 -j ACCEPT",
        nat=("-A PREROUTING -d 203.0.113.19/32 -i wan -p tcp -j DNAT --to-destination 10.7.2.10",),
    )))  # fmt: skip
    assert found.behind()["dmz"] == ["10.7.2.0/24"]
    assert not any("is behind dmz: rules name 203.0.113.19" in guess.what for guess in found.guesses)


def test_a_public_address_that_is_published_inside_too_is_the_uplinks() -> None:
    found = Concluded(host(v4=filtered(
        "-A FORWARD -i lan -o ppp0 -j ACCEPT", "-A FORWARD -s 192.168.1.0/24 -i lan -j ACCEPT",
        nat=("-A PREROUTING -d 203.0.113.55/32 -i lan -p tcp --dport 80 -j DNAT --to-destination 192.168.1.20",
             "-A POSTROUTING -o ppp0 -j MASQUERADE"),
    )))  # fmt: skip
    assert found.addresses() == {"lan": ["192.168.1.1/24"], "ppp0": ["203.0.113.55/32"]}


def test_where_a_network_may_leave_to_wherever_it_wants_is_the_uplink() -> None:
    found = Concluded(host(v6=filtered(
        "-A INPUT -s 2001:db8:77::/48 -i eth1 -p tcp --dport 22 -j ACCEPT",
        "-A FORWARD -s 2001:db8:77:1::/64 -i eth1 -o eth0 -j ACCEPT",
    )))  # fmt: skip
    assert found.uplinks() == {"eth0"}
    assert "a network may leave there to wherever it wants" in found.guess("eth0 is the uplink").what
