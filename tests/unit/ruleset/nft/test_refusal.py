"""What nft says of scripts that it refuses, told by the template's line.

The outputs are those of nft 1.0.6; where the kernel that it ran on has the feature, they are made in the same form.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from lab.ruleset.nft.refusal import is_missing_feature, locate
from lab.ruleset.refusal import locate as locate_iptables
from lab.ruleset.render import Rendered


class Case(NamedTuple):
    """A script, where nft sees the error (line:first-last), what it says, words that must be told, what is missing."""

    name: str
    text: str
    at: str
    said: str
    words: tuple[str, ...]
    missing: str | None = None


def rule(text: str) -> str:
    """A script with one rule, on its fourth line."""
    return f"table inet t {{\n chain c {{\n type filter hook input priority 0; policy accept;\n{text}\n}}\n}}\n"


def chain(head: str) -> str:
    """A script with one chain, whose head is on the second line."""
    return f"table inet t {{\n chain c {{\n {head}\n}}\n}}\n"


RULE_NOT_FOUND = "Could not process rule: No such file or directory"
NOT_SUPPORTED = "Could not process rule: Operation not supported"
CASES = [
    Case("misspelt field", rule("tcp dprt 80 accept"), "4:5-8", "syntax error, unexpected string", ("`dprt`",)),
    Case("misspelt verdict", rule("tcp dport 22 accpet"), "4:20-20", "syntax error, unexpected newline", ("misspelt",)),
    Case("unknown chain", rule("jump nochain"), "4:6-12", RULE_NOT_FOUND, ("the chain nochain does not exist",
         "chain nochain {")),
    Case("unknown chain, one letter", rule("goto d"), "4:6-6", RULE_NOT_FOUND, ("the chain d does not exist",)),
    Case("unknown chain in a map", rule("tcp dport vmap { 22 : jump zz }"), "4:18-19", RULE_NOT_FOUND, ("the chain zz",)),
    Case("unknown set", rule("ip saddr @noset drop"), "4:10-15", "No such file or directory", ("set or map noset",)),
    Case("unknown flowtable", rule("flow add @nof"), "4:1-13", RULE_NOT_FOUND, ("the flowtable nof does not exist",)),
    Case("unknown counter", rule('counter name "nope"'), "4:14-19", RULE_NOT_FOUND, ("name nope", "declare nope")),
    Case("unknown helper", rule('ct helper set "ftp"'), "4:15-19", RULE_NOT_FOUND, ("name ftp",)),
    Case("unknown interface", rule("iif eth9 drop"), "4:5-8", "Interface does not exist", ("iifname eth9",)),
    Case("undefined variable", rule("tcp dport $web drop"), "4:12-14", "unknown identifier 'web'", ("define web =",)),
    Case("unknown table", "flush ruleset\nadd rule inet t c accept\n", "2:15-15", RULE_NOT_FOUND,
         ("there is no t at this point",)),
    Case("unknown rule", "replace rule inet t c handle 99 drop\n", "1:30-31", RULE_NOT_FOUND, ("no rule with this handle",)),
    Case("unknown index", "add rule inet t c index 5 drop\n", "1:19-25", RULE_NOT_FOUND, ("no rule with this index",)),
    Case("no queue in the kernel", rule("ip saddr 192.0.2.1 queue num 0"), "4:20-24", RULE_NOT_FOUND,
         ("No such file or directory of queue", "lacks queue", "lab doctor"), "queue"),
    Case("no queue, the whole rule marked", rule("tcp dport 80 queue num 0"), "4:1-24", RULE_NOT_FOUND, ("queue",), "queue"),
    Case("no ct count", rule("ct count over 3 drop"), "4:1-15", RULE_NOT_FOUND, ("lacks ct count",), "ct count"),
    Case("no flowtables", "table inet t {\n flowtable f { hook ingress priority 0; devices = { lo }; }\n}\n", "2:12-12",
         RULE_NOT_FOUND, ("lacks flowtables",), "flowtables"),
    Case("no flowtable to delete", "delete flowtable inet t f\n", "1:23-23", RULE_NOT_FOUND, ("there is no t",)),
    Case("no table for a chain", "add chain inet t c { type nat hook output priority 0; }\n", "1:16-16", RULE_NOT_FOUND,
         ("there is no t",)),
    Case("no bridge meta", "table bridge t {\n chain c {\n meta ibrname br0 drop\n}\n}\n", "3:2-13", NOT_SUPPORTED,
         ("lacks meta ibrname",), "meta ibrname"),
    Case("no family", "table bridge t {\n}\n", "1:14-14", NOT_SUPPORTED, ("tables of family bridge",),
         "tables of family bridge"),
    Case("no nat chains", chain("type nat hook output priority 0;"), "2:8-8", RULE_NOT_FOUND, ("lacks",),
         "chains of type nat in family inet"),
    Case("no inet ingress", chain("type filter hook ingress device lo priority 0;"), "2:8-8", NOT_SUPPORTED, ("Linux 5.10",),
         "the ingress hook of family inet (Linux 5.10)"),
    Case("meta of bridges elsewhere", rule("meta ibrname br0 drop"), "4:1-12", NOT_SUPPORTED, ("family bridge",)),
    Case("masquerade in input", rule("masquerade"), "4:1-10", NOT_SUPPORTED, ("type nat hook postrouting",)),
    Case("snat in prerouting", rule("snat ip to 192.0.2.1"), "4:1-20", NOT_SUPPORTED, ("snat is not possible here",)),
    Case("fib in output", rule("fib saddr . iif oif missing drop"), "4:1-32", NOT_SUPPORTED, ("fib is not possible here",)),
    Case("nat in forward", chain("type nat hook forward priority 0;"), "2:8-8", NOT_SUPPORTED, ("`type nat hook forward`",
         "-200")),
    Case("a second hook", chain("type filter hook output priority 0;"), "2:8-8", NOT_SUPPORTED,
         ("declared with others above",)),
    Case("a set changed by two meters", rule("meter m { ip saddr limit rate 3/second } accept"), "4:11-18", NOT_SUPPORTED, ()),
    Case("chains in a circle", rule("jump b"), "4:1-6", "Could not process rule: Too many links", ("in a circle",)),
    Case("created twice", "create table inet t\ncreate table inet t\n", "2:19-19", "Could not process rule: File exists",
         ("it is there already",)),
    Case("in use", "delete chain inet t c\n", "1:21-21", "Could not process rule: Device or resource busy", ("still used",)),
    Case("conflicting intervals", rule("ip saddr { 10.0.0.0/8, 10.0.0.1-10.0.0.9 } drop"), "4:12-21",
         "conflicting intervals specified", ("auto-merge",)),
    Case("host name", rule("ip saddr www.example drop"), "4:10-20", "Could not resolve hostname: Name or service not known",
         ("names are not looked up",)),
    Case("service name", rule("tcp dport foo drop"), "4:11-13",
         "Could not resolve service: Servname not supported for ai_socktype", ("/etc/services",)),
    Case("port", rule("tcp dport 99999 drop"), "4:11-15", "Service out of range", ("`99999`",)),
    Case("state", rule("ct state foo accept"), "4:10-12", "Could not parse conntrack state", ("`foo`",)),
    Case("two verdicts", rule("accept drop"), "4:8-11", "Statement after terminal statement has no effect", ("take it out",)),
    Case("policy reject", chain("type filter hook input priority 0; policy reject;"), "3:44-49",
         "syntax error, unexpected reject, expecting accept or drop or '$'", ("a rule at its end",)),
    Case("no separator", "table t { chain c { accept }\n}\n", "1:28-28",
         "syntax error, unexpected '}', expecting newline or semicolon", ("`;` or a new line",)),
    Case("brace on its own line", "table t\n{\n}\n", "2:1-1", "syntax error, unexpected '{'", ()),
    Case("word of nft's for a name", "table t {\n chain accept {\n", "2:8-13",
         "syntax error, unexpected accept, expecting string",
         ("own word",)),
    Case("open quote", rule('accept comment "'), "4:16-16", "syntax error, unexpected junk", ("close the quote",)),
    Case("blank behind a backslash", rule("accept \\ "), "4:8-8",
         "syntax error, unexpected junk, expecting newline or semicolon",
         ("behind the backslash",)),
    Case("Windows", rule("accept\r"), "4:7-7", "syntax error, unexpected junk, expecting newline or semicolon",
         ("Unix line ends",)),
    Case("template", "{% if x %}\n", "1:1-1", "syntax error, unexpected '{'", (".nft.j2",)),
    Case("dnat in inet", rule("dnat to 192.0.2.1"), "4:1-4", "ip or ip6 must be specified with address for inet tables.",
         ("dnat ip to",)),
    Case("columns are bytes", rule('log prefix "größer" ip saddr @noset'), "4:32-37",
         "No such file or directory", ("of `@noset`",)),
]  # fmt: skip


def rendered(text: str) -> Rendered:
    """A script whose lines come from the tenth line of a template on."""
    file = "policies/edge.nft.j2"
    return Rendered(text, tuple(f"{file}:{number + 9}" for number in range(1, text.count("\n") + 1)), file)


def output(case: Case) -> str:
    """What nft prints of a case: the message, the line and its marks."""
    line = case.text.split("\n")[int(case.at.split(":")[0]) - 1]
    first, last = map(int, case.at.split(":")[1].split("-"))
    return f"/dev/stdin:{case.at}: Error: {case.said}\n{line}\n{' ' * (first - 1)}{'^' * (last - first + 1)}\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_refusal_is_told_by_the_templates_line(case: Case) -> None:
    problem = locate(output(case), rendered(case.text))
    number = int(case.at.split(":")[0])
    assert str(problem.where) == f"policies/edge.nft.j2:{number + 9}"
    assert f"line {number} of the rendered ruleset, `{case.text.split(chr(10))[number - 1].strip()}`" in problem.what
    for word in case.words:
        assert word in str(problem)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_the_machine_lacks_is_told_apart_from_what_is_wrong(case: Case) -> None:
    assert is_missing_feature(output(case), rendered(case.text)) == case.missing


def test_of_several_errors_the_first_is_told() -> None:
    text = rule("masquerade\naccept\ndrop")
    stderr = "".join(
        f"/dev/stdin:{place}: Error: {NOT_SUPPORTED}\n{line}\n{'^' * len(line)}\n"
        for place, line in (("4:1-10", "masquerade"), ("5:1-6", "accept"), ("6:1-4", "drop"))
    )
    problem = locate(stderr, rendered(text))
    assert str(problem.where) == "policies/edge.nft.j2:13"
    assert "2 more errors" in problem.what


def test_an_open_brace_is_told_by_the_last_line() -> None:
    text = "table inet t {\n chain c {\n accept\n}\n"
    problem = locate("/dev/stdin:5:1-1: Error: syntax error, unexpected end of file\n}\n^\n", rendered(text))
    assert str(problem.where) == "policies/edge.nft.j2:13"
    assert "a `{` before it is not closed" in problem.what


@pytest.mark.parametrize(("stderr", "words"), [
    ("Error: Could not process rule: Message too long\n", ("Message too long", "wmem_max")),
    ("internal:0:0-0: Error: Could not process rule: Message too long\n\n\n^^^^^^^\n", ("wmem_max",)),
    ("netlink: Error: cache initialization failed: Operation not permitted\n", ("Operation not permitted",)),
    ("nft: something else went wrong\n", ("something else went wrong",)),
    ("", ("does not say why",)),
])  # fmt: skip
def test_errors_without_a_place(stderr: str, words: tuple[str, ...]) -> None:
    problem = locate(stderr, rendered(rule("accept")))
    assert str(problem.where) == "policies/edge.nft.j2"
    for word in words:
        assert word in str(problem)
    assert is_missing_feature(stderr, rendered(rule("accept"))) is None


def test_a_line_without_a_source_is_told_by_its_file() -> None:
    text = rule("jump nochain")
    problem = locate(f"/dev/stdin:4:6-12: Error: {RULE_NOT_FOUND}\n", Rendered(text, (None,) * 6, "policies/edge.nft.j2"))
    assert str(problem.where) == "policies/edge.nft.j2"
    assert "line 4 of the rendered ruleset" in problem.what


def test_iptables_save_given_as_nft() -> None:
    text = "# Generated by iptables-save\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
    problem = locate("/dev/stdin:2:1-1: Error: syntax error, unexpected *\n*filter\n^\n", rendered(text))
    assert str(problem.where) == "policies/edge.nft.j2:11"
    assert "the format of iptables-save" in problem.what
    assert "`v4`" in problem.mend


def test_nft_given_as_iptables() -> None:
    problem = locate_iptables("iptables-nft-restore: line 1 failed\n", rendered(rule("accept")))
    assert str(problem.where) == "policies/edge.nft.j2:10"
    assert "it is an nft script" in problem.what
    assert "`nft`" in problem.mend


@pytest.mark.parametrize(
    ("rule", "said", "words"),
    [
        ("@th,16,16 25 @nh,72,8 17 accept", "transport protocol mapping is only valid after a match", "in words"),
        ("ip saddr <office> accept", "syntax error, unexpected >, expecting newline or semicolon", "a value was taken out"),
        ("ip saddr x.x.x.x accept", "Could not resolve hostname: Temporary failure", "a value was taken out"),
    ],
)
def test_what_no_nft_was_meant_to_read(rule: str, said: str, words: str) -> None:
    script = Rendered(f"table ip edge {{\nchain in {{\n{rule}\n}}\n}}\n", (), "policies/edge.nft")
    assert words in locate(f"/dev/stdin:3:1-2: Error: {said}\n", script).mend


@pytest.mark.parametrize("said", ["redefinition of symbol 'x'", "Could not resolve service: Servname not supported"])
def test_a_comment_is_no_placeholder(said: str) -> None:
    script = Rendered('tcp dport ssx drop comment "<office> @nh,1,2"  # x.x.x.x', (), "policies/edge.nft")
    assert "taken out" not in locate(f"/dev/stdin:1:1-2: Error: {said}\n", script).mend
