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


PATIENT = "-A PREROUTING -p tcp -j CT --timeout patient\n"


@pytest.mark.parametrize(("comment", "seconds"), [
    ("# nfct timeout add patient inet tcp established 900 close 10", (("established", 900), ("close", 10))),
    ("  #nfct add timeout patient inet tcp SYN_SENT 5", (("syn_sent", 5),)),
    ("# nfct timeout add patient inet6 tcp established 900", ()),
    ("# nfct timeout add patient inet udp replied 900", ()),
    ("# nfct timeout add other inet tcp established 900", ()),
    ("# see nfct timeout add patient inet tcp established 900", ()),
])  # fmt: skip
def test_a_comment_says_the_times_of_a_timeout_policy(comment: str, seconds: tuple[tuple[str, int], ...]) -> None:
    assert objects_named("v4", f"*raw\n{comment}\n{PATIENT}") == (TimeoutPolicy("patient", 4, 6, seconds),)
    assert bool(list(told("v4", f"{comment}\n{PATIENT}"))) is (seconds == ())


@pytest.mark.parametrize(("said", "why"), [
    ("patient inet tcp", "it is NAME, inet or inet6, a protocol"),
    ("patient inet tcp established", "it is NAME, inet or inet6, a protocol"),
    ("patient ip tcp established 9", "ip tcp is none of inet and inet6 with gre, icmp, icmpv6, tcp, udp, udplite"),
    ("patient inet sctp established 9", "inet sctp is none of"),
    ("patient inet tcp replied 9", "'replied' is no state of it: syn_sent, syn_recv, established"),
    ("patient inet tcp established soon", "'soon' are no seconds up to 2147483"),
    ("patient inet tcp established 2147484", "'2147484' are no seconds"),
])  # fmt: skip
def test_a_comment_that_says_none_is_told(said: str, why: str) -> None:
    text = f"# nfct timeout add {said}\n{PATIENT}"
    assert objects_named("v4", text) == (TimeoutPolicy("patient", 4, 6),)
    own, comment = told("v4", text)
    assert "made with the kernel's own timeouts" in own
    assert comment.startswith(f"the comment `# nfct timeout add {said}` is no timeout policy: {why}")


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
