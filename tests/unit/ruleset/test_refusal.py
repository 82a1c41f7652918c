"""What iptables-restore says of rulesets that it refuses, told by the template's line.

The outputs are those of the real tools, 1.8.9 of both backends unless the case says otherwise.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest

from lab.ruleset import refusal
from lab.ruleset.backend import Backend
from lab.ruleset.refusal import is_missing_extension, locate
from lab.ruleset.render import Rendered

V = "iptables-nft-restore v1.8.9 (nf_tables): "
LEGACY = "iptables-restore v1.8.9 (legacy): "
TRY = "Try `iptables-nft-restore -h' or 'iptables-nft-restore --help' for more information.\n"


def at(line: int) -> str:
    return f"Error occurred at line: {line}\n{TRY}"


class Case(NamedTuple):
    """A ruleset's lines between *filter and COMMIT, what the tool says, the line meant, words that must be told."""

    name: str
    body: str
    stderr: str
    line: int
    words: tuple[str, ...]
    missing: str | None = None
    table: str = "*filter"


F = "-A FORWARD"
CASES = [
    Case("jump to an unknown chain", f"{F} -j DROP\n{F} -p tcp -j nochain", f"{V}Chain 'nochain' does not exist\n{at(4)}",
         3, ("`-A FORWARD -p tcp -j nochain`", "'nochain' does not exist", ":nochain - [0:0]")),
    Case("goto of an unknown chain", f"{F} -g nochain", f"{V}Chain 'nochain' does not exist\n{at(3)}", 2, ("nochain",)),
    Case("unknown chain, legacy", f"{F} -j nochain",
         f"{LEGACY}Couldn't load target `nochain':No such file or directory\n\n{at(2)}", 2, (":nochain - [0:0]",)),
    Case("unknown chain, newer", f"{F} -j nochain",
         "iptables-restore v1.8.11 (nf_tables): \nline 2: RULE_APPEND failed (No such file or directory): rule in chain "
         "FORWARD\n", 2, ("the chain nochain does not exist", "*filter")),
    Case("bad option", f"{F} -p tcp --dprt 80 -j ACCEPT", f'{V}unknown option "--dprt"\n{at(2)}', 2, ('"--dprt"',)),
    Case("no protocol", f"{F} --dport 80 -j ACCEPT", f'{V}unknown option "--dport"\n{at(2)}', 2, ("-p tcp",)),
    Case("MASQUERADE in PREROUTING", "-A PREROUTING -j MASQUERADE",
         f"{V}\nline 2: RULE_APPEND failed (Invalid argument): rule in chain PREROUTING\n", 2,
         ("Invalid argument", "POSTROUTING"), table="*nat"),
    Case("the first of two", "-A PREROUTING -j MASQUERADE\n-A PREROUTING -j ACCEPT\n-A PREROUTING -j MASQUERADE",
         f"{V}\nline 2: RULE_APPEND failed (Invalid argument): rule in chain PREROUTING\n"
         "line 4: RULE_APPEND failed (Invalid argument): rule in chain PREROUTING\n", 2, ("POSTROUTING",), table="*nat"),
    Case("owner in FORWARD", f"{F} -m owner --uid-owner 0",
         f"{V}\nline 2: RULE_APPEND failed (Invalid argument): rule in chain FORWARD\n", 2, ("-m owner", "OUTPUT")),
    Case("chain loop", ":a - [0:0]\n:b - [0:0]\n-A FORWARD -j a\n-A a -j b\n-A b -j a",
         f"{V}\nline 6: RULE_APPEND failed (Too many links): rule in chain b\n", 6, ("circle", "`-A b -j a`")),
    Case("the line of COMMIT for a rule", f"{F} -j DROP\n-A OUTPUT -j REJECT --reject-with tcp-reset",
         f"{V}\nline 4: RULE_APPEND failed (Invalid argument): rule in chain OUTPUT\n", 3, ("REJECT",)),
    Case("bad table", ":FORWARD DROP [0:0]",
         f"{V}iptables-nft-restore: line 1 table name 'filtr' invalid\n{at(1)}", 1, ("'filtr'", "mangle"), table="*filtr"),
    Case("host name", f"{F} -s no.such.host.invalid", f"{V}host/network `no.such.host.invalid' not found\n{at(2)}", 2,
         ("'no.such.host.invalid' not found", "names are not looked up")),
    Case("missing set", f"{F} -m set --match-set nope src", f"{V}Set nope doesn't exist.\n\n{at(2)}", 2, ("ipset", "nope")),
    Case("old negation", f"{F} -s ! 10.0.0.1 -j ACCEPT", f"Bad argument `10.0.0.1'\n{at(2)}", 2, ("! -s ADDRESS",)),
    Case("garbage", "hello world", f"Bad argument `hello'\n{at(2)}", 2, ("'hello'", "a rule (`-A …`)")),
    Case("misspelt COMMIT", "COMIT", f"Bad argument `COMIT'\n{at(2)}", 2, ("or is COMMIT",)),
    Case("a comment behind a rule", f"{F} -j DROP # x", f"Bad argument `#'\n{at(2)}", 2, ("a line of its own",)),
    Case("no COMMIT before the next table", f"{F} -j DROP\n*nat", f"Bad argument `*nat'\n{at(3)}", 3, ("the table above",)),
    Case("duplicate chain", ":a - [0:0]\n-N a", "iptables-nft-restore: line 3 failed: Chain already exists.\n", 3, ("once",)),
    Case("duplicate chain, legacy", ":a - [0:0]\n:a - [0:0]", f"{LEGACY}error creating chain 'a':File exists\n{at(3)}", 3,
         ("once",)),
    Case("bad policy", ":FORWARD REJECT [0:0]", "iptables-nft-restore: line 2 failed: Bad policy name.\n", 2,
         ("ACCEPT or DROP",)),
    Case("bad policy, legacy", ":FORWARD DENY [0:0]",
         f"{LEGACY}Can't set policy `DENY' on `FORWARD' line 2: Bad policy name\n", 2, ("'DENY'", "ACCEPT or DROP")),
    Case("rule of an unknown chain", "-A nochain -j ACCEPT",
         "iptables-nft-restore: line 2 failed: No chain/target/match by that name.\n", 2, ("declare the chain",)),
    Case("rule of an unknown chain, legacy", "-A nochain -j ACCEPT", "iptables-restore: line 2 failed\n", 2,
         ("the chain nochain does not exist",)),
    Case("COMMIT, legacy", f"{F} -j MASQUERADE", "iptables-restore: line 3 failed\n", 3,
         ("the table nat as a whole", "iptables-nft"), table="*nat"),
    Case("jump to a built-in chain", f"{F} -j INPUT",
         f"{V}\nline 2: RULE_APPEND failed (No such file or directory): rule in chain FORWARD\n", 2, ("built-in",)),
    Case("chain in use", ":a - [0:0]\n-A FORWARD -j a\n-X a",
         f"{V}\nline 4: CHAIN_DEL failed (Device or resource busy): chain a\n", 4, ("still jumped to",)),
    Case("unknown helper", "-A PREROUTING -p tcp -j CT --helper nothere",
         f"{V}\nline 2: RULE_APPEND failed (No such file or directory): rule in chain PREROUTING\n", 2,
         ("something that the rule names",), table="*raw"),
    Case("bad port", f"{F} -p tcp --dport httpx", f"{V}invalid port/service `httpx' specified\n{at(2)}", 2, ("'httpx'",)),
    Case("missing match", f"{F} -m geoip --src-cc DE",
         f"{V}Couldn't load match `geoip':No such file or directory\n\n{at(2)}", 2, ("lacks match geoip",), "match geoip"),
    Case("unknown match, 1.8.7", f"{F} -m foo",
         "iptables-restore v1.8.7 (nf_tables): Couldn't load match `foo':No such file or directory\n\n"
         "Error occurred at line: 2\nTry `iptables-restore -h' or 'iptables-restore --help' for more information.\n", 2,
         ("Couldn't load match 'foo'", "lacks match foo"), "match foo"),
    Case("misspelt match", f"{F} -m conntrak --ctstate NEW",
         f"{V}Couldn't load match `conntrak':No such file or directory\n\n{at(2)}", 2, ("conntrack is meant?",)),
    Case("missing target", f"{F} -j TARPIT", f"{V}Chain 'TARPIT' does not exist\n{at(3)}", 2, ("lacks target TARPIT",),
         "target TARPIT"),
    Case("a kernel without a match", f"{F} -m ipvs --ipvs -j ACCEPT",
         "Warning: Extension ipvs revision 0 not supported, missing kernel module?\n"
         f"{V}\nline 2: RULE_APPEND failed (No such file or directory): rule in chain FORWARD\n", 2,
         ("lacks match ipvs",), "match ipvs"),
    Case("a kernel without a target, legacy", f"{F} -j LED --led-trigger-id x",
         "Warning: Extension LED revision 0 not supported, missing kernel module?\niptables-restore: line 3 failed\n", 3,
         ("lacks target LED",), "target LED"),
    Case("a kernel without a table", "", "iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table "
         f"'nat'\n{at(1)}", 1, ("lacks nat table",), "nat table", table="*nat"),
]


