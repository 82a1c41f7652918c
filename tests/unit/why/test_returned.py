"""Rules that stand behind a RETURN."""

from __future__ import annotations

import pytest

from lab.record.path import End
from lab.record.verdict import Kind
from lab.why.returned import returned
from tests.unit.verdict.made import SYN
from tests.unit.why.walks import failed, saved, table, told, way


def test_an_accept_behind_a_return() -> None:
    chains = saved(table(
        "-A FORWARD -i lan -j LAN", "-A LAN -d 10.0.2.0/24 -j RETURN", "-A LAN -p tcp -m tcp --dport 443 -j ACCEPT",
    ))  # fmt: skip
    path = way(chains, "filter:FORWARD:1 jump LAN", "filter:LAN:1 return", "filter:FORWARD:policy drop")
    (hint,) = told(returned, failed(chains, path))
    assert hint == (
        "gateway filter:LAN:2 (`-A LAN -p tcp -m tcp --dport 443 -j ACCEPT`) would accept it, but stands after filter:LAN:1, "
        "which sent it back out of LAN: put it before filter:LAN:1"
    )
    assert told(returned, failed(chains, path, action="drop")) == []


@pytest.mark.parametrize("behind", [
    "-A LAN -p udp -j ACCEPT", "-A LAN -p tcp -j DROP", "-A LAN -m connmark --mark 0x1 -j DROP\n-A LAN -j ACCEPT",
])  # fmt: skip
def test_what_would_not_surely_accept_it_behind_a_return(behind: str) -> None:
    chains = saved(table("-A FORWARD -i lan -j LAN", "-A LAN -d 10.0.2.0/24 -j RETURN", *behind.split("\n")))
    path = way(chains, "filter:FORWARD:1 jump LAN", "filter:LAN:1 return", "filter:FORWARD:policy drop")
    assert told(returned, failed(chains, path)) == []


@pytest.mark.parametrize(("drop", "told_of"), [
    ("-A USERS -p tcp -m tcp --dport 443 -j DROP", True), ("-A USERS -i lan -j DROP", False), ("-A USERS -j DROP", False),
])  # fmt: skip
def test_a_deny_behind_a_return_is_told_where_it_means_the_packet(drop: str, told_of: bool) -> None:
    chains = saved(table("-A FORWARD -j USERS", "-A FORWARD -j ACCEPT", "-A USERS -j RETURN", drop))
    path = way(
        chains, "filter:FORWARD:1 jump USERS", "filter:USERS:1 return", "filter:FORWARD:2 accept", end=End.LEFT, exit=SYN,
    )  # fmt: skip
    hints = told(returned, failed(chains, path, action="drop"))
    assert [hint.split(" would ")[1] for hint in hints] == [
        "drop it, but stands after filter:USERS:1, which sent it back out of USERS: put it before filter:USERS:1"
    ] * told_of
    assert told(returned, failed(chains, path)) == []


def test_a_translation_behind_a_return() -> None:
    nat = table(
        "-A PREROUTING -j PUBLISH", "-A PUBLISH -i lan -j RETURN",
        "-A PUBLISH -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.20", name="nat", policies="ACCEPT",
    )  # fmt: skip
    chains = saved(nat + table("-A INPUT -p udp -j ACCEPT"))
    path = way(
        chains, "nat:PREROUTING:1 jump PUBLISH", "nat:PUBLISH:1 return", "nat:PREROUTING:policy accept",
        "filter:INPUT:policy drop",
    )  # fmt: skip
    (hint,) = told(returned, failed(chains, path))
    assert "gateway nat:PUBLISH:2" in hint
    assert "would translate it, but stands after nat:PUBLISH:1" in hint


def test_a_source_that_nobody_missed() -> None:
    rules = "-A POSTROUTING -j HIDE", "-A HIDE -d 10.0.2.0/24 -j RETURN", "-A HIDE -j MASQUERADE"
    chains = saved(table(*rules, name="nat", policies="ACCEPT"))
    path = way(
        chains, "nat:POSTROUTING:1 jump HIDE", "nat:HIDE:1 return", "nat:POSTROUTING:policy accept", end=End.LEFT, exit=SYN,
    )  # fmt: skip
    assert told(returned, failed(chains, path, kind=Kind.CLOSED)) == []
    (hint,) = told(returned, failed(chains, path, kind=Kind.UNANSWERED))
    assert "gateway nat:HIDE:2" in hint


def test_an_accept_behind_a_goto() -> None:
    chains = saved(table(
        "-A FORWARD -i lan -g LAN", "-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT", "-A LAN -p udp -j ACCEPT",
    ))  # fmt: skip
    path = way(chains, "filter:FORWARD:1 goto LAN", "filter:LAN:end", "filter:FORWARD:policy drop")
    (hint,) = told(returned, failed(chains, path))
    assert "gateway filter:FORWARD:2" in hint
    assert "stands after filter:FORWARD:1, which sent it to LAN for good: put it before filter:FORWARD:1" in hint


@pytest.mark.parametrize(("kind", "behind", "said"), [
    (Kind.UNANSWERED, "-A POSTROUTING -o dmz -j MASQUERADE", True), (Kind.CLOSED, "-A POSTROUTING -o dmz -j MASQUERADE", False),
    (Kind.UNANSWERED, "-A POSTROUTING -o wan -j MASQUERADE", False),
])  # fmt: skip
def test_a_masquerade_behind_an_accept_of_nat(kind: Kind, behind: str, said: bool) -> None:
    chains = saved(table("-A POSTROUTING -d 10.0.0.0/8 -j ACCEPT", behind, name="nat", policies="ACCEPT"))
    path = way(chains, "nat:POSTROUTING:1 accept", end=End.LEFT, exit=SYN)
    hints = told(returned, failed(chains, path, kind=kind))
    assert ["stands after nat:POSTROUTING:1, which let it be: put it before" in hint for hint in hints] == [True] * said
