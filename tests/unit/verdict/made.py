"""Made-up observations, verdicts and cells: a client, a gateway under test, a second gateway and a server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab.errors import Where
from lab.record.observation import Milestone, Observation
from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step
from lab.record.verdict import Kind, Verdict
from lab.ruleset.describe import described
from lab.ruleset.held_save import held_rule
from lab.ruleset.save import read_save
from lab.written.cell import Cell, Expectation, Sender, Service, Target
from lab.written.expect.keys import KEYS

SYN = Packet(4, 6, "10.0.1.10", 40000, "10.0.2.10", 443, 0x02)
SYN_ACK = Packet(4, 6, "10.0.2.10", 443, "10.0.1.10", 40000, 0x12)
ACK = SYN._replace(flags=0x10)
DATA = SYN._replace(flags=0x18)
DATAGRAM = Packet(4, 17, "10.0.1.10", 40000, "10.0.2.10", 53)
DATAGRAM_BACK = Packet(4, 17, "10.0.2.10", 53, "10.0.1.10", 40000)
ECHO = Packet(4, 1, "10.0.1.10", 7, "10.0.2.10", 1, 8)
ECHO_BACK = Packet(4, 1, "10.0.2.10", 7, "10.0.1.10", 1, 0)


def rule(
    comment: str | None = None, target: str = "ACCEPT", *, options: str = "", node: str = "gateway", table: str = "filter",
    chain: str = "FORWARD", number: int | None = 1,
) -> Rule:  # fmt: skip
    """A rule, or with ``number=None`` the policy of its chain."""
    text = f"-P {chain} {target}" if number is None else f"-A {chain} {options} -j {target}".replace("  ", " ")
    if number is None:
        return Rule(node, table, chain, None, text, comment)
    (saved,) = read_save(f"*{table}\n{text}\nCOMMIT\n").rules()
    return replace(described(node, held_rule("ip", saved)), number=number, comment=comment)


def step(of: Rule, verdict: str) -> Step:
    """What the trace says of a rule."""
    return Step(of.chain.lower(), of.table, of.chain, of, verdict, of.table)


def passed(*rules: Rule, node: str = "gateway", entry: Packet = SYN, leaving: Packet | None = None, **keys: Any) -> Path:
    """The path of a packet that every rule accepted."""
    steps = tuple(step(one, "accept") for one in rules)
    return Path(node, entry, steps, keys.pop("end", End.LEFT), leaving or entry, **keys)


def dropped(by: Rule, *before: Rule, node: str = "gateway", entry: Packet = SYN) -> Path:
    """The path of a packet that ``by`` dropped."""
    return Path(node, entry, (*(step(one, "accept") for one in before), step(by, "drop")), End.DROPPED)


def stopped(end: End, *rules: Rule, node: str = "gateway", entry: Packet = SYN) -> Path:
    """The path of a packet that ended without a drop."""
    return Path(node, entry, tuple(step(one, "accept") for one in rules), end)


def observed(*request: Path, stage: Milestone = Milestone.SENT, sent: Packet = SYN, **keys: Any) -> Observation:
    """What was seen of one probe."""
    return Observation(sent, stage, request, **keys)


def verdict(kind: Kind = Kind.ALLOWED, **keys: Any) -> Verdict:
    """A verdict on an observation that says no more."""
    observation = keys.pop("observation", None) or observed(passed(rule()))
    if kind in (Kind.DROPPED, Kind.REJECTED):
        keys.setdefault("node", "gateway")
    return Verdict(kind, keys.pop("proof", "as it was seen"), observation, **keys)


def cell(action: str = "allow", *, service: Service | None = None, **expect: Any) -> Cell:
    """A cell from the client to the server, with the gateway under test."""
    kind = expect.pop("reject_with", None)
    assert expect.keys() <= {key.name for key in KEYS}, "each is a key of a row"
    return Cell(
        id="made::row[client->server tcp/443]",
        matrix="made",
        row="row",
        where=Where("matrices/made.yaml", 7),
        sender=Sender("client", "10.0.1.10", "client"),
        target=Target("10.0.2.10", "server", "server"),
        service=service or Service("tcp/443", "tcp", ((443, 443),)),
        family=4,
        at="gateway",
        expect=Expectation(action, kind, expect),
    )
