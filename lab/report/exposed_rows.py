"""One exposure as a row of its own, and the words that rows and groups share."""

from __future__ import annotations

from lab.record.exposure import Exposure
from lab.record.sweep import DENIED
from lab.record.verdict import Kind
from lab.report.limited import beyond_text
from lab.report.openings import count
from lab.report.plain import plain
from lab.report.sweep import arrived_text, some_ports

HEAD = ("from", "to", "ports", "answers", "rule", "owner", "asserted by")
_ANSWERS = {Kind.ALLOWED: "yes", Kind.CLOSED: "nothing listens", Kind.UNANSWERED: "answer lost", Kind.UNROUTED: "let through"}
_ANSWERS |= {kind: f"{kind}, but a copy got through" for kind in DENIED}


def exposure_row(one: Exposure) -> tuple[str, ...]:
    """The columns of `HEAD`."""
    rule, pair = one.rule, one.pair
    named = "" if rule is None else f"{rule}{f' [{rule.origin}]' if rule.origin else ''}"
    who = " ".join(str(word) for word in (one.owner, one.ticket, one.review) if word is not None)
    asserted = "; ".join(one.asserted) or "nothing"
    if one.asserted and one.unasserted:
        asserted += f", but not {some_ports(one.unasserted)}"
    sender = pair.sender if pair.sources is None else f"{pair.sender} {pair.sources} (asked from {pair.source})"
    target = f"{pair.target} ({pair.address})" if pair.targets is None else f"{pair.targets} (asked at {pair.address})"
    ports = f"{one.proto}/{some_ports(one.ports)}"
    return tuple(map(plain, (sender, target, ports, answers(one), named, who or "-", asserted)))


def answers(one: Exposure) -> str:
    """What becomes of who asks: ``yes, to 25/second burst 50; beyond that dropped by ... -> web 10.0.2.10 port 8443``."""
    asked = one.ports[0][0] if count(one.ports) == 1 else None
    arrived = f" -> {arrived_text(one.arrived, asked)}" if one.arrived is not None else ""
    return _ANSWERS.get(one.kind, str(one.kind)) + _changes(one) + arrived


def way(one: Exposure) -> str:
    """What tells it from others that a rule opens, to be put behind whether something listens: ``, to a limit -> web port 80``.

    Empty where it came to where it was sent, and answers or not; which source it came with is no part of it.
    """
    asked = one.ports[0][0] if count(one.ports) == 1 else None
    to = None if one.arrived is None else one.arrived._replace(source=None)
    as_sent = to is None or (to.at is not None and to.address is None and to.port is None)
    here = as_sent and one.kind not in DENIED
    where = "" if to is None or here else f" -> {arrived_text(to, asked)}"
    said = "" if one.kind in (Kind.ALLOWED, Kind.CLOSED) else _ANSWERS.get(one.kind, str(one.kind))
    return f"{said}{_changes(one)}{where}"


def _changes(one: Exposure) -> str:
    """Where it is not so for every packet."""
    unsettled = ", unsettled" if one.unsettled else ""
    return unsettled if one.beyond is None else f"{unsettled}, to {beyond_text(one.limit, one.beyond)}"
