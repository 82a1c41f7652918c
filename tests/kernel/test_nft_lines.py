"""Each rule of an nft script tells the line that it was written in, and the counters that say so change nothing else.

In the scripts here, ``§NAME`` stands where a rule begins that carries the comment NAME.
"""

# ruff: noqa: E101 - scripts align as people align them

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from lab.kernel import tools
from lab.kernel.namespace import Home, Namespace
from lab.kernel.tools import Finished
from lab.ruleset.nft.includes import expand
from lab.ruleset.nft.listing import LIST_RULESET, NftRule, NftRuleset, read_listing
from lab.ruleset.nft.refusal import is_missing_feature, locate
from lab.ruleset.nft.script import line_of, with_line_counters
from lab.ruleset.render import Rendered
from tests.kernel.scenes import rendered

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(tools.find("nft") is None, reason="nft is not on this machine")]

Fresh = Callable[[], Namespace]

SCRIPTS = {
    "a filter with sets": """\
#!/usr/sbin/nft -f
flush ruleset

table inet filter {
	set trusted {
		type ipv4_addr
		flags interval
		elements = { 192.0.2.0/25,   # the first half
			     198.51.100.1-198.51.100.9 }
	}
	set pairs { type ipv4_addr . inet_service; elements = { 192.0.2.1 . 80, 192.0.2.2 . 443 }; }
	set seen { type ipv4_addr; flags dynamic,timeout; timeout 1m; size 100; }

	chain input {
		type filter hook input priority filter; policy drop;
		comment "what comes in; { see below"

		§lo iif "lo" accept comment "lo"
		§state ct state vmap { established : accept,
			related : accept,
			invalid : drop } comment "state"
		# tcp dport 23 accept comment "none"
		§ssh tcp dport 22 ip saddr @trusted accept comment "ssh"
		§pairs ip saddr . tcp dport @pairs counter accept comment "pairs"
		§interval ip saddr { 10.0.0.0/8, 172.16.0.1-172.16.0.9 } tcp dport { 80, 443, 8000-8080 } \\
			meta mark set 1 \\
			accept comment "interval"
		§seen add @seen { ip saddr limit rate 5/second } drop comment "seen"
		§log log prefix "drop { ; # " group 2 comment "log"
	}
}
""",
    "rules with counters of their own": """\
table ip t {
	counter hits { packets 5 bytes 500; }
	quota q { over 25 mbytes used 3 mbytes; }
	limit l { rate 10/second; }
	chain c {
		§one counter packets 7 bytes 70 accept comment "one"
		§named counter name "hits" accept comment "named"
		§quota quota name "q" drop comment "quota"
		§limit limit name "l" counter packets 1 bytes 1 accept comment "limit"
		§two counter counter packets 3 bytes 0 comment "two"
		§bare counter comment "bare"
	}
}
""",
    "maps and jumps": """\
table inet t {
	map services { type inet_service : verdict; elements = { 22 : jump ssh, 80 : goto web }; }
	chain ssh { §ssh accept comment "ssh"; }
	chain web {
		§web return comment "web"; §web2 drop comment "web2"
	}
	chain input {
		type filter hook input priority 0; policy accept; §named tcp dport vmap @services comment "named";
		§vmap ip saddr . tcp dport vmap {
			192.0.2.1 . 22 : jump ssh,
			192.0.2.2 . 80 : goto web
		} comment "vmap"
		§goto goto web comment "goto"
	}
}
""",
    "blocks that are jumped to": """\
table inet t {
	chain c {
		§outer tcp dport { 22,
			23 } jump {
			§in1 ip saddr { 192.0.2.1,
				192.0.2.2 } accept comment "in1"
			§in2 ct state invalid drop comment "in2"; §in3 return comment "in3"
		} comment "outer"
		§short udp dport 53 goto { §in4 drop comment "in4"; } comment "short"
		§last drop comment "last"
	}
}
§added add rule inet t c udp dport 54 jump {
	§in5 accept comment "in5"
} comment "added"
""",
    "definitions": """\
define web = { 80, 443 }
define lan = 192.0.2.0/24
define here = \\
	198.51.100.1
define many = {
	10.0.0.1,
	10.0.0.2
}
table ip t {
	define inner = 8080
	chain c {
		define innermost = { 1, 2 }
		§web ip saddr $lan tcp dport $web accept comment "web"
		redefine web = 8443
		§again tcp dport $web accept comment "again"
		§inner tcp dport { $inner, 99 } ip daddr $here accept comment "inner"
		§many ip saddr $many tcp dport $innermost drop comment "many"
	}
}
""",
    "commands": """\
flush ruleset
add table inet t; add chain inet t c { type filter hook forward priority -5; policy drop; }
add rule inet t c tcp dport 1 accept comment "first"
inet t c tcp dport 2 accept comment "second"
§third add inet t c tcp dport { 3,
	4 } accept comment "third"; §fourth rule inet t c drop comment "fourth"
§before insert rule inet t c tcp dport 5 accept comment "before"
§index insert rule inet t c index 1 tcp dport 6 accept comment "index"
§behind add rule inet t c \\
	index 0 \\
	tcp dport 7 accept comment "behind"
create table ip other
add chain ip other mine
§mine other mine return comment "mine"
add chain inet t held { §held accept comment "held"; }
delete rule inet t c handle 2
§placed add rule inet t c handle 5 tcp dport 9 drop comment "placed"
§new replace rule inet t c handle 3 tcp dport 8 drop comment "new"
""",
    "a table in pieces": """\
table inet t {
	chain c {
		§one tcp dport 1 accept comment "one"
	}
}
table ip u { chain c { §other drop comment "other"; }; }
table inet t {
	chain c {
		§two tcp dport 2 accept comment "two"
	}
	chain d { }
}
§three inet t c tcp dport 3 accept comment "three"
""",
    "two tables at one hook": """\
table inet early {
	chain input { type filter hook input priority filter - 10
		policy accept
		§early tcp dport 1 drop comment "early"
	}
}
table inet late {
	chain input {
		type filter hook input priority filter + 10; policy drop;
		§late tcp dport 1 accept comment "late"
	}
}
table ip6 six {
	chain input {
		type filter hook input priority 0
		§six icmpv6 type { nd-neighbor-solicit, nd-redirect } accept comment "six"
	}
}
""",
    "nat": """\
table inet nat {
	map ports { type inet_service : ipv4_addr; elements = { 80 : 192.0.2.1 }; }
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		§dnat tcp dport 8080 dnat ip to 192.0.2.1:80 comment "dnat"
		§map dnat ip to tcp dport map @ports comment "map"
		§anonymous dnat ip to tcp dport map { 81 : 192.0.2.1,
			82 : 192.0.2.2 } comment "anonymous"
		§redirect udp dport 53 redirect to :5353 comment "redirect"
	}
	chain postrouting {
		type nat hook postrouting priority srcnat
		§masquerade oifname "wan*" masquerade random comment "masquerade"
		§snat ip saddr 10.0.0.0/8 snat ip to 192.0.2.1-192.0.2.9 comment "snat"
	}
}
""",
    "ingress": """\
table netdev edge {
	chain ingress {
		type filter hook ingress device lo priority -500; policy accept;
		§bogons ip saddr { 0.0.0.0/8, 127.0.0.0/8 } counter drop comment "bogons"
		§forward meta mark 1 fwd to lo comment "forward"
	}
	chain several { type filter hook ingress devices = { lo } priority 0; §several accept comment "several"; }
}
table inet t {
	chain ingress {
		type filter hook ingress device "lo" priority 0; policy accept;
		§inet tcp dport 1 drop comment "inet"
	}
}
""",
    "bridge and arp": """\
table bridge t {
	chain forward {
		type filter hook forward priority 0; policy drop;
		§ether ether saddr 02:00:00:00:00:01 drop comment "ether"
		§ip ip saddr 192.0.2.1 tcp dport 80 accept comment "ip"
		§vlan vlan id 5 accept comment "vlan"
	}
}
table arp t { chain input { type filter hook input priority 0; §arp arp operation request accept comment "arp"; }; }
""",
    "statements that bring matches of their own": """\
table inet t {
	chain input {
		type filter hook input priority 0; policy drop;
		§reset reject with tcp reset comment "reset"
		§icmpx reject with icmpx type admin-prohibited comment "icmpx"
		§icmp icmp type { echo-request, redirect } accept comment "icmp"
		§count ct count over 20 reject with tcp reset comment "count"
		§fib fib saddr . iif oif missing drop comment "fib"
		§flags tcp flags & (syn | ack) == syn drop comment "flags"
		§raw @th,16,16 53 accept comment "raw"
		§numgen numgen inc mod 2 vmap { 0 : accept, 1 : drop } comment "numgen"
	}
}
""",
    "flowtables": """\
table inet t {
	flowtable fast {
		hook ingress priority 0
		devices = { lo }
	}
	chain forward {
		type filter hook forward priority 0; policy accept;
		§flow ip protocol { tcp, udp } flow add @fast comment "flow"
	}
}
""",
    "words in comments and strings": """\
table inet t { # chain x {
	comment "table x { chain y { accept; } }"
	chain c { # } drop
		# accept \\
		§one accept comment "one" # comment "two"
		§two tcp dport { 1, # }
			2 } accept comment "two"; ; # drop
		§three log prefix "a
b { " counter comment "three"

		§four drop comment "four"
	}
}
""",
}


