"""A sweep beside single probes: what both have to say of the same port."""

from __future__ import annotations

from collections.abc import Hashable

from lab.lab import Lab
from lab.probe.question import NUMBERS, Question, to_port
from lab.record.sweep import Arrived, Gear, Sweep
from lab.record.verdict import Kind, Verdict

DELIVERED = (Kind.CLOSED, Kind.ALLOWED)


def asked(
    lab: Lab, sender: str, target: str, service: str, *, source: str | None = None, at: str | None = None, family: int = 4
) -> Verdict:
    """The verdict of one probe to a port at which no receiver is opened, as a sweep asks it."""
    proto, _, port = service.partition("/")
    flow = lab.asked(sender, target, service, source=source, family=family)
    question = Question(flow.node, flow.source, flow.destination, to_port(NUMBERS[proto], int(port)))
    return lab.ask(question, at or lab._only_policy())


def said(verdict: Verdict, *, rule: bool = True) -> Hashable:
    """What a verdict says, the rule left out where a gear names none."""
    named = (verdict.rule and (verdict.rule.node, verdict.rule.family, verdict.rule.place)) if rule else None
    return verdict.kind, verdict.node, verdict.reject, verdict.muted, verdict.passed_node, named


def arrival(lab: Lab, verdict: Verdict) -> Arrived | None:
    """Where and how the packet of a single probe arrived, in a sweep's words; None of one that did not."""
    if verdict.kind not in DELIVERED:
        return None
    sent, last = verdict.observation.sent, verdict.path[-1].exit if verdict.path else verdict.observation.sent
    assert last is not None
    at = lab.topology.owner(last.destination)
    assert at is not None
    return Arrived(
        at,
        last.destination if last.destination != sent.destination else None,
        last.dport if last.dport != sent.dport else None,
        last.source if last.source != sent.source else None,
    )


def differences(
    lab: Lab, sweep: Sweep, sender: str, target: str, proto: str, *, at: str | None = None, family: int = 4,
    single: dict[int, Verdict] | None = None,
) -> list[str]:  # fmt: skip
    """Where a sweep and single probes do not say the same: of the ends and the middle of every range that the sweep found.

    ``single`` holds what probes said before, to be compared too, and what they say now.
    """
    single = {} if single is None else single
    beside = {port for low, high, _ in sweep.ranges() for port in (low, high, (low + high) // 2)}
    named = sweep.gear is Gear.RULE
    found = []
    with lab.batch():
        for port in sorted({*beside, *single}):
            if port not in single:
                single[port] = asked(lab, sender, target, f"{proto}/{port}", at=at, family=family)
            one, group = single[port], sweep.of(port)
            probed, swept = said(one, rule=named), said(group.verdict, rule=named)
            if one.kind in DELIVERED:
                probed, swept = (probed, arrival(lab, one)), (swept, group.arrived)
            if probed != swept:
                found.append(f"{sweep.gear} {port}: {probed} ({one.proof}), swept {swept} ({group.verdict.proof})")
    return found


def assert_same(
    lab: Lab, target: str, service: str, *, sender: str = "client", at: str | None = None, family: int = 4
) -> dict[Gear, Sweep]:
    """Both gears say of the ports what single probes of them say; the sweeps."""
    sweeps = {gear: lab.sweep(sender, target, service, gear=gear, at=at, family=family, every_port=True) for gear in Gear}
    single = dict[int, Verdict]()
    for sweep in (*sweeps.values(), next(iter(sweeps.values()))):
        # the first once more, beside the ends of the other's ranges
        found = differences(lab, sweep, sender, target, service.partition("/")[0], at=at, family=family, single=single)
        assert not found, "\n".join(found[:5])
    return sweeps
