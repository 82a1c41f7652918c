"""Data that was too big for a link, and a rule that kept its sender from hearing of it."""

from __future__ import annotations

import pytest

from lab.record.observation import Milestone
from lab.record.packet import Packet
from lab.record.path import End, Path
from lab.record.verdict import Kind
from lab.verdict.path_mtu import unheard
from lab.verdict.prove import prove
from tests.unit.verdict.made import DATAGRAM, SYN, dropped, observed, passed, rule

TOO_BIG = Packet(4, 1, "10.0.9.2", 0, SYN.source, 1280, 3, 4)
BY = rule("deaf", "DROP", number=5)


def said(error: Packet = TOO_BIG) -> tuple[Path, Path]:
    """The error where it is made, and where a rule drops it."""
    return Path("second", error, (), End.LEFT, error, "middle"), dropped(BY, entry=error)


def test_the_verdict_names_who_said_it_and_who_dropped_that() -> None:
    verdict = prove(observed(passed(rule()), stage=Milestone.CONNECTED, others=said()), "gateway")
    assert (verdict.kind, verdict.packet, verdict.node, verdict.rule) == (Kind.DROPPED, "frag-needed", "gateway", BY)
    assert "the data was too big at second, where 1280 bytes fit, and said so: frag-needed; that ended in" in verdict.proof
    assert verdict.stopped_by == BY


def test_a_datagram_is_called_one() -> None:
    seen = observed(passed(rule(), entry=DATAGRAM), sent=DATAGRAM, others=said(TOO_BIG._replace(destination=DATAGRAM.source)))
    assert "the datagram was too big at second" in prove(seen, "gateway").proof


def test_in_ipv6_the_mtu_has_32_bits() -> None:
    error = Packet(6, 58, "2001:db8::2", 1, "2001:db8::10", 2, 2, 0)
    sent = Packet(6, 6, "2001:db8::10", 40000, "2001:db8::99", 443, 2)
    found = unheard(observed(passed(rule(), entry=sent), sent=sent, others=said(error)))
    assert found is not None
    assert (found.mtu, found.word) == ((1 << 16) + 2, "packet-too-big")


@pytest.mark.parametrize(
    "error", [TOO_BIG._replace(destination="10.9.9.9"), TOO_BIG._replace(code=1), TOO_BIG._replace(flags=11, code=0)]
)
def test_other_errors_are_something_else(error: Packet) -> None:
    assert unheard(observed(passed(rule()), others=said(error))) is None


def test_what_was_answered_all_the_same_is_allowed() -> None:
    assert prove(observed(passed(rule()), stage=Milestone.ANSWERED, others=said())).kind is Kind.ALLOWED
