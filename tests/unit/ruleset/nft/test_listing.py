"""Listings of nft, as 1.0.6 prints them with ``-a -s``; what newer and older ones print otherwise is there too."""

# ruff: noqa: E101 - nft indents elements with both

from __future__ import annotations

import time

import pytest

from lab.errors import MeasurementError
from lab.ruleset.nft.held import held_rule
from lab.ruleset.nft.listing import NftChain, NftRule, NftTable, read_listing

LISTING = """\
table inet filter { # handle 1
	comment "chain x { # handle 9"
	flags dormant
	counter hits { # handle 6
		comment "c"
	}

	set seen { # handle 10
		type ipv4_addr
		size 1000
		flags dynamic,timeout
		timeout 1m
	}

	set listed { # handle 12
		type ipv4_addr . inet_service
		elements = { 192.0.2.1 . 80 comment "}
	}
",
			     192.0.2.2 . 90 }
	}

	map services { # handle 11
		type inet_service : verdict
		elements = { 22 : jump ssh, 80 : goto web,
			     443 comment "x : jump no" : accept, 444 : jump ssh }
	}

	map away { # handle 20
		typeof tcp dport : verdict
		elements = { 22 : goto web }
	}

	chain ssh { # handle 2
	}

	chain web { # handle 3
		return # handle 14
	}

	chain input { # handle 4
		comment "of input # handle 3"
		type filter hook input priority filter - 5; policy drop;
		iifname "lo" accept # handle 15
		tcp dport vmap @services # handle 30
		accept comment "two
# handle 4
lines" # handle 31
	}
}
table netdev edge { # handle 2
	chain in { # handle 1
		type filter hook ingress devices = { lan, wan } priority -500; policy accept;
		drop # handle 4
	}

	chain one { # handle 2
		type filter hook ingress device "lo" priority filter; policy accept;
	}
}
"""


def chain(*rules: str, before: str = "", family: str = "inet") -> NftChain:
    """A chain with these rules, and what stands before it in its table."""
    lines = "".join(f"\t\t{rule} # handle {number}\n" for number, rule in enumerate(rules, start=10))
    text = f"table {family} t {{ # handle 1\n{before}\tchain c {{ # handle 2\n{lines}\t}}\n}}\n"
    (table,) = read_listing(text).tables
    return table.chains["c"]


def rule(text: str, before: str = "") -> NftRule:
    """The rule that nft prints so."""
    (only,) = chain(text, before=before).rules
    assert only.text == text
    return only


def test_tables_and_chains_in_their_order() -> None:
    tables = read_listing(LISTING).tables
    assert [(table.family, table.name, list(table.chains)) for table in tables] == [
        ("inet", "filter", ["ssh", "web", "input"]), ("netdev", "edge", ["in", "one"]),
    ]  # fmt: skip
    assert tables[0].chains["ssh"] == NftChain("ssh", None, None, None, None, (), ())
    base = tables[0].chains["input"]
    assert (base.type, base.hook, base.priority, base.policy, base.devices) == ("filter", "input", "filter - 5", "drop", ())
    edge = tables[1].chains
    assert (edge["in"].devices, edge["in"].priority) == (("lan", "wan"), "-500")
    assert (edge["one"].devices, edge["one"].policy) == (("lo",), "accept")


def test_rules_have_handle_number_and_text() -> None:
    listed = [(chain.name, rule.handle, rule.number, rule.text) for _, chain, rule in read_listing(LISTING).rules()]
    assert listed == [
        ("web", 14, 1, "return"),
        ("input", 15, 1, 'iifname "lo" accept'),
        ("input", 30, 2, "tcp dport vmap @services"),
        ("input", 31, 3, 'accept comment "two\n# handle 4\nlines"'),
        ("in", 4, 1, "drop"),
    ]


def test_an_empty_ruleset_and_what_nft_says_beside_it() -> None:
    assert read_listing("").tables == ()
    warned = "# Warning: table ip filter is managed by iptables-nft, do not touch!\ntable ip filter { # handle 1\n}\n"
    assert [table.name for table in read_listing(warned).tables] == ["filter"]


@pytest.mark.parametrize("beside", ["# handle 3 progname python3.11", "# progname nft # handle 3"])
def test_a_table_that_a_process_owns(beside: str) -> None:
    (table,) = read_listing(f"table ip6 own {{ {beside}\n\tflags owner\n\n\tchain c {{ # handle 1\n\t}}\n}}\n").tables
    assert (table.family, table.name, list(table.chains)) == ("ip6", "own", ["c"])


def test_a_table_that_is_listed_without_handles_has_no_rules_to_read() -> None:
    with pytest.raises(MeasurementError, match="listed without -a") as error:
        read_listing("table ip t {\n\tchain c {\n\t\taccept\n\t}\n}\n")
    assert "nft list ruleset:3" in str(error.value)