def rendered(case: Case, *, end: str = "COMMIT\n") -> Rendered:
    text = f"{case.table}\n{case.body}\n{end}"
    return Rendered(text, tuple(f"policies/e.j2:{n + 100}" for n in range(1, text.count("\n") + 1)), "policies/e.j2")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_refusal_names_the_template_line(case: Case) -> None:
    problem = locate(case.stderr, rendered(case), Backend.LEGACY if "legacy" in case.name else Backend.NFT)
    assert str(problem.where) == f"policies/e.j2:{case.line + 100}"
    text = rendered(case).text.split("\n")[case.line - 1]
    assert f"line {case.line} of the rendered ruleset, `{text}`" in problem.what
    for word in case.words:
        assert word in f"{problem.what} {problem.mend}"
    assert "\n" not in problem.what
    assert "Error occurred" not in problem.what
    assert "Warning" not in problem.what


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_the_machine_lacks_is_told_from_what_is_wrong(case: Case) -> None:
    assert is_missing_extension(case.stderr, rendered(case)) == case.missing
    assert is_missing_extension(case.stderr) == case.missing


def test_a_missing_commit_is_at_the_last_line() -> None:
    case = Case("", f"{F} -j DROP", "iptables-nft-restore: COMMIT expected at line 3\n", 2, ())
    problem = locate(case.stderr, rendered(case, end=""))
    assert str(problem.where) == "policies/e.j2:102"
    assert "COMMIT expected" in problem.what
    assert "at line 3" not in problem.what