@pytest.fixture
def fresh() -> Iterator[Fresh]:
    """Makes namespaces without any interface but the loopback."""
    with ExitStack() as undo:
        home = Home()
        undo.callback(home.close)

        def make() -> Namespace:
            namespace = Namespace(home)
            undo.callback(namespace.close)
            return namespace

        yield make


def load(namespace: Namespace, text: str, *options: str) -> Finished:
    return tools.run(namespace, ["nft", *options, "-f", "-"], text)


def held(namespace: Namespace, *options: str) -> NftRuleset:
    """The ruleset that a namespace holds, listed with handles."""
    return read_listing(tools.run(namespace, ["nft", "-a", *options, "list", "ruleset"]).out)


def written(marked: str) -> tuple[str, dict[str, int]]:
    """The script without its marks, and the line of each rule by its comment."""
    lines = {
        found[1]: number
        for number, line in enumerate(marked.split("\n"), start=1) for found in re.finditer(r"§(\w+) ", line)
    }
    return re.sub(r"§\w+ ", "", marked), lines


def all_rules(ruleset: NftRuleset) -> Iterator[NftRule]:
    for _, _, rule in ruleset.rules():
        yield rule
        yield from rule.block


def without_counters(ruleset: NftRuleset) -> list[object]:
    """All that a listing tells of tables, chains and rules, without the first counter of each rule."""

    def bare(rule: NftRule) -> NftRule:
        block = tuple(map(bare, rule.block))
        text = rule.text
        for inner in rule.block:
            text = text.replace(inner.text, bare(inner).text, 1)
        return replace(rule, text=text.replace("counter ", "", 1), block=block)

    return [
        replace(chain, rules=tuple(map(bare, chain.rules))) for table in ruleset.tables for chain in table.chains.values()
    ]


