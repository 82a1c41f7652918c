"""Translated, and to another place than the row says."""

from __future__ import annotations

import pytest

from lab.record.observation import Arrival
from lab.record.path import End, Path
from lab.record.verdict import Kind
from lab.ruleset.held import Chains
from lab.why.denied import denied
from lab.why.wrong_receiver import from_the_wrong_source, to_the_wrong_receiver
from lab.written.expect.arrives import ArrivesSpec
from tests.unit.verdict.made import SYN
from tests.unit.why.walks import arrives, failed, saved, table, told, way

OWN = SYN._replace(destination="10.0.1.1")
AT = ArrivesSpec(at=("server",), port=8443)


def turned(to: str, port: int, *more: str, end: End = End.DROPPED) -> tuple[Chains, Path]:
    """Chains, and a path that the first rule translated to this place."""
    nat = table(
        f"-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination {to}:{port}", *more, name="nat", policies="ACCEPT",
    )  # fmt: skip
    chains = saved(nat + table("-A FORWARD -p udp -j ACCEPT", policies="DROP" if end is End.DROPPED else "ACCEPT"))
    now = SYN._replace(destination=to, dport=port)
    verdict = "drop" if end is End.DROPPED else "accept"
    return chains, way(
        chains, "nat:PREROUTING:1 accept", f"filter:FORWARD:policy {verdict}", entry=OWN, heads=((1, now),), end=end,
        exit=None if end is End.DROPPED else now,
    )  # fmt: skip


def test_another_rule_behind_it_has_the_right_receiver() -> None:
    chains, path = turned("10.0.2.20", 8443, "-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.10:8443")
    (hint,) = told(to_the_wrong_receiver, failed(chains, path, arrives=AT))
    assert "--dport 443 -j DNAT --to-destination 10.0.2.20:8443`) translated it to 10.0.2.20:8443, which nobody has" in hint
    assert "and was to come to server; gateway nat:PREROUTING:2" in hint
    assert hint.endswith("stands after it: put nat:PREROUTING:2 before nat:PREROUTING:1, or take that away")
    assert told(denied, failed(chains, path, arrives=AT)) == [hint], "no rule is asked for that lets it pass to the wrong one"


def test_the_wrong_port() -> None:
    chains, path = turned("10.0.2.10", 443, end=End.LEFT)
    (hint,) = told(to_the_wrong_receiver, failed(chains, path, kind=Kind.CLOSED, arrives=AT))
    assert hint.endswith("translated it to 10.0.2.10:443, and was to come to port 8443")
    at_server = failed(chains, path, kind=Kind.CLOSED, arrives=AT, held={"server": chains})
    assert told(to_the_wrong_receiver, at_server) == [], "who has rules may translate the port again"


@pytest.mark.parametrize(("to", "port"), [("10.0.2.10", 8443), ("10.0.1.1", 8443)])
def test_the_right_receiver_or_one_that_may_lead_it_on(to: str, port: int) -> None:
    chains, path = turned(to, port)
    assert told(to_the_wrong_receiver, failed(chains, path, arrives=AT)) == []


def test_where_it_arrived_is_no_news() -> None:
    chains, path = turned("10.0.2.20", 8443, end=End.LEFT)
    seen = Arrival("server", "10.0.2.20", 8443, "10.0.1.10", 40000)
    assert told(to_the_wrong_receiver, failed(chains, path, kind=Kind.ALLOWED, arrives=AT, arrived=seen)) == []
    assert told(to_the_wrong_receiver, failed(chains, path, action="drop", arrives=AT)) == []


@pytest.mark.parametrize(("behind", "said"), [
    ("-A POSTROUTING -s 10.0.1.10/32 -j SNAT --to-source 10.0.2.9", True),
    ("-A POSTROUTING -s 10.0.1.10/32 -j SNAT --to-source 10.0.2.8", False),
    ("-A POSTROUTING -s 10.0.1.11/32 -j SNAT --to-source 10.0.2.9", False),
    ("-A POSTROUTING -m connmark --mark 0x1 -j SNAT --to-source 10.0.2.9", False),
    ("-A POSTROUTING -m connmark --mark 0x1 -j ACCEPT\n-A POSTROUTING -j SNAT --to-source 10.0.2.9", False),
])  # fmt: skip
def test_the_right_source_stands_behind_a_masquerade(behind: str, said: bool) -> None:
    chains = saved(table("-A POSTROUTING -j MASQUERADE", *behind.split("\n"), name="nat", policies="ACCEPT"))
    path = way(chains, "nat:POSTROUTING:1 accept", end=End.LEFT, exit=SYN._replace(source="10.0.2.1"))
    seen = Arrival("server", "10.0.2.10", 443, "10.0.2.1", 40000)
    wanted = arrives(**{"from": "10.0.2.9"})
    hints = told(from_the_wrong_source, failed(chains, path, kind=Kind.ALLOWED, arrived=seen, arrives=wanted))
    words = "would translate its source to 10.0.2.9, but stands after nat:POSTROUTING:1"
    assert [words in hint for hint in hints] == [True] * said
