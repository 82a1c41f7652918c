"""Which commands each way is made of, and in which order: what a hostile ruleset says gets into none of them but as a word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.errors import InputError
from lab.ruleset.applying.command import Command
from lab.ruleset.applying.ways import commands
from lab.ruleset.backend import Backend
from lab.ruleset.render import Rendered, as_it_came
from lab.ruleset.rulesets import Rulesets
from lab.written.change import APPLIES, Apply

HOSTILE = "it's \"x\" `rm` $(rm) \\ -j ; | & *"
QUOTED = HOSTILE.replace("\\", "\\\\").replace('"', '\\"')
FILTER = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [1:2]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -j web
[7:300] -A web ! -s 10.0.0.0/8 -m comment --comment "%s" -j ACCEPT
COMMIT
"""
OLD = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:mail - [0:0]
:web - [0:0]
-A INPUT -j mail
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -j MASQUERADE
COMMIT
"""


def v4(text: str) -> Rulesets:
    return Rulesets(v4=as_it_came(text, "edge.rules"))


def lines(how: str, old: Rulesets, new: Rulesets, backend: Backend = Backend.NFT) -> list[str]:
    """The commands of a way as a person would type them, without what iptables is called."""
    done = commands(Apply(how), old, new, backend)
    return [str(one).replace(f"iptables-{backend} -t ", "") for one in done]


def test_restore_exchanges_each_table_whole_and_takes_the_others_away() -> None:
    first, *others = commands(Apply("restore"), v4(OLD), v4(FILTER), Backend.NFT)
    assert first == Command(("iptables-nft-restore",), FILTER, "v4")
    assert [str(one) for one in others] == ["nft delete table ip nat"]
    _, legacy = commands(Apply("restore"), v4(OLD), v4(FILTER), Backend.LEGACY)
    assert legacy.argv == ("iptables-legacy-restore",)
    assert legacy.stdin.splitlines()[0::5] == ["*nat", "COMMIT"]


def test_a_script_has_policies_and_chains_first_then_chain_by_chain() -> None:
    assert lines("script", v4(OLD), v4(FILTER % "shop")) == [
        "filter -P INPUT DROP", "filter -P FORWARD ACCEPT", "filter -P OUTPUT ACCEPT",
        "filter -F INPUT", "filter -A INPUT -i lo -j ACCEPT", "filter -A INPUT -j web",
        "filter -F web", "filter -A web ! -s 10.0.0.0/8 -m comment --comment shop -j ACCEPT",
        "filter -F FORWARD", "filter -F OUTPUT", "filter -F mail", "filter -X mail",
        "nft delete table ip nat",
    ]  # fmt: skip


def test_flush_first_accepts_everything_before_and_drops_last() -> None:
    done = lines("flush-first", v4(OLD), v4(FILTER % "shop"), Backend.LEGACY)
    accepted = ["INPUT", "FORWARD", "OUTPUT"]
    assert done[:5] == [*(f"filter -P {chain} ACCEPT" for chain in accepted), "filter -F", "filter -X"]
    assert done[9:11] == ["nat -F", "nat -X"]
    assert done[11:] == [
        "filter -N web", "filter -A INPUT -i lo -j ACCEPT", "filter -A INPUT -j web",
        "filter -A web ! -s 10.0.0.0/8 -m comment --comment shop -j ACCEPT",
        "filter -P INPUT DROP", "filter -P FORWARD ACCEPT", "filter -P OUTPUT ACCEPT",
    ]  # fmt: skip


def test_a_boot_knows_nothing_of_before() -> None:
    assert commands(Apply("boot"), v4(OLD), v4(FILTER), Backend.NFT) == (Command(("iptables-nft-restore",), FILTER, "v4"),)


def test_a_command_of_a_teams_own_is_run_as_it_is() -> None:
    own = ("./apply.sh", "$(x) y")
    assert commands(Apply("run", own), v4(OLD), v4(FILTER), Backend.NFT) == (Command(own),)


@pytest.mark.parametrize("how", ["script", "flush-first"])
def test_a_hostile_comment_is_one_word_whatever_is_in_it(how: str) -> None:
    done = commands(Apply(how), v4(OLD), v4(FILTER % QUOTED), Backend.NFT)
    rule, = (one for one in done if one.argv[3:5] == ("-A", "web"))
    assert rule.argv[5:] == ("!", "-s", "10.0.0.0/8", "-m", "comment", "--comment", HOSTILE, "-j", "ACCEPT")
    assert (rule.line, rule.kind, rule.stdin) == (8, "v4", "")


def test_each_command_tells_the_line_that_it_comes_from() -> None:
    done = commands(Apply("script"), v4(OLD), v4(FILTER), Backend.NFT)
    assert [one.line for one in done if "-F" not in one.argv] == [2, 3, 4, 6, 7, 8, None, None]


@pytest.mark.parametrize("how", APPLIES)
@pytest.mark.parametrize(("kind", "text"), [
    ("v4", "*filter\n-A INPUT -j DROP\n-M /bin/sh\nCOMMIT\n"),
    ("v4", "*filter\n-A INPUT -j DROP\n-A INPUT --modprobe=/bin/sh\nCOMMIT\n"),
    ("ipset", "create a hash:ip\nadd a 10.0.0.1\nsave -file /etc/passwd\n"),
    ("nft", "table ip a {\n}\nmonitor\n"),
])  # fmt: skip
def test_a_text_that_does_more_than_make_rules_becomes_no_command(how: str, kind: str, text: str) -> None:
    new = Rulesets(**{kind: as_it_came(text, "edge")})
    with pytest.raises(InputError, match="edge:3"):
        commands(Apply(how), v4(OLD), new, Backend.NFT)


@pytest.mark.parametrize("how", APPLIES)
def test_both_families_have_tools_of_their_own(how: str) -> None:
    new = replace(v4(FILTER), v6=as_it_came(FILTER, "edge.rules6"))
    tools = {one.argv[0].split("-")[0] for one in commands(Apply(how), Rulesets(), new, Backend.LEGACY)}
    assert tools == {"iptables", "ip6tables"}


def test_a_chain_that_the_text_itself_makes_is_made_where_it_says_so_or_emptied() -> None:
    """As people write by hand who begin with a flush: that chains of before are gone is reckoned with."""
    hand = "*filter\n-F\n-X\n-N web\n-A INPUT -j web\n-A web -j ACCEPT\nCOMMIT\n"
    assert lines("script", v4(OLD), v4(hand))[:-1] == [
        "filter -F", "filter -X", "filter -N web", "filter -A INPUT -j web", "filter -A web -j ACCEPT",
    ]  # fmt: skip
    kept = "*filter\n-N web\n-A web -j ACCEPT\nCOMMIT\n"
    assert lines("script", v4(OLD), v4(kept))[:2] == ["filter -F web", "filter -A web -j ACCEPT"]


def test_what_a_text_of_the_other_backend_left_is_taken_out_of_the_way() -> None:
    """iptables-nft refuses a table of its name that native nft made."""
    native = Rulesets(nft=as_it_came("table ip filter {\n}\ntable inet x {\n}\n", "edge.nft"))
    for how in ("restore", "script"):
        done = [str(one) for one in commands(Apply(how), native, v4(FILTER), Backend.NFT)]
        assert done[0] == "nft add table ip filter; delete table ip filter"
        assert done[-1] == "nft add table inet x; delete table inet x"
    assert str(commands(Apply("flush-first"), native, v4(FILTER), Backend.NFT)[0]) == "nft flush ruleset"


@pytest.mark.parametrize(("text", "script"), [
    ("flush ruleset\ntable inet x {\n}\n",
     ["flush ruleset", "add table inet x",
      "add table ip filter; delete table ip filter; add table ip nat; delete table ip nat"]),
    ("table ip filter {\n}\n",
     ["add table ip filter; delete table ip filter", "add table ip filter", "add table ip nat; delete table ip nat"]),
])  # fmt: skip
def test_iptables_gives_way_to_native_nft_at_once_and_not_to_what_that_has_made(text: str, script: list[str]) -> None:
    """A script that flushes has taken its tables away by then, and one may make tables of their names."""
    native = Rulesets(nft=as_it_came(text, "edge.nft"))
    one, = commands(Apply("restore"), v4(OLD), native, Backend.NFT)
    gone = "add table ip filter; delete table ip filter; add table ip nat; delete table ip nat; "
    assert (one.argv, one.stdin) == (("nft", "-f", "-"), gone + text)
    assert [str(one) for one in commands(Apply("script"), v4(OLD), native, Backend.NFT)] == [f"nft {line}" for line in script]
    _, emptied = commands(Apply("restore"), v4(OLD), native, Backend.LEGACY)
    assert emptied.argv == ("iptables-legacy-restore",)


def test_sets_come_before_the_rules_that_name_them_and_go_after_those_that_did() -> None:
    old = replace(v4(OLD), ipset=as_it_came("create a hash:ip\nadd a 10.0.0.1\ncreate b hash:net\n", "old.ipset"))
    new = replace(v4(FILTER), ipset=as_it_came("create a hash:ip\nadd a 10.0.0.2\ncreate c list:set\nadd c a\n", "new.ipset"))
    first, *_, last = commands(Apply("restore"), old, new, Backend.NFT)
    assert first.stdin.splitlines() == [
        "create lab-aside-0 hash:ip", "add lab-aside-0 10.0.0.2", "create c list:set", "add c a",
        "swap lab-aside-0 a", "flush lab-aside-0", "destroy lab-aside-0",
    ]  # fmt: skip
    assert str(last) == "ipset destroy b"
    assert [str(one) for one in commands(Apply("script"), old, new, Backend.NFT)[:4]] == [
        "ipset flush a", "ipset add a 10.0.0.2", "ipset create c list:set", "ipset add c a",
    ]  # fmt: skip
    same = commands(Apply("restore"), replace(old, ipset=new.ipset), new, Backend.NFT)
    assert not any(one.argv[0] == "ipset" for one in same)


def test_a_quote_that_is_never_closed_has_the_end_of_its_line() -> None:
    new = v4('*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP -m comment --comment "open\nCOMMIT\n')
    assert commands(Apply("flush-first"), Rulesets(), new, Backend.NFT)[5].argv[-1] == "open\n"


def test_the_text_of_a_restore_is_what_was_rendered() -> None:
    """So that what a tool says of a line is said of that line."""
    script = Rendered("#!/usr/sbin/nft -f\ntable inet a {\n}\n", (), "edge.nft")
    old = Rulesets(nft=as_it_came("table inet a {\n}\ntable ip b {\n}\n", "old.nft"))
    done, = commands(Apply("restore"), old, Rulesets(nft=script), Backend.NFT)
    assert done.stdin.removesuffix(script.text) == (
        "add table inet a; delete table inet a; add table ip b; delete table ip b; "
    )  # fmt: skip
    assert done.stdin.endswith(script.text)


def test_what_is_left_over_goes_table_by_table_as_the_new_text_has_them() -> None:
    """So that one change is one list of commands, however often it is asked for."""
    names = [f"t{number}" for number in (4, 2, 7, 1, 6, 3, 8, 5)]
    old, new = ("\n".join(f"table ip {name} {{\n{chain}\n}}" for name in names) for chain in ("chain gone {\n}", ""))
    done = lines("script", Rulesets(nft=as_it_came(old, "old.nft")), Rulesets(nft=as_it_came(new, "edge.nft")))
    assert [one for one in done if "gone" in one] == [
        f"nft {what} chain ip {name} gone" for name in names for what in ("flush", "delete")
    ]  # fmt: skip