def chains(ruleset: NftRuleset) -> list[object]:
    return [chain for table in ruleset.tables for chain in table.chains.values()]


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_rule_tells_its_line(name: str, fresh: Fresh) -> None:
    text, lines = written(SCRIPTS[name])
    original, copy = fresh(), fresh()
    loaded = load(original, text)
    if (missing := is_missing_feature(loaded.err, rendered(text))) is not None:
        pytest.skip(f"this kernel has no {missing}")
    assert loaded.code == 0, loaded.err
    counted = load(copy, with_line_counters(text))
    assert counted.code == 0, counted.err
    told = {rule.comment: line_of(rule.text) for rule in all_rules(held(copy))}
    assert told == lines
    assert without_counters(held(copy, "-s")) == chains(held(original, "-s"))


def test_a_rejection_by_icmp_shows_its_own_match_and_tells_its_line(fresh: Fresh) -> None:
    """The counter stands between the match that nft adds and the statement, so nft no longer hides the match."""
    text = "table inet t {\n chain c {\n  reject with icmp host-unreachable\n }\n}\n"
    copy = fresh()
    assert load(copy, with_line_counters(text)).code == 0
    (rule,) = all_rules(held(copy))
    assert rule.text == "meta nfproto ipv4 counter packets 3 bytes 0 reject with icmp host-unreachable"
    assert line_of(rule.text) == 3


