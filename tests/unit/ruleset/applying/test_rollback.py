"""What a rollback is made of, by what was held and by what may be there."""

from __future__ import annotations

from lab.ruleset.applying.rollback import rollback
from lab.ruleset.backend import Backend
from lab.ruleset.render import as_it_came
from lab.ruleset.rulesets import Rulesets

FILTER = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\nCOMMIT\n"
NAT = "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n"


def new(**texts: str) -> Rulesets:
    return Rulesets(**{kind: as_it_came(text, f"edge.{kind}") for kind, text in texts.items()})


def typed(held: dict[str, str], there: Rulesets | None, backend: Backend = Backend.NFT) -> list[str]:
    return [str(one) for one in rollback(held, there, backend)]


def test_tables_come_back_whole_and_those_of_the_new_rules_alone_go() -> None:
    first, *_ = rollback({"v4": FILTER}, new(v4=NAT + FILTER), Backend.NFT)
    assert first.stdin == FILTER
    assert typed({"v4": FILTER}, new(v4=NAT + FILTER, v6=FILTER)) == [
        "iptables-nft-restore", "nft add table ip nat; delete table ip nat; add table ip6 filter; delete table ip6 filter",
    ]  # fmt: skip
    _, *emptied = rollback({"v4": FILTER}, new(v4=NAT + FILTER), Backend.LEGACY)
    assert [one.stdin.split("\n")[0] for one in emptied] == ["*nat"]


def test_native_tables_are_exchanged_in_one_transaction() -> None:
    listed = "table inet a {\n}\n"
    done, = rollback({"nft": listed}, new(nft="table inet b {\n}\n"), Backend.NFT)
    assert done.stdin == "add table inet a; delete table inet a; add table inet b; delete table inet b; " + listed


def test_a_native_table_of_the_name_of_one_of_iptables_goes_first() -> None:
    assert typed({"v4": FILTER}, new(nft="table ip filter {\n}\n")) == [
        "nft add table ip filter; delete table ip filter", "iptables-nft-restore",
    ]  # fmt: skip


def test_sets_are_there_before_rules_name_them_and_go_after() -> None:
    held = {"v4": FILTER, "ipset": "create a hash:ip family inet hashsize 1024\nadd a 10.0.0.1\n"}
    there = new(v4=FILTER, ipset="create a hash:ip\ncreate b list:set\nadd b a\ncreate c hash:ip\n")
    create, swap, rules, *gone = rollback(held, there, Backend.NFT)
    assert (str(create), create.may_fail) == ("ipset create a hash:ip family inet hashsize 1024", True)
    assert swap.stdin.splitlines() == [
        "-exist create lab-back-0 hash:ip family inet hashsize 1024", "flush lab-back-0", "add lab-back-0 10.0.0.1",
        "swap lab-back-0 a", "flush lab-back-0", "destroy lab-back-0",
    ]  # fmt: skip
    assert rules.argv == ("iptables-nft-restore",)
    assert [str(one) for one in gone] == [
        "ipset flush b", "ipset destroy b", "ipset destroy lab-aside-0", "ipset destroy c",
    ]  # fmt: skip
    assert all(one.may_fail for one in gone)


def test_nothing_passes_while_a_set_of_another_type_gives_way() -> None:
    held = {"v4": FILTER, "ipset": "create a hash:ip family inet\n"}
    shut, destroy, *_ = rollback(held, new(v4=NAT, ipset="create a hash:ip family inet6\n"), Backend.NFT)
    assert shut.stdin.split("\n")[:5] == ["*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT DROP [0:0]", "COMMIT"]
    assert str(destroy) == "ipset destroy a"


def test_a_rule_that_no_restore_reads_is_put_in_its_place() -> None:
    r"""Its comment has a newline, which iptables-save prints as it is."""
    rules = '-A INPUT -i lo -j ACCEPT\n-A INPUT -m comment --comment "a\nb $(x)" -j DROP\n-A INPUT -j ACCEPT\n'
    restore, insert = rollback({"v4": f"*filter\n:INPUT DROP [0:0]\n{rules}COMMIT\n"}, new(v4=FILTER), Backend.LEGACY)
    assert restore.stdin == "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -j ACCEPT\nCOMMIT\n"
    assert insert.argv == (
        "iptables-legacy", "-t", "filter", "-I", "INPUT", "2", "-m", "comment", "--comment", "a\nb $(x)", "-j", "DROP",
    )  # fmt: skip


def test_of_a_teams_own_script_nobody_knows_what_it_made() -> None:
    assert typed({"v4": FILTER}, None) == ["nft flush ruleset", "iptables-nft-restore"]
    legacy = rollback({"v4": FILTER}, None, Backend.LEGACY)
    emptied = [one.stdin.split("\n")[0] for one in legacy if one.may_fail]
    assert emptied == ["*nat", "*mangle", "*raw", "*security", "*filter", "*nat", "*mangle", "*raw", "*security"]


def test_nothing_was_held() -> None:
    assert typed({}, new(v4=FILTER)) == ["nft add table ip filter; delete table ip filter"]
    assert typed({}, Rulesets()) == []
