"""What an auditor asks, found out in one lab: what is open from outside, what of the denied is logged, what is overdue."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import InputError, Problem, gravest
from lab.kernel.hold.held import Held
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.probe.question import question_of
from lab.record.audit import AuditReport, DeniedProbe, Evidence, Exemption
from lab.record.exposure import Exposure, Pair
from lab.record.path import Rule, rules_on
from lab.record.verdict import Kind, Verdict
from lab.report.wire.reading import read
from lab.report.wire.run import Run
from lab.ruleset.describe import described
from lab.ruleset.ownership import read_ownership
from lab.study.exposure import Bare, measure
from lab.study.reach import PROTOCOLS
from lab.study.survey import Survey
from lab.written.expect.exception import EXCEPTION
from lab.written.sending import PLAIN
from lab.written.service import merged, without
from lab.written.topology import Topology

_INTERNET = "internet"
_TRIED = 4  # ports of a zone and protocol, until one is denied
_ALL = ((1, 65_535),)
_Zones = tuple[str, str, bool, int, str]  # from, into, whether a node under test is meant itself, family, protocol


def outside_of(topology: Topology, named: Sequence[str], under_test: Iterable[str]) -> tuple[str, ...]:
    """The words for who is outside: those that are ``named``, else the networks of nodes of role internet, else of anyip nodes.

    Raises InputError where there is none.
    """
    if named:
        return tuple(named)
    nodes = [node for name, node in topology.nodes.items() if name not in set(under_test)]
    outside = [node for node in nodes if node.role == _INTERNET] or [node for node in nodes if node.anyip]
    found = dict.fromkeys(port.network for node in outside for port in node.interfaces.values())
    if not found:
        what = f"who is outside? No node of {topology.topology} has the role {_INTERNET} or `anyip`"
        raise InputError(Problem(what, mend=f"--from WORD names a network or a node: {', '.join(topology.networks)}"))
    return tuple(found)


@dataclass(slots=True)
class _Found:
    """Filled in the lab that is asked."""

    denied: list[DeniedProbe] = field(default_factory=list)
    not_denied: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)


def audit(
    plans: Sequence[Plan | Bare], families: Sequence[int], senders: Sequence[str], evidence: Evidence | None, *,
    day: datetime.date, progress: Callable[[int, int], None],
) -> AuditReport:  # fmt: skip
    """Answer for the topology of ``plans``; what ends it once its lab is built leaves what was finished, as in `measure`."""
    topology = plans[0].topology
    outside = outside_of(topology, senders, (name for plan in plans for name in plan.policies))
    found = _Found()

    def closely(lab: Lab, survey: Survey) -> None:
        found.rules += _rules(lab.policies)
        _ask_denied(lab, survey, found)

    exposure = measure(plans, families, outside, (), every_port=False, then=None, progress=progress, closely=closely)
    exemptions = tuple(sorted({*_of_rows(plans, day), *_of_rules(found.rules, day)}, key=lambda one: (one.review, one.name)))
    overdue = any(one.overdue for one in exemptions)
    codes = (exposure.exit_code, 3 if found.lost else 0, 1 if overdue else 0)
    return AuditReport(
        topology.topology, day, outside, exposure, exemptions, tuple(found.denied), tuple(found.not_denied),
        tuple(found.lost), evidence, exposure.interrupted, exposure.problems, gravest(codes),
    )  # fmt: skip


def read_evidence(file: Path) -> Evidence:
    """What a run says that ``lab run --json`` wrote; InputError for a file that is none."""
    run = read(Run, file, "lab run --json")
    kernel = run.machine.get("kernel")
    matrices = tuple(dict.fromkeys(cell.matrix for cell in run.cells))
    finished = not run.interrupted and not run.problems
    return Evidence(
        str(file), run.summary.cells, run.summary.passed, run.exit_code, finished, matrices,
        kernel if isinstance(kernel, str) else None,
    )  # fmt: skip


def _of_rows(plans: Iterable[Plan | Bare], day: datetime.date) -> Iterator[Exemption]:
    for plan in plans:
        for cell in plan.cells:
            allowance = cell.expect.get(EXCEPTION)
            if allowance is not None:
                name, overdue = f"{cell.matrix}: {cell.row}", allowance.review < day
                yield Exemption(name, str(cell.where), allowance.review, overdue, allowance.owner, allowance.ticket)


def _of_rules(rules: Iterable[Rule], day: datetime.date) -> Iterator[Exemption]:
    for rule in rules:
        for comment in (rule.comment, *rule.further_comments):
            owner, ticket, review = read_ownership(comment)
            if review is not None:
                yield Exemption(str(rule), rule.source, review, review < day, owner, ticket, rule.text)


def _rules(policies: Mapping[str, Held]) -> Iterator[Rule]:
    for name, held in policies.items():
        for chain in held.chains.values():
            yield from (described(name, rule) for rule in chain.rules)


def _ask_denied(lab: Lab, survey: Survey, found: _Found) -> None:
    """One denied port from each zone into each other, and to nodes under test there, in each family and protocol."""
    asked: dict[_Zones, list[Pair]] = {}
    for pair in survey.asked:
        for proto in PROTOCOLS:
            own = lab.topology.owner(pair.address) in lab.policies
            asked.setdefault((pair.zone, pair.into, own, pair.family, proto), []).append(pair)
    with lab.batch():
        for (zone, into, own, family, proto), pairs in asked.items():
            where = f"{zone} -> {into}{' (node under test)' * own} {proto} IPv{family}"
            told = len(found.lost)
            probe = next(_denied(lab, pairs[:_TRIED], proto, survey.exposures, where, found), None)
            if probe is not None:
                del found.lost[told:]
                found.denied.append(probe)
            elif told == len(found.lost):
                found.not_denied.append(where)


def _denied(
    lab: Lab, pairs: Iterable[Pair], proto: str, open_: Iterable[Exposure], where: str, found: _Found
) -> Iterator[DeniedProbe]:
    for pair in pairs:
        ports = merged(sorted(part for one in open_ if (one.pair, one.proto) == (pair, proto) for part in one.ports))
        closed = without(_ALL, ports)
        if not closed:
            continue
        service = f"{proto}/{closed[0][0]}"
        verdict = _asked(lab, pair, service)
        if verdict.denied:
            yield DeniedProbe(pair, service, verdict, tuple(_prefixes(verdict).items()))
        elif verdict.kind is Kind.LOST:
            found.lost.append(f"{where}: {service} of {pair.address}: {verdict.proof}")


def _asked(lab: Lab, pair: Pair, service: str) -> Verdict:
    at = next(iter(lab.policies)) if len(lab.policies) == 1 else None
    flow = lab.asked(pair.sender, pair.address, service, source=pair.source, family=pair.family)
    return lab.ask(question_of(flow, PLAIN, at), at, logs=True)


def _prefixes(verdict: Verdict) -> dict[str, Rule]:
    met: dict[str, Rule] = {}
    for rule in rules_on(verdict.path):
        if rule.log_prefix is not None:
            met.setdefault(rule.log_prefix, rule)
    return met
