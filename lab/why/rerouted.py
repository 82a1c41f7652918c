"""Rules of OUTPUT see the interface that a packet was routed to at first, whatever a mark made of it since."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End
from lab.ruleset.conditions import LEFT
from lab.why.case import Case
from lab.why.walk import bases
from lab.why.wording import unnamed

_ROUTE_ANEW = ("mangle", "route")


def rerouted(case: Case) -> Iterator[Hint]:
    """A rule that asks for the interface, behind the mark that had it routed anew (ip_route_me_harder leaves state->out)."""
    path = case.verdict.path[-1] if case.verdict.path else None
    if not case.should_pass or path is None or path.end is not End.DROPPED or path.entered is not None or not path.mark:
        return
    by = [step.rule for step in path.steps if step.hook == "output" and step.kind in _ROUTE_ANEW and step.rule is not None]
    walked = bases(path, case.chains(path.node))
    if not by or not walked or walked[-1].hook != "output" or walked[-1].decided is None or walked[-1].decided.number is None:
        return
    frame = walked[-1].frames[-1]
    senders = (*walked[-1].senders, frame.chain.rules[walked[-1].decided.number - 1])
    asks = any(one.field == LEFT for rule in senders if rule.whole is not None for one in rule.whole.asked)
    asks = asks or any(one.field == LEFT for rule in senders for one in rule.conditions)
    head = path.head(-1)
    lead = case.ask_route(path.node, head.destination, head.source, path.mark)
    if not asks or lead is None or lead.dev in (None, path.toward) or path.toward is None:
        return
    rule = unnamed(walked[-1].decided)
    yield Hint(
        f"{by[0]} marked it, and with its mark {path.mark:#x} its way is by {lead.dev}; but rules of OUTPUT see {path.toward}, "
        f"where it was routed before, and so {rule} took it",
        "ask for the interface in POSTROUTING, where rules see the way that it truly takes",
    )
