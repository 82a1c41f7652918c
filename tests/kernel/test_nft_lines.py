"""Each rule of an nft script tells the line that it was written in, and the counters that say so change nothing else.

In the scripts, ``§NAME`` stands where a rule begins that carries the comment NAME.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from lab.kernel.ground import tools
from lab.kernel.ground.namespace import Home, Namespace
from lab.kernel.ground.tools import Finished
from lab.ruleset.nft.includes import expand
from lab.ruleset.nft.listing import LIST_RULESET, NftRule, NftRuleset, read_listing
from lab.ruleset.nft.refusal import is_missing_feature, locate
from lab.ruleset.nft.script import line_of, with_line_counters
from lab.ruleset.render import Rendered
from tests.kernel.nft_scripts import SCRIPTS
from tests.kernel.scenes import rendered

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(tools.find("nft") is None, reason="nft is not on this machine")]

Fresh = Callable[[], Namespace]


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
