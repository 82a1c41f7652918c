"""Which timeout policies and accounts rules of iptables name, and what is told of those that the lab makes."""

from __future__ import annotations

import pytest

from lab.ruleset.held_text import rule_in_line
from lab.ruleset.named_objects import Account, NamedObject, TimeoutPolicy, objects_named, told
from lab.ruleset.port_cuts import port_cuts


@pytest.mark.parametrize(
    ("kind", "rule", "objects"),
    [
        ("v4", "-A PREROUTING -p tcp -m tcp --dport 22 -j CT --timeout patient", [TimeoutPolicy("patient", 4, 6)]),
        ("v6", "-A PREROUTING -p ipv6-icmp -j CT --timeout echo", [TimeoutPolicy("echo", 6, 58)]),
        ("v4", "-A OUTPUT -p 136 -j CT --timeout lite", [TimeoutPolicy("lite", 4, 136)]),
        ("v4", "[5:300] -A FORWARD -m nfacct --nfacct-name web", [Account("web", decides=False)]),
        ("v4", "-A FORWARD -m nfacct --nfacct-name web -j DROP", [Account("web", decides=True)]),
        ("v4", "-A FORWARD -j CT --timeout nameless", []),
        ("v4", "-A FORWARD -j SET --add-set seen src --timeout 60", []),
        ("v4", "-A FORWARD -p tcp -j SET --add-set seen src --timeout 60", []),
        ("v4", '-A FORWARD -m comment --comment "--nfacct-name x" -j ACCEPT', []),
        ("v4", '-A FORWARD -p tcp -m comment --comment "-j CT --timeout x" -j CT --notrack', []),
        ("v4", "-A FORWARD -p 4294967296 -j CT --timeout x", []),
        ("nft", 'meta l4proto tcp comment "--nfacct-name x"', []),
    ],
)
def test_the_objects_of_a_rule(kind: str, rule: str, objects: list[NamedObject]) -> None:
    assert list(objects_named(kind, f"*raw\n{rule}\nCOMMIT\n")) == objects


def test_each_object_is_there_once_and_an_account_decides_where_one_rule_does() -> None:
    text = "-A a -m nfacct --nfacct-name web\n-A b -m nfacct --nfacct-name web -j DROP\n-A c -m nfacct --nfacct-name web\n"
    assert objects_named("v4", text) == (Account("web", decides=True),)


def test_an_account_tells_no_ports_apart_and_remembers_nothing() -> None:
    rule = rule_in_line("v4", "-A FORWARD -p tcp -m nfacct --nfacct-name web -j ACCEPT")
    assert rule is not None
    assert port_cuts(rule, "tcp", ((32768, 60999),)) == ()
    assert not rule.remembers


def test_what_differs_from_the_host_is_told_and_counting_alone_is_not() -> None:
    assert list(told("v4", "-A a -m nfacct --nfacct-name web\n")) == []
    (quota,) = told("v4", "-A a -m nfacct --nfacct-name web -j DROP\n")
    assert quota.startswith("account web is made without a quota")
    (timeouts,) = told("v4", "-A a -p tcp -j CT --timeout one\n-A a -p udp -j CT --timeout two\n")
    assert timeouts.startswith("timeout policies one, two are made with the kernel's own timeouts")
