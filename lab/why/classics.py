"""The classic mistakes, named."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End
from lab.record.verdict import Kind
from lab.verdict.exchange import discovery_dropped_by
from lab.why.case import Case
from lab.why.wording import with_text
from lab.written.expect.arrives import ARRIVES


def classics(case: Case) -> Iterator[Hint]:
    """Each of them, where it is the cause."""
    for teller in (_no_receiver, _no_program, _discovery, _no_ruleset, _bridged):
        yield from teller(case)


def _no_receiver(case: Case) -> Iterator[Hint]:
    verdict = case.verdict
    if verdict.kind is Kind.CLOSED and case.should_pass and case.expect.get(ARRIVES) is None:
        last = verdict.path[-1].exit if verdict.path else None
        if case.later:
            as_sent = f" as {last.end_point('source')} > {last.end_point('destination')}" if last else ""
            yield Hint(
                f"the {case.later} came{as_sent} to a host that knows no such connection: another host than the handshake came "
                "to, or one that knows it by other addresses or ports"
            )
            return
        where = (last or verdict.observation.sent).end_point("destination")
        session = verdict.observation.session
        mend = "say where it arrives (`arrives: {at: NODE, port: PORT}`)"
        if session is not None:
            name = session.service.partition("/")[0]
            mend = f"its server says `programs: [{{serve: {name}}}]` in the topology, or runs one of its own"
        yield Hint(f"the path is open, but nothing listened at {where}", mend)


def _no_program(case: Case) -> Iterator[Hint]:
    path = case.verdict.path[-1] if case.verdict.path else None
    rule = path.steps[-1].rule if case.should_pass and path is not None and path.end is End.QUEUED and path.steps else None
    if rule is not None:
        bypass = "--queue-bypass" if not rule.is_native else "queue flags bypass"
        yield Hint(
            f"{with_text(rule)} hands it to a program of the host, which the lab does not run; on the host too it is dropped "
            f"where none listens, unless the rule says `{bypass}`",
            f"`queues: {{accept: {rule.queue}}}` at {rule.node} in the topology has the lab read it" if rule.queue else "",
        )


def _discovery(case: Case) -> Iterator[Hint]:
    verdict = case.verdict
    by = discovery_dropped_by(verdict.observation)
    if verdict.kind is Kind.UNROUTED and verdict.observation.unresolved and by is not None:
        if not by.is_native:
            where, rule = "INPUT and OUTPUT", "`-p icmpv6 --icmpv6-type 135`, `136`"
        else:
            where, rule = by.chain, "`icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept`"
        yield Hint(
            "IPv6 neighbours find each other through the rules",
            f"{where} must accept neighbour-solicitation and neighbour-advertisement ({rule})",
        )


def _no_ruleset(case: Case) -> Iterator[Hint]:
    ways = [path for path in case.verdict.path if path.node == case.at]
    if not case.should_pass and ways and not any(path.steps or path.bridged for path in ways):
        yield Hint(
            f"{case.at} has no rules for IPv{case.family} on this way, and so lets everything pass{_other_family(case)}",
            "its policy's IPv6 ruleset is missing (NAME.rules6 or NAME.rules6.j2)" if case.family == 6 else
            "its policy's IPv4 ruleset is missing (NAME.rules or NAME.rules.j2)",
        )


def _other_family(case: Case) -> str:
    """The policies of the chains that judge the other family alone, where they deny."""
    other, table = (4, "ip") if case.family == 6 else (6, "ip6")
    denying = [
        chain.name for chain in case.chains(case.at).values()
        if chain.family == table and chain.hook in ("input", "forward") and chain.policy in ("DROP", "drop")
    ]  # fmt: skip
    return f"; for IPv{other} the policy of {' and '.join(denying)} is DROP" if denying else ""


def _bridged(case: Case) -> Iterator[Hint]:
    ways = [path for path in case.verdict.path if path.node == case.at]
    if not case.should_pass and ways and all(path.bridged and path.end is End.LEFT for path in ways):
        tool = "iptables" if case.family == 4 else "ip6tables"
        yield Hint(
            f"{case.at} bridged it past the rules of {tool}: bridge-nf-call-{tool} is 0, and only a `table bridge` is asked",
            "where the host has it at 1 (br_netfilter), say `bridge-nf: true` at the bridge",
        )
