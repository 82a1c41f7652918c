"""What probably mends a failure: the classic mistakes, named."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.path import End
from lab.record.verdict import Kind, Verdict
from lab.verdict.prove import discovery_dropped_by
from lab.written.cell import Cell


def hints_for(cell: Cell, verdict: Verdict) -> tuple[str, ...]:
    """Sentences for the person who has to mend it; none where nothing is typical."""
    return (
        *_translated_then_denied(verdict), *_no_receiver(cell, verdict), *_answer_died(verdict), *_discovery(verdict),
        *_no_ruleset(cell, verdict), *_bridged(cell, verdict),
    )  # fmt: skip


def _translated_then_denied(verdict: Verdict) -> Iterator[str]:
    for path in verdict.path:
        translations = [rule for rule in path.translated_by if rule.translates == "destination"]
        if path.end is End.DROPPED and path.dropped_by is not None and translations:
            yield (
                f"translated by {translations[-1]}, then dropped by {path.dropped_by}: "
                "a port forward needs a rule in FORWARD that accepts the translated destination"
            )


def _no_receiver(cell: Cell, verdict: Verdict) -> Iterator[str]:
    if verdict.kind is Kind.CLOSED and cell.expect.action == "allow":
        last = verdict.path[-1].exit if verdict.path else None
        where = f" {last.destination}" + (f":{last.dport}" if last.dport else "") if last else ""
        yield f"the path is open, but nothing listened at{where}: say where it arrives (`arrives: {{at: NODE, port: PORT}}`)"


def _discovery(verdict: Verdict) -> Iterator[str]:
    if verdict.kind is Kind.UNROUTED and verdict.observation.unresolved and discovery_dropped_by(verdict.observation):
        yield (
            "IPv6 neighbours find each other through the rules: INPUT and OUTPUT must accept "
            "neighbour-solicitation and neighbour-advertisement (`-p icmpv6 --icmpv6-type 135`, `136`)"
        )


def _no_ruleset(cell: Cell, verdict: Verdict) -> Iterator[str]:
    ways = [path for path in verdict.path if path.node == cell.at]
    if cell.expect.action != "allow" and ways and not any(path.steps or path.bridged for path in ways):
        yield (
            f"{cell.at} has no rules for IPv{cell.family} on this way, and so lets everything pass: "
            + ("its policy's IPv6 ruleset is missing (NAME.rules6 or NAME.rules6.j2)" if cell.family == 6 else
               "its policy's IPv4 ruleset is missing (NAME.rules or NAME.rules.j2)")
        )


def _bridged(cell: Cell, verdict: Verdict) -> Iterator[str]:
    ways = [path for path in verdict.path if path.node == cell.at]
    if cell.expect.action != "allow" and ways and all(path.bridged and path.end is End.LEFT for path in ways):
        tool = "iptables" if cell.family == 4 else "ip6tables"
        yield (
            f"{cell.at} bridged it past the rules of {tool}: bridge-nf-call-{tool} is 0, and only a `table bridge` is asked; "
            "where the host has it at 1 (br_netfilter), say `bridge-nf: true` at the bridge"
        )


def _answer_died(verdict: Verdict) -> Iterator[str]:
    seen = verdict.observation
    died = any(path.dropped_by == verdict.rule for path in (*seen.answer, *seen.others))
    if verdict.kind is Kind.UNANSWERED and verdict.rule is not None and verdict.node is not None and died:
        yield (
            f"the request came through and its answer was dropped by {verdict.rule}: "
            "answers need a rule that accepts ESTABLISHED,RELATED"
        )