def test_with_the_ruleset_a_bare_error_of_the_kernel_is_understood() -> None:
    case = Case("", "-A FORWARD -j SECMARK --selctx a",
                f"{V}\nline 2: RULE_APPEND failed (No such file or directory): rule in chain FORWARD\n", 2, ())
    assert is_missing_extension(case.stderr) is None
    assert is_missing_extension(case.stderr, rendered(case)) == "target SECMARK"


def test_a_warning_about_something_else_is_no_reason() -> None:
    case = Case("", "-A FORWARD -j INPUT", "Warning: Extension tcp revision 0 not supported, missing kernel module?\n"
                f"{V}\nline 2: RULE_APPEND failed (No such file or directory): rule in chain FORWARD\n", 2, ())
    assert is_missing_extension(case.stderr, rendered(case)) is None


def test_windows_line_ends_are_named() -> None:
    text = "*filter\r\nCOMMIT\r\n"
    problem = locate(f"{V}iptables-nft-restore: line 1 table name 'filter\r' invalid\n{at(1)}",
                     Rendered(text, ("p/x.rules:1", "p/x.rules:2"), "p/x.rules"))
    assert "Windows" in problem.what
    assert str(problem.where) == "p/x.rules:1"


@pytest.mark.parametrize("stderr", ["", "iptables-restore: killed\n", f"{V}oops\n{at(99)}"])
def test_whatever_is_said_there_is_a_problem(stderr: str) -> None:
    problem = locate(stderr, Rendered("*filter\nCOMMIT\n", (None, None), "policies/e.j2"))
    assert str(problem.where) == "policies/e.j2"
    assert problem.what


def test_what_a_tool_quotes_is_read_in_no_time() -> None:
    began = time.process_time()
    refusal._read("iptables" * 40_000 + "\nError occurred at line: " + "9" * 5000)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("backend", Backend)
def test_nobody_is_told_to_take_what_has_refused_it(backend: Backend) -> None:
    for line in (2, 3):
        dump = Rendered("*filter\n-A INPUT -m time\nCOMMIT\n", (), "policies/e.rules")
        problem = locate(f"iptables-restore: line {line} failed\n", dump, backend)
        assert ("iptables-nft" in problem.mend) == (backend is Backend.LEGACY)
        assert problem.mend


def test_days_of_iptables_1_2() -> None:
    dump = Rendered("*filter\n-A INPUT -m time --days Mon -j DROP\nCOMMIT\n", (), "policies/e.rules")
    problem = locate(f'{V}unknown option "--days"\n{at(2)}', dump)
    assert "--weekdays Mon,Tue --kerneltz" in problem.mend