@pytest.mark.parametrize(("text", "line", "words"), [
    ("garbage\n", 1, "'garbage'"),
    ("table ip t { # handle 1\n", 2, "ends within t"),
    ("table ip t { # handle 1\n\tchain c { # handle 2\n", 3, "ends within c"),
    ("table ip t { # handle 1\n\tset s { # handle 2\n\t\ttype ipv4_addr\n", 4, "ends within t"),
    ("table ip t { # handle 1\n\tchain c { # handle 2\n\t\ttype filter hoook input\n\t}\n}\n", 3, "hoook"),
    ("table ip t { # handle 1\n\ta b c d {\n\t}\n}\n", 2, "a b c d"),
    ("table ip t { # handle 1\n}\nError\n", 3, "'Error'"),
])  # fmt: skip
def test_what_cannot_be_read_is_told_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(MeasurementError) as error:
        read_listing(text)
    assert f"nft list ruleset:{line}: " in str(error.value)
    assert words in str(error.value)


@pytest.mark.parametrize(("text", "target"), [
    ("accept", "accept"), ("counter drop", "drop"), ("ip saddr @s jump x", "jump"), ("goto x", "goto"), ("return", "return"),
    ("continue", "continue"), ("reject", "reject"), ("tcp dport 80 reject with tcp reset", "reject"),
    ("reject with icmp host-unreachable", "reject"), ("queue num 0", "queue"), ("queue flags bypass to 1-3", "queue"),
    ('oifname "eth*" masquerade fully-random', "masquerade"), ("meta l4proto tcp masquerade to :1024-2000", "masquerade"),
    ("tcp sport 5 snat ip to 192.0.2.1-192.0.2.9 persistent", "snat"), ("dnat ip to tcp dport map @pm", "dnat"),
    ("dnat ip to tcp dport map { 80 : 192.0.2.1, 81 : 192.0.2.2 }", "dnat"), ("tcp dport 80 redirect to :8080", "redirect"),
    ("tcp dport 80 tproxy to :50080", "tproxy"), ("tcp dport 80 tproxy to :50080 accept", "accept"), ("notrack", "notrack"),
    ("synproxy mss 1460 wscale 7", "synproxy"), ('ip saddr 192.0.2.1 dup to "lo"', "dup"), ('fwd to "lo"', "fwd"),
    ('log prefix "drop "', "log"), ('limit rate 1/second log prefix "x" drop', "drop"), ("log", "log"),
    ("tcp dport vmap @m", "vmap"), ("tcp dport vmap { 22 : accept, 23 : drop } counter", "vmap"),
    ("counter", None), ("meta mark set 0x00000001", None), ('ct helper set "drop"', None), ("flow add @f", None),
    ("ct status dnat counter", None), ("ct status snat,dnat counter", None), ("ct status != snat", None),
    ("icmp type redirect counter", None), ("icmp type { redirect, echo-request } counter", None),
    ('iifname "accept" counter', None), ('accept comment "then drop"', "accept"), ("icmp type redirect drop", "drop"),
    ("ct status dnat accept", "accept"), ("jump logging", "jump"),
    ("icmp type vmap { redirect : jump web }", "vmap"), ("icmpv6 code vmap @m", "vmap"),
    ("ct status vmap { dnat : drop }", "vmap"),
    ("fib daddr . iif type vmap { local : goto web }", "vmap"), ("fib saddr type vmap @m counter", "vmap"),
])  # fmt: skip
def test_the_target_is_the_last_word_that_ends_or_hands_on(text: str, target: str | None) -> None:
    assert rule(text).target == target


MAPS = LISTING[LISTING.index("\tmap services"):LISTING.index("\tchain ssh")]


@pytest.mark.parametrize(("text", "chains", "goto"), [
    ("jump ssh", ("ssh",), False),
    ("tcp dport 22 goto ssh-in.2", ("ssh-in.2",), True),
    ("tcp dport vmap { 1-3 : drop, 22 : jump ssh, 80-90 : goto web, 443 : accept, 5 : jump ssh }", ("ssh", "web"), False),
    ('iifname vmap { "jump no" : goto web }', ("web",), True),
    ("tcp dport vmap { 22 : accept }", (), False),
    ("tcp dport vmap @services", ("ssh", "web"), False),
    ("tcp dport vmap @away", ("web",), True),
    ("tcp dport vmap @elsewhere", ("c",), False),  # any chain of its table, where the map is not known
    ('accept comment "jump x"', (), False),
    ("icmp type vmap { echo-request : jump ssh, redirect : goto web }", ("ssh", "web"), False),
    ("icmp code vmap { host-unreachable : goto web }", ("web",), True),
    ("fib daddr type vmap { local : jump ssh, broadcast : drop }", ("ssh",), False),
    ("fib saddr type vmap @away", ("web",), True),
    ("ct status vmap { dnat : jump ssh } accept", ("ssh",), False),
    ("ct state vmap { new : continue, related : goto web } tcp dport vmap @services", ("web", "ssh"), False),
    ("meter hosts size 65535 { ip saddr limit rate 1/second } ct state vmap { new : goto web }", ("web",), True),
    ("limit rate 5/second ip dscp vmap { cs1 : jump ssh } goto web", ("ssh", "web"), False),
    ('iifname . ip protocol vmap { "vmap @x" . tcp : jump ~log0, "lo" . udp : jump 1st }', ("~log0", "1st"), False),
])  # fmt: skip
def test_chains_that_a_rule_can_lead_to(text: str, chains: tuple[str, ...], goto: bool) -> None:
    found = rule(text, before=MAPS)
    assert (found.jump_to, found.goto) == (chains, goto)


