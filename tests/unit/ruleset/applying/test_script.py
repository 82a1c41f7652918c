"""An nft script taken apart: each statement as a person would type it, with the line and the definitions that it needs."""

from __future__ import annotations

from lab.ruleset.applying.script import Block, Piece, pieces_of, tables_made
from lab.ruleset.applying.ways import commands
from lab.ruleset.backend import Backend
from lab.ruleset.render import as_it_came
from lab.ruleset.rulesets import Rulesets
from lab.written.change import Apply

OLD = """table inet filter {
  set friends { type ipv4_addr; elements = { 10.0.0.1 }
  }
  chain mail {
    tcp dport 25 accept
  }
  chain input {
    type filter hook input priority 0; policy accept;
    jump mail
  }
}
"""
NEW = """flush ruleset
define lan = { 10.0.0.0/8,
  192.168.0.0/16 }
table inet filter {
  # a comment with a } and a "
  set friends { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 }
  }
  chain input {
    type filter hook input priority 0; policy drop;
    ip saddr $lan accept comment "a } ; $lan # \\"
    tcp dport { 22,
      80 } accept
    jump {
      ip saddr @friends accept; counter
    }
  }
}
"""
IN_PLACE = NEW.removeprefix("flush ruleset\n")


def typed(old: str, new: str) -> list[str]:
    before, after = (Rulesets(nft=as_it_came(text, "edge.nft")) for text in (old, new))
    return [one.stdin or one.argv[-1] for one in commands(Apply("script"), before, after, Backend.NFT)]


def test_tables_are_taken_apart_and_what_has_quotes_and_braces_stays_whole() -> None:
    flush, block = pieces_of(NEW)
    assert flush == Piece("flush ruleset", 1)
    assert isinstance(block, Block)
    assert (block.place, [(one.kind, one.name) for one in block.objects]) == (
        ("inet", "filter"), [("set", "friends"), ("chain", "input")],
    )  # fmt: skip
    rules = block.objects[1].rules
    assert [rule.text.removeprefix("add rule inet filter input ").split() for rule in rules] == [
        ["ip", "saddr", "$lan", "accept", "comment", '"a', "}", ";", "$lan", "#", '\\"'],
        ["tcp", "dport", "{", "22,", "80", "}", "accept"],
        ["jump", "{", "ip", "saddr", "@friends", "accept;", "counter", "}"],
    ]
    assert [rule.line for rule in rules] == [10, 11, 13]


def test_a_rule_has_the_definitions_that_it_needs_in_their_lines() -> None:
    _, block = pieces_of(NEW)
    assert isinstance(block, Block)
    first, second, _ = block.objects[1].rules
    text = first.with_definitions().split("\n")
    assert text[1:3] == NEW.split("\n")[1:3]
    assert text[9].startswith("add rule inet filter input ip saddr $lan")
    assert second.defined == ()


def test_a_name_in_a_comment_alone_needs_no_definition() -> None:
    block, = pieces_of('define x = 1\ntable ip a {\nchain b {\naccept comment "$x"\n}\n}')
    assert isinstance(block, Block)
    assert block.objects[0].rules[0].defined == ()


def test_a_script_over_rules_of_before_empties_chain_by_chain_and_deletes_what_is_left() -> None:
    assert [text.split("\n")[-2 if text.endswith("\n") else 0].split("{")[0].strip() for text in typed(OLD, IN_PLACE)] == [
        "add table inet filter", "add chain inet filter input", "flush set inet filter friends", "add set inet filter friends",
        "flush chain inet filter input", 'add rule inet filter input ip saddr $lan accept comment "a } ; $lan # \\"',
        "add rule inet filter input tcp dport", "add rule inet filter input jump",
        "flush chain inet filter mail", "delete chain inet filter mail",
    ]  # fmt: skip


def test_a_table_that_is_made_otherwise_is_deleted_first() -> None:
    other = OLD.replace("priority 0", "priority 10")
    assert typed(other, IN_PLACE)[:2] == ["delete table inet filter", "add table inet filter"]


def test_after_a_flush_nothing_of_before_is_reckoned_with() -> None:
    done = typed(OLD, NEW)
    assert done[:2] == ["flush ruleset", "add table inet filter"]
    assert not any(text.startswith(("flush chain", "flush set", "delete")) for text in done[1:])


def test_a_table_in_two_blocks_is_filled_by_both() -> None:
    twice = "table ip a {\nchain b {\naccept\n}\n}\n"
    assert typed(twice, twice * 2) == [
        "add table ip a", "add chain ip a b", "flush chain ip a b", "add rule ip a b accept",
        "add table ip a", "add chain ip a b", "add rule ip a b accept",
    ]  # fmt: skip


def test_only_tables_of_before_are_taken_away() -> None:
    done, = commands(Apply("restore"), Rulesets(nft=as_it_came(OLD, "old")), Rulesets(nft=as_it_came(NEW, "new")), Backend.NFT)
    assert done.stdin == "add table inet filter; delete table inet filter; " + NEW


def test_tables_are_found_however_they_are_made() -> None:
    text = 'add table a\ncreate table inet b\ntable ip6 c {\n}\ntable inet b {\n comment "table ip d {}"\n}\n# table ip e { }\n'
    assert tables_made(text) == (("ip", "a"), ("inet", "b"), ("ip6", "c"))
