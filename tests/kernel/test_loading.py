"""A ruleset is loaded whole or not at all, and a refusal names its line and the template's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.errors import InputError, MachineError
from lab.kernel.ground.privileges import ROOTLESS
from lab.kernel.ground.tools import run
from lab.kernel.hold.loading import load
from lab.kernel.stage.node import Node
from lab.ruleset.rulesets import Rulesets
from lab.ruleset.template import render
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, rulesets, table

pytestmark = pytest.mark.kernel

GOOD_FIRST = table("mangle", "-A FORWARD -j ACCEPT")  # seven lines, accepted before what follows is refused
REFUSED = [
    pytest.param("-A FORWARD -p tcp --dprt 80 -j ACCEPT", "dprt", id="a bad option"),
    pytest.param("-A FORWARD -j NOWHERE", "NOWHERE", id="a missing chain"),
    pytest.param("-A FORWARD -s 10.0.0.999 -j DROP", "10.0.0.999", id="a bad address"),
    pytest.param("-A FORWARD --jmp DROP", "jmp", id="a word that is none"),
    pytest.param("-A NOWHERE -j DROP", "NOWHERE", id="a rule in a missing chain"),
]


def saved(node: Node) -> str:
    done = run(node.namespace, ["iptables-nft-save"])
    assert done.code == 0, done.err
    return done.out


def refusal(node: Node, text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        load(node, rulesets(text))
    assert saved(node) == ""
    return caught.value


@pytest.mark.parametrize(("rule", "word"), REFUSED)
def test_a_bad_line(node: Node, rule: str, word: str) -> None:
    text = GOOD_FIRST + table("filter", "-A FORWARD -p icmp -j ACCEPT", rule, "-A FORWARD -j DROP")
    number = text.split("\n").index(rule) + 1
    (problem,) = refusal(node, text).problems
    assert str(problem.where) == f"gateway.rules:{number}"
    assert rule in problem.what
    assert word in problem.what


def test_a_target_in_a_table_that_does_not_have_it(node: Node) -> None:
    rule = "-A PREROUTING -j MASQUERADE"
    (problem,) = refusal(node, GOOD_FIRST + table("nat", rule)).problems
    assert rule in problem.what
    assert "POSTROUTING" in problem.mend
    assert str(problem.where) == f"gateway.rules:{GOOD_FIRST.count(chr(10)) + 6}"


def test_a_loop_of_chains(node: Node) -> None:
    text = table("filter", "-A FORWARD -j one", "-A one -j two", "-A two -j one", one="-", two="-")
    (problem,) = refusal(node, text).problems
    assert problem.where is not None
    assert problem.where.line in (7, 8, 9)


def test_a_commit_that_is_missing(node: Node) -> None:
    (problem,) = refusal(node, "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -j ACCEPT\n").problems
    assert (str(problem.where), "COMMIT expected" in problem.what) == ("gateway.rules:3", True)


def test_lines_of_a_template_are_named(node: Node, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    template = folder / "gateway.rules.j2"
    template.write_text("{% set ports = [80, 'https', 'htps'] %}\n*filter\n\n{% for port in ports %}\n"
                        "-A INPUT -p tcp --dport {{ port }} -j ACCEPT\n{% endfor %}\nCOMMIT\n")  # fmt: skip
    with pytest.raises(InputError) as caught:
        load(node, Rulesets(v4=render(template, {}, {}, {})))
    (problem,) = caught.value.problems
    assert (str(problem.where), "htps" in problem.what) == ("policies/gateway.rules.j2:5", True)
    assert saved(node) == ""


def test_a_refused_ruleset_takes_an_older_one_with_it(node: Node) -> None:
    load(node, rulesets(table("filter", "-A FORWARD -j DROP")))
    assert "-A FORWARD -j DROP" in saved(node)
    refusal(node, table("filter", "-A FORWARD -j NOWHERE"))


def test_what_this_machine_lacks(node: Node) -> None:
    with pytest.raises(MachineError, match="geoip") as caught:
        load(node, rulesets(table("filter", "-A FORWARD -m geoip --source-country DE -j DROP")))
    (problem,) = caught.value.problems
    assert str(problem.where) == "gateway.rules:5"
    assert problem.mend
    assert saved(node) == ""


def test_a_tool_that_is_missing(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.kernel.ground.tools.find", lambda _: None)
    with pytest.raises(MachineError, match="iptables-nft-restore is not on this machine") as caught:
        load(node, rulesets(table("filter")))
    assert "apt-get install iptables" in caught.value.problems[0].mend


def test_a_lab_says_which_of_two_policies_is_refused(lab_of: LabOf) -> None:
    with pytest.raises(InputError) as caught:
        lab_of(corridor(), gateway=table("filter"), server=table("filter", "-A INPUT -j NOWHERE"))
    assert str(caught.value.problems[0].where) == "server.rules:5"


@pytest.mark.skipif(ROOTLESS in os.environ, reason="without root no netlink buffer may exceed net.core.wmem_max")
def test_ten_thousand_rules(node: Node) -> None:
    rules = [f"-A chain{number // 10} -s 10.{number // 250}.{number % 250}.0/24 -j DROP" for number in range(10_000)]
    chains = {f"chain{number}": "-" for number in range(1000)}
    load(node, rulesets(table("filter", *rules, **chains)))
    assert saved(node).count("\n-A ") == 10_000