def test_errors_name_the_same_line_for_the_copy(fresh: Fresh) -> None:
    text = written(SCRIPTS["commands"])[0] + "\n# the end\nadd rule inet t c tcp dprt 80 accept\n"
    places = [
        locate(load(fresh(), script).err, rendered(text, "gateway.nft")).where for script in (text, with_line_counters(text))
    ]
    assert str(places[0]) == f"gateway.nft:{text.count(chr(10))}"
    assert places[0] == places[1]


def test_included_rules_tell_their_files_and_lines(fresh: Fresh, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    (folder / "rules.d").mkdir(parents=True)
    (folder / "names.nft").write_text("define web = { 80,\n 443 }\n")
    (folder / "rules.d" / "b.nft").write_text('# b\ntcp dport 2 accept comment "b"\n')
    (folder / "rules.d" / "a.nft").write_text('tcp dport $web accept comment "a"\n\ntcp dport 1 drop comment "a2"\n')
    (folder / "end.nft").write_text('drop comment "end"')
    main = (
        'include "names.nft"\ntable inet t {\n chain c {\n  accept comment "main"; include "rules.d/*.nft"\n'
        '  include "none.d/*.nft"\n  include "end.nft"\n\n }\n}\n'
    )
    script = expand(rendered(main, "policies/edge.nft"), folder)
    by_nft, by_lab, copy = fresh(), fresh(), fresh()
    assert load(by_nft, main, "-I", str(folder)).err == ""
    assert load(by_lab, script.text).err == ""
    assert load(copy, with_line_counters(script.text)).err == ""
    assert held(by_lab, "-s") == held(by_nft, "-s")
    told = {rule.comment: script.sources[(line_of(rule.text) or 0) - 1] for rule in all_rules(held(copy))}
    assert told == {
        "main": "policies/edge.nft:4", "a": "policies/rules.d/a.nft:1", "a2": "policies/rules.d/a.nft:3",
        "b": "policies/rules.d/b.nft:2", "end": "policies/end.nft:1",
    }  # fmt: skip


WRONG = {
    "jump nochain": "the chain nochain does not exist",
    "ip saddr @noset drop": "the set or map noset does not exist",
    "add @noset { ip saddr }": "the set or map noset does not exist",
    "tcp dport vmap { 22 : jump nochain }": "the chain nochain does not exist",
    'counter name "nope"': "declare nope",
    'iif "eth9" drop': "Interface does not exist",
    "tcp dport $web drop": "define web",
    'log prefix "größer" ip saddr @noset drop': "of `@noset`: the set or map noset",
    "masquerade": "type nat hook postrouting",
    "accept drop": "Statement after terminal statement",
    "tcp dport 99999 drop": "`99999`",
    "tcp dport 22 accpet": "misspelt",
    'accept comment "': "close the quote",
    "meta ibrname br0 drop": "family bridge",
    "dnat to 192.0.2.1": "dnat ip to",
}


@pytest.mark.parametrize("rule", WRONG)
def test_a_wrong_rule_is_told_by_its_line(rule: str, fresh: Fresh) -> None:
    text = f"table inet t {{\n\tchain c {{\n\t\ttype filter hook input priority 0\n\t\t{rule}\n\t\taccept\n\t}}\n}}\n"
    done = load(fresh(), text)
    if done.code == 0:
        pytest.skip("this nft takes it")
    script = Rendered(text, tuple(f"policies/edge.nft:{number}" for number in range(1, 8)), "policies/edge.nft")
    problem = locate(done.err, script)
    assert str(problem.where) == "policies/edge.nft:4"
    assert WRONG[rule] in str(problem)
    assert is_missing_feature(done.err, script) is None


def test_the_listing_is_made_with_the_words_that_the_kernel_side_uses(fresh: Fresh) -> None:
    namespace = fresh()
    assert load(namespace, "table ip t {\n chain c {\n  tcp dport 22 counter packets 5 bytes 5 reject\n }\n}\n").code == 0
    (rule,) = all_rules(read_listing(tools.run(namespace, LIST_RULESET).out))
    assert (rule.text, rule.handle, rule.number, rule.target) == ("tcp dport 22 counter reject", 2, 1, "reject")
