"""What rules wait for that no lab has, in either dialect."""

from __future__ import annotations

import pytest

from lab.ruleset.absent import Here, here_of, lacks_interface, needs_of
from lab.ruleset.ipset import empty_sets as empty_ipsets
from lab.ruleset.nft.sets import empty_sets
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from tests.unit.ruleset.made import rule_of

HERE = Here({"wan", "lan"}, {"guests"})


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("-A FORWARD -m mac --mac-source 00:16:3e:0a:0b:0c -j ACCEPT", "address", "00:16:3e:0a:0b:0c"),
        ('-A FORWARD -m string --string "GET /x" --algo bm -j DROP', "payload", "GET /x"),
        ("-A FORWARD -m u32 --u32 0x0=0x1 -j DROP", "payload", "u32"),
        ("-A FORWARD -m helper --helper sip -j ACCEPT", "helper", "sip"),
        ("-A INPUT -p tcp -m osf --genre Plan9 -j ACCEPT", "fingerprint", "Plan9"),
        ("-A OUTPUT -m owner --uid-owner 4711 -j ACCEPT", "user", "4711"),
        ("-A OUTPUT -m cgroup --path mail -j ACCEPT", "process", "mail"),
        ("-A FORWARD -m set --match-set guests src -j ACCEPT", "set", "guests"),
        ("-A FORWARD -i tun7 -j ACCEPT", "interface", "tun7"),
        ("-A FORWARD -o ppp+ -j ACCEPT", "interface", "ppp+"),
        ("-A FORWARD -m physdev --physdev-in veth3 -j ACCEPT", "interface", "veth3"),
        ("-A INPUT -m time --timestart 08:00:00 -j ACCEPT", "time", "time"),
        ("ether saddr 00:16:3e:0a:0b:0c accept", "address", "00:16:3e:0a:0b:0c"),
        ("tcp dport 80 @ih,0,32 0x47455420 drop", "payload", "@ih,0,32"),
        ('ct helper "sip" accept', "helper", "sip"),
        ('osf name "Plan9" accept', "fingerprint", "Plan9"),
        ("tcp dport 80 tproxy ip to 127.0.0.1:3129 meta mark set 1 accept", "listener", "3129"),
        ("tcp dport 80 tproxy to :3129 accept", "listener", "3129"),
        ("meta skgid 4711 accept", "process", "4711"),
        ("meta skuid 4711 accept", "user", "4711"),
        ("ip saddr @guests accept", "set", "guests"),
        ("ip saddr . tcp dport @guests accept", "set", "guests"),
        ('iifname "tun7" accept', "interface", "tun7"),
        ('oifname { "tun7", "ppp0" } accept', "interface", "tun7 or ppp0"),
        ('iifname "wg*" accept', "interface", "wg*"),
        ('meta hour "08:00"-"17:00" accept', "time", "time"),
    ],
)
def test_what_is_not_there(text: str, kind: str, words: str) -> None:
    (need,) = needs_of(rule_of(text), HERE)
    assert (need.kind, need.negated) == (kind, False)
    assert words in need.what


@pytest.mark.parametrize(
    ("text", "ports", "lacks"),
    [
        ("-m physdev --physdev-in tap1", ["tap1"], None),
        ("-m physdev --physdev-out tap+", ["tap1"], None),
        ("-m physdev --physdev-is-bridged", ["tap1"], None),
        ("-m physdev --physdev-in tap2", ["tap1"], "a bridge with `bridge-nf` and the port tap2"),
        ("-m physdev --physdev-in tap1", [], "a bridge with `bridge-nf` and the port tap1"),
        ("-m physdev --physdev-is-bridged", [], "a bridge with `bridge-nf`"),
    ],
)
def test_ports_of_a_bridge(text: str, ports: list[str], lacks: str | None) -> None:
    needs = needs_of(rule_of(f"-A FORWARD {text} -j ACCEPT"), Here({"br0", *ports}, (), ports))
    assert [need.what for need in needs] == ([] if lacks is None else [lacks])


@pytest.mark.parametrize(
    "text",
    [
        "-A FORWARD ! -i tun7 -j ACCEPT",
        "-A FORWARD -m mac ! --mac-source 00:16:3e:0a:0b:0c -j DROP",
        "-A FORWARD -m set ! --match-set guests src -j DROP",
        "ether saddr != 00:16:3e:0a:0b:0c drop",
        "ip saddr != @guests drop",
    ],
)
def test_the_contrary_of_what_is_not_there(text: str) -> None:
    assert [need.negated for need in needs_of(rule_of(text), HERE)] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "-A FORWARD -i wan -o lan -j ACCEPT",
        "-A FORWARD -i wa+ -j ACCEPT",
        "-A INPUT -i lo -j ACCEPT",
        "-A PREROUTING -p tcp -m tcp --dport 5060 -j CT --helper sip",
        "-A FORWARD -m set --match-set staff src -j ACCEPT",
        '-A FORWARD -m comment --comment "-m mac --mac-source x" -j ACCEPT',
        "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        'iifname { "tun7", "wan" } accept',
        'iifname . oifname { "tun7" . "ppp0" } accept',
        'iifname vmap { "tun7" : accept, "wan" : drop }',
        "iif lo accept",
        "add @guests { ip saddr } accept",
        'ct helper set "sip"',
        'ct helper sip-std { type "sip" protocol udp; }',
        'add ct helper inet filter sip-std { type "sip" protocol udp; }',
        "@th,16,16 443 accept",
        'accept comment "ether saddr 00:16:3e:0a:0b:0c"',
    ],
)
def test_what_is_there(text: str) -> None:
    assert needs_of(rule_of(text), HERE) == ()


def test_wildcards_name_what_begins_so() -> None:
    assert not lacks_interface("wan+", {"wan0"})
    assert lacks_interface("wan", {"wan0"})
    assert not lacks_interface("lo", ())


def test_sets_that_stay_empty() -> None:
    text = (
        "create a hash:ip\ncreate b hash:ip\nadd b 10.4.0.1\ncreate c hash:ip\ncreate d hash:ip\nadd d 10.4.0.2\n"
        "flush d\nswap b c\ncreate e hash:net\nadd e 10.4.0.0/24\ndel e 10.4.0.0/24\ncreate l list:set\nadd l a\n"
        "create m list:set\nadd m c\ncreate n hash:ip\nadd n 10.4.0.3\nrename n o\n"
    )
    assert empty_ipsets(text) == {"a", "b", "d", "e", "l"}


def test_sets_of_a_script_that_stay_empty() -> None:
    text = (
        "table inet t {\n\tset a { type ipv4_addr; }\n\tset b { type ipv4_addr; elements = { 10.4.0.1 } }\n"
        "\tset c { type ipv4_addr; flags dynamic; }\n\tmap d { type ifname : verdict; }\n\tset e { type ipv4_addr; }\n"
        "\t# elements = { 10.4.0.9 }\n\tchain x { update @c { ip saddr }; }\n}\nadd element inet t e { 10.4.0.1 }\n"
        "add set inet t f { type ipv4_addr; }\n"
    )
    assert empty_sets(text) == {"a", "d", "f"}


def test_a_set_that_rules_fill_is_not_empty() -> None:
    made = Rendered("create seen hash:ip\ncreate guests hash:ip\n", (), "p.ipset")
    rules = Rendered("*filter\n-A INPUT -j SET --add-set seen src\nCOMMIT\n", (), "p.rules")
    assert here_of(Rulesets(ipset=made, v4=rules).texts(), ["wan"]).empty == {"guests"}
