from __future__ import annotations

from dataclasses import replace

from lab.errors import Problem, Where
from lab.record.difference import RowOutcome, Side
from lab.report.diff_annotations import diff_annotation_lines
from lab.report.write import _HEADS
from tests.unit.report import make
from tests.unit.report.differing import HOSTILE, closes, logs, many, opens, report


def test_a_difference_stands_at_the_line_that_decides_it_now() -> None:
    first, *others = diff_annotation_lines(report(logs(), closes(), opens()))
    assert first == (
        "::error file=policies/edge.rules.j2,line=52,title=opens%3A 1 class of flows::"
        "was dropped by filter:FORWARD policy  [old.rules:9]%0A"
        "now allowed by filter:from-wan:1 (publish-web)  [policies/edge.rules.j2:52]; owner net-sec, ticket CHG-1042%0A"
        "  192.0.2.0/24 by wan -> 10.0.2.10 tcp/8443 256 addresses \u00d7 1 port"
    )
    assert [line.partition("::was")[0] for line in others[:2]] == [
        "::warning file=new.rules,line=22,title=closes%3A 1 class of flows",
        "::notice file=policies/edge.rules.j2,line=9,title=LOG%3A 1 class of flows",
    ]
    assert others[2].startswith("::notice title=netfilter-lab::3 classes of flows differ")


def test_a_rule_without_a_line_leaves_it_to_the_old_one() -> None:
    bare = Side(make.dropped(), replace(make.POLICY, source=None))
    line, _ = diff_annotation_lines(report(closes(new=bare)), prefix="firewall/")
    assert line.startswith("::warning file=firewall/policies/edge.rules.j2,line=52,")
    line, _ = diff_annotation_lines(report(closes(old=bare, new=bare)))
    assert line.startswith("::warning title=closes%3A 1 class of flows::")


def test_what_is_intended_is_a_notice_and_what_is_missing_an_error() -> None:
    rows = (RowOutcome("mail", passed=False, what="is dropped"),)
    missing, intended, _ = diff_annotation_lines(report(opens(intended="web"), intended=rows))
    assert missing == "::error title=netfilter-lab::not as intended: mail: is dropped"
    assert intended.startswith("::notice file=policies/edge.rules.j2,line=52,")
    assert "%0Aas intended by web%0A" in intended


def test_of_many_the_first_are_told() -> None:
    lines = diff_annotation_lines(many(10_000))
    assert max(map(len, lines)) < 20_000
    assert sum("title=opens%3A 5%2C000 classes of flows" in line for line in lines) == 1


def test_nothing_of_a_file_ends_the_command() -> None:
    of = many(20, HOSTILE)
    lines = diff_annotation_lines(replace(of, problems=(Problem(HOSTILE, Where("a,b:c", 7)),), notes=(HOSTILE,)))
    assert not any("\n" in line or "\r" in line or "##[" in line for line in lines)
    assert lines[0].startswith("::error file=a%2Cb%3Ac,line=7,title=netfilter-lab::")
    heads = [head.decode() for head in _HEADS]
    assert all(line.startswith(tuple(heads)) for line in lines)
