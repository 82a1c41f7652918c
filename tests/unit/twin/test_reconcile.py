"""Running rules against a policy's: what is carried over, what is removed, and which of it nobody answers for."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import pytest

from lab.record.reconciled import OtherPolicy, Reconciled
from lab.report.reconciled import reconciled_lines
from lab.ruleset.held import ChainKey, HeldChain
from lab.ruleset.held_save import chains_of_save
from lab.ruleset.save import read_save
from lab.twin.reconcile import reconcile

TODAY = datetime.date(2026, 11, 27)
SSH, WEB, DNS, NTP = (f"-A INPUT -p tcp -m tcp --dport {port} -j ACCEPT" for port in (22, 443, 53, 123))
OWNED = '-m comment --comment "owner=net-sec CHG-1042 review=2027-01-31"'


def chains(*rules: str, policy: str = "DROP", table: str = "filter") -> dict[ChainKey, HeldChain]:
    """The chains of a save with these rules, which were written in the lines of ``gw.rules``."""
    text = "\n".join((f"*{table}", f":INPUT {policy} [0:0]", ":f2b-sshd - [0:0]", *rules, "COMMIT", ""))
    lines = {(table, "INPUT", number): f"gw.rules:{number + 3}" for number in range(1, len(rules) + 1)}
    return chains_of_save("ip", read_save(text), lines)


def found(running: Mapping[ChainKey, HeldChain], written: Mapping[ChainKey, HeldChain]) -> Reconciled:
    return reconcile(running, written, TODAY)


def with_comment(rule: str, comment: str) -> str:
    return rule.replace(" -j", f" {comment} -j")


def test_the_same_rules_differ_in_nothing() -> None:
    both = found(chains(SSH, WEB, WEB), chains(SSH, WEB, WEB))
    assert both == Reconciled(3)
    assert both.is_clean
    assert list(reconciled_lines(both)) == ["the host runs what its policy says", "3 rules are in both alike"]


def test_a_rule_that_only_runs_is_carried_over_behind_its_neighbour() -> None:
    extra = with_comment(DNS, OWNED)
    (one,) = found(chains(SSH, extra, WEB), chains(SSH, WEB)).unwritten
    assert (str(one.place), one.text, one.behind) == ("ip filter:INPUT:2", extra, "gw.rules:4")
    assert (one.owner, one.ticket, one.review, one.is_unowned) == ("net-sec", "CHG-1042", datetime.date(2027, 1, 31), False)
    first = found(chains(extra, SSH), chains(SSH)).unwritten[0]
    assert first.behind is None


@pytest.mark.parametrize(
    ("comment", "lacks", "overdue"),
    [
        ("", ("owner", "ticket", "date"), False),
        ("-m comment --comment emergency", ("owner", "ticket", "date"), False),
        ('-m comment --comment "owner=net-sec CHG-1042"', ("date",), False),
        ('-m comment --comment "ticket=INC-7 review=2027-01-31"', ("owner",), False),
        ('-m comment --comment "owner=net-sec review=2027-01-31"', ("ticket",), False),
        ('-m comment --comment "owner=net-sec CHG-1042 review=2026-11-26"', (), True),
    ],
)
def test_an_emergency_rule_needs_owner_ticket_and_date(comment: str, lacks: tuple[str, ...], overdue: bool) -> None:
    extra = with_comment(DNS, comment).replace("  ", " ")
    result = found(chains(SSH, extra), chains(SSH))
    (one,) = result.unowned
    assert (one.lacks, one.overdue, result.exit_code, result.is_clean) == (lacks, overdue, 1, False)
    heading, line, *_ = reconciled_lines(result)
    assert heading == "EMERGENCY RULES without owner, ticket and date (1):"
    assert extra in line


def test_an_owned_emergency_ends_well() -> None:
    result = found(chains(SSH, with_comment(DNS, OWNED)), chains(SSH))
    assert (result.exit_code, result.is_clean) == (0, False)
    assert "[net-sec CHG-1042, until 2027-01-31; behind gw.rules:4]" in "\n".join(reconciled_lines(result))
    assert found(chains(with_comment(DNS, OWNED.replace("2027-01-31", "2026-11-27"))), chains()).exit_code == 0


def test_a_rule_that_does_not_run_is_told_with_its_line() -> None:
    result = found(chains(SSH), chains(SSH, WEB))
    assert [(one.text, one.source) for one in result.unloaded] == [(WEB, "gw.rules:5")]
    assert (result.exit_code, result.is_clean) == (0, False)


def test_a_rule_elsewhere_in_its_chain_is_moved_and_nothing_else() -> None:
    result = found(chains(SSH, WEB, DNS, NTP), chains(WEB, DNS, NTP, SSH))
    assert (result.same, result.unwritten, result.unloaded) == (3, (), ())
    assert [(one.text, one.place.number, one.number) for one in result.moved] == [(SSH, 1, 4)]


def test_one_of_two_alike_that_is_missing_is_missed_once() -> None:
    result = found(chains(SSH, WEB), chains(SSH, WEB, SSH))
    assert [(one.text, one.place.number) for one in result.unloaded] == [(SSH, 3)]


def test_another_comment_is_no_other_rule() -> None:
    result = found(chains(with_comment(SSH, "-m comment --comment old")), chains(with_comment(SSH, OWNED)))
    assert [(one.running, one.written) for one in result.reworded] == [("old", "owner=net-sec CHG-1042 review=2027-01-31")]
    assert (result.unwritten, result.unloaded, result.is_clean) == ((), (), True)


def test_chains_that_are_shut_on_one_side() -> None:
    result = found(chains(policy="ACCEPT"), chains(policy="DROP"))
    assert result.policies == (OtherPolicy("ip", "filter", "INPUT", "ACCEPT", "DROP"),)
    assert found({}, chains(policy="DROP")).policies == (OtherPolicy("ip", "filter", "INPUT", None, "DROP"),)
    assert found({}, chains(policy="ACCEPT")).is_clean


def test_what_a_program_writes_is_no_emergency() -> None:
    ban = "-A f2b-sshd -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable"
    result = found(chains("-A INPUT -p tcp -j f2b-sshd", ban), chains())
    assert [one.writer for one in result.unwritten] == ["fail2ban", "fail2ban"]
    assert (result.exit_code, result.is_clean) == (0, True)
    assert "2 rules that fail2ban wrote are left aside" in list(reconciled_lines(result))


def test_hostile_text_is_printed_as_text() -> None:
    odd = with_comment(DNS, '-m comment --comment "\x1b[31m::error::x"')
    assert "\x1b" not in "\n".join(reconciled_lines(found(chains(odd), chains())))