def test_a_map_after_the_chain_is_read_too() -> None:
    text = "table ip t { # handle 1\n\tchain c { # handle 2\n\t\ttcp dport vmap @away # handle 3\n\t}\n\n" + MAPS + "}\n"
    assert read_listing(text).tables[0].chains["c"].rules[0].jump_to == ("web",)


def test_the_rules_of_a_block_that_is_jumped_to() -> None:
    text = (
        "table inet t { # handle 1\n\tchain c { # handle 1\n"
        "\t\ttcp dport 22 jump {\n\t\t\tip saddr { 192.0.2.1, 192.0.2.2 } accept\n\t\t\tct state invalid drop\n"
        '\t\t\tcounter comment "x # handle 9"\n\t\t} comment "foo" # handle 9\n'
        "\t\tgoto {\n\t\t\tjump d\n\t\t} # handle 20\n\t\taccept # handle 21\n\t}\n}\n"
    )
    first, second, third = read_listing(text).tables[0].chains["c"].rules
    assert (first.handle, first.number, first.target, first.jump_to, first.comment) == (9, 1, "jump", (), "foo")
    assert first.text == (
        'tcp dport 22 jump { ip saddr { 192.0.2.1, 192.0.2.2 } accept; ct state invalid drop; counter comment "x # handle 9" }'
        ' comment "foo"'
    )
    assert not first.about_invalid
    assert [(inner.handle, inner.number, inner.target, inner.about_invalid) for inner in first.block] == [
        (0, 1, "accept", False), (0, 2, "drop", True), (0, 3, None, False),
    ]  # fmt: skip
    assert (second.handle, second.goto, second.block[0].jump_to) == (20, True, ("d",))
    assert (third.handle, third.number, third.block) == (21, 3, ())


@pytest.mark.parametrize(("text", "prefix"), [
    ('log prefix "in { 1: " level debug drop', "in { 1: "),
    ('log prefix "x" group 2 snaplen 100 queue-threshold 3', "x"),
    ("log group 5", None),
    ('log group 5 prefix "y"', "y"),
    ('log prefix "log prefix" flags all accept', "log prefix"),
    ("log flags tcp sequence,options", None),
    ('accept comment "log prefix"', None),
    ("log", None),
])  # fmt: skip
def test_log_prefix(text: str, prefix: str | None) -> None:
    assert rule(text).log_prefix == prefix


def test_comments() -> None:
    assert rule('accept comment "a # handle 9"').comment == "a # handle 9"
    assert rule('log prefix "comment x" accept').comment is None
    assert rule("accept").comment is None


@pytest.mark.parametrize(("text", "kind", "kind4", "kind6"), [
    ("reject", "icmpx-port-unreachable", "icmp-port-unreachable", "icmp6-port-unreachable"),
    ("reject with icmpx admin-prohibited", "icmpx-admin-prohibited", "icmp-admin-prohibited", "icmp6-adm-prohibited"),
    ("reject with icmpx type no-route", "icmpx-no-route", "icmp-net-unreachable", "icmp6-no-route"),
    ("reject with icmpx host-unreachable", "icmpx-host-unreachable", "icmp-host-unreachable", "icmp6-addr-unreachable"),
    ("reject with icmp prot-unreachable", "icmp-proto-unreachable", None, None),
    ("reject with icmp type port-unreachable", "icmp-port-unreachable", None, None),
    ("reject with icmp net-prohibited", "icmp-net-prohibited", None, None),
    ("reject with icmpv6 admin-prohibited", "icmp6-adm-prohibited", None, None),
    ("reject with icmpv6 type policy-fail", "icmp6-policy-fail", None, None),
    ("reject with icmpv6 port-unreachable", "icmp6-port-unreachable", None, None),
    ("meta l4proto tcp reject with tcp reset", "tcp-reset", None, None),
    ("drop", None, None, None),
])  # fmt: skip
def test_kinds_of_rejection_are_in_iptables_words(text: str, kind: str | None, kind4: str | None, kind6: str | None) -> None:
    found = rule(text)
    assert found.reject_with == kind
    assert held_rule(NftTable("inet", "t", {}), "c", found).reject_kind(4) == (kind4 or kind)
    assert held_rule(NftTable("inet", "t", {}), "c", found).reject_kind(6) == (kind6 or kind)


