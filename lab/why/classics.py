"""The classic mistakes, named."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End
from lab.record.verdict import Kind
from lab.verdict.prove import discovery_dropped_by
from lab.why.case import Case
from lab.written.expect.arrives import ARRIVES


def classics(case: Case) -> Iterator[Hint]:
    """Each of them, where it is the cause."""
    for teller in (_translated_then_denied, _no_receiver, _no_proxy, _discovery, _no_ruleset):
        yield from teller(case)


def _translated_then_denied(case: Case) -> Iterator[Hint]:
    for path in case.verdict.path:
        translations = [rule for rule in path.translated_by if rule.translates == "destination"]
        if path.end is End.DROPPED and path.dropped_by is not None and translations:
            yield Hint(
                f"translated by {translations[-1]}, then dropped by {path.dropped_by}",
                "a port forward needs a rule in FORWARD that accepts the translated destination",
            )


def _no_receiver(case: Case) -> Iterator[Hint]:
    verdict = case.verdict
    if verdict.kind is Kind.CLOSED and case.should_pass and case.expect.get(ARRIVES) is None:
        last = verdict.path[-1].exit if verdict.path else None
        where = f" {last.destination}" + (f":{last.dport}" if last.dport else "") if last else ""
        yield Hint(
            f"the path is open, but nothing listened at{where}", "say where it arrives (`arrives: {at: NODE, port: PORT}`)"
        )


def _no_proxy(case: Case) -> Iterator[Hint]:
    rule = case.verdict.path[-1].dropped_by if case.verdict.path else None
    if rule is not None and rule.target == "TPROXY":  # xt_TPROXY.c: NF_DROP where it finds no socket
        yield Hint(f"{rule} hands packets to a transparent socket, and where none listens it drops them: the lab has none")


def _discovery(case: Case) -> Iterator[Hint]:
    verdict = case.verdict
    if verdict.kind is Kind.UNROUTED and verdict.observation.unresolved and discovery_dropped_by(verdict.observation):
        yield Hint(
            "IPv6 neighbours find each other through the rules",
            "INPUT and OUTPUT must accept neighbour-solicitation and neighbour-advertisement "
            "(`-p icmpv6 --icmpv6-type 135`, `136`)",
        )


def _no_ruleset(case: Case) -> Iterator[Hint]:
    ways = [path for path in case.verdict.path if path.node == case.at]
    if not case.should_pass and ways and not any(path.steps for path in ways):
        yield Hint(
            f"{case.at} has no rules for IPv{case.family} on this way, and so lets everything pass",
            "its policy's IPv6 ruleset is missing (NAME.rules6 or NAME.rules6.j2)" if case.family == 6 else
            "its policy's IPv4 ruleset is missing (NAME.rules or NAME.rules.j2)",
        )