@pytest.mark.parametrize(("text", "stateful"), [
    ("limit rate 10/second burst 20 packets accept", True), ('limit name "l" accept', True), ('quota name "q" drop', True),
    ("quota over 20 mbytes drop", True), ("quota 20 mbytes drop", True), ("ct count over 20 drop", True),
    ("numgen inc mod 2 vmap { 0 : accept, 1 : drop }", True), ("add @seen { ip saddr limit rate 5/second } accept", True),
    ("update @seen { ip saddr timeout 5m } drop", True), ("delete @seen { ip saddr }", True),
    ("meter mm size 65535 { ip saddr limit rate 5/second } accept", True),
    ("accept", False), ("counter accept", False), ('counter name "limit rate " accept', False), ("flow add @f", False),
    ('accept comment "limit rate 5"', False), ("jump limits", False), ("jhash ip saddr mod 2 vmap { 0 : accept }", False),
    ("ct bytes > 100000 drop", False), ("ip saddr @listed drop", False),
])  # fmt: skip
def test_rules_that_remember(text: str, stateful: bool) -> None:
    assert rule(text).stateful is stateful


@pytest.mark.parametrize(("definition", "stateful"), [
    ("flags dynamic\n\t\tlimit rate 1/hour\n\t\telements = { 192.0.2.1 limit rate 1/hour }", True),
    ("elements = { 192.0.2.1 quota over 5 mbytes }", True), ("elements = { 192.0.2.1 ct count over 3 }", True),
    ('elements = { 192.0.2.1 comment "limit rate 1/hour" }', False), ("counter\n\t\telements = { 192.0.2.1 counter }", False),
])  # fmt: skip
def test_rules_that_ask_a_set_whose_elements_have_a_limit(definition: str, stateful: bool) -> None:
    before = f"\tset guests {{ # handle 3\n\t\ttype ipv4_addr\n\t\t{definition}\n\t}}\n"
    assert rule("ip saddr @guests accept", before=before).stateful is stateful


def test_rules_that_ask_a_set_which_a_rule_writes() -> None:
    found = chain("ip saddr @seen drop", "add @seen { ip saddr }", "ip saddr @listed accept", "tcp dport @seen2 drop")
    assert [rule.stateful for rule in found.rules] == [True, True, False, False]


@pytest.mark.parametrize(("text", "about"), [
    ("ct state invalid drop", True), ("ct state invalid,untracked drop", True), ("ct state { invalid, untracked } drop", True),
    ("ct state invalid,new drop", False), ("ct state { invalid, new } drop", False), ("ct state != invalid accept", False),
    ("ct state ! invalid accept", False), ("ct state established,related accept", False),
    ("ct state vmap { invalid : drop, established : accept, related : accept }", True),
    ("ct state vmap { established : accept, invalid : accept }", False),
    ("ct state vmap { invalid : drop, new : drop }", False),
    ("ct state vmap { invalid : drop, new : jump x }", True), ("ct state vmap @states", False),
    ("fib saddr . iif oif missing drop", True), ("fib saddr . iif oif 0 drop", True), ("fib saddr oif missing drop", True),
    ("fib saddr . mark . iif oif missing counter drop", True), ("fib saddr . iif check missing drop", True),
    ("fib saddr . iif oif exists accept", False), ("fib daddr type != { local, multicast } drop", False),
    ("fib saddr type local drop", False), ('accept comment "ct state invalid "', False),
])  # fmt: skip
def test_rules_about_invalid_packets(text: str, about: bool) -> None:
    assert rule(text).about_invalid is about


def test_large_sets_and_maps_take_little_time() -> None:
    addresses = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(100_000)]
    separator = ",\n\t\t\t     "
    elements = separator.join(f'{address} comment "x"' for address in addresses)
    verdicts = separator.join(f"{address} : jump c{n % 7}" for n, address in enumerate(addresses))
    before = f"\tset s {{ # handle 3\n\t\ttype ipv4_addr\n\t\telements = {{ {elements} }}\n\t}}\n"
    before += f"\tmap m {{ # handle 4\n\t\ttype ipv4_addr : verdict\n\t\telements = {{ {verdicts} }}\n\t}}\n"
    begun = time.process_time()
    found = rule("ip saddr vmap @m", before=before)
    assert time.process_time() - begun < 2  # 0.25 s on a machine that does nothing else
    assert len(found.jump_to) == 7
