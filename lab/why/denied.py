"""Why a rule or a policy refused what was to pass: what explains it best, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.packet import PROTOCOL_NAMES, Packet
from lab.record.path import Path, Rule
from lab.ruleset.effects import ACCEPTS
from lab.ruleset.held import Chains, HeldRule, reached
from lab.why.case import Case
from lab.why.later import accepts_later
from lab.why.near_misses import near_misses
from lab.why.other_chains import other_chains
from lab.why.sent_elsewhere import sent_elsewhere
from lab.why.told import unnamed
from lab.why.walk import Base, bases

_PORTED = ("tcp", "udp", "sctp")
_ECHO = {"icmp": 8, "icmpv6": 128}


def denied(case: Case) -> Iterator[Hint]:
    """Accepted elsewhere, accepted further on, nearly accepted; else that nothing accepts it, and how it looks by then."""
    misses = [*near_misses(case)]
    behind = [*other_chains(case), *accepts_later(case), *sent_elsewhere(case)]
    yield from behind
    if not behind and not any(miss.made is not None for miss in misses):
        yield from _translated_then_denied(case)
    yield from (miss.hint for miss in misses)
    if not behind and not misses:
        yield from _accepted_by_none(case)


def _denied_path(case: Case) -> tuple[Path, Rule] | None:
    path = case.verdict.path[-1] if case.verdict.path else None
    by = path.dropped_by if path is not None and case.should_pass else None
    return (path, by) if path is not None and by is not None else None


def _turns(path: Path) -> list[Rule]:
    return [rule for rule in path.translated_by if rule.translates == "destination"]


def _translated_then_denied(case: Case) -> Iterator[Hint]:
    """A port forward without a rule that lets it through."""
    found = _denied_path(case)
    turns = _turns(found[0]) if found is not None else []
    if found is not None and turns:
        path, by = found
        head = path.head(-1)
        how = "rejected" if by.rejects else "dropped"
        hook = path.steps[-1].hook.upper()
        walked = bases(path, case.chains(path.node))
        chain = walked[-1].chain.name if walked and walked[-1].decided == by else ""
        what = f"accepts the translated destination{_as_rule(head, by)}"
        yield Hint(
            f"translated by {turns[-1]}, then {how} by {by}",
            f"a port forward needs a rule in {hook} that {what}" if by.number is None or not chain else
            f"a port forward needs a rule in {chain}, before {unnamed(by)}, that {what}",
        )


def _accepted_by_none(case: Case) -> Iterator[Hint]:
    """A chain's policy dropped it, as none of the chain's rules is about it."""
    found = _denied_path(case)
    if found is None or _turns(found[0]):
        return
    path, by = found
    chains = case.chains(path.node)
    walked = bases(path, chains)
    asks = _as_rule(path.head(-1), by)
    if not walked or walked[-1].decided != by or not asks or not _denies_what_is_left(walked[-1], chains):
        return
    base = walked[-1].frames[-1].chain.name if _was_sorted(walked[-1]) else walked[-1].chain.name
    how = "rejected" if by.rejects else "dropped"
    so = f"its policy {how} it" if by.number is None else f"{by.place} {how} it, as all that is left"
    yield Hint(
        f"no rule of {base} that it came to accepts it, so {so}",
        f"a rule in {base} that accepts it asks for{asks.removeprefix(',')}",
    )


def _denies_what_is_left(base: Base, chains: Chains) -> bool:
    """Whether a policy denied it, or a rule that asks nothing, in a chain that is not there to deny alone."""
    if base.kind != "filter" or base.decided is None:
        return False
    if base.decided.number is None:
        return True
    last = base.frames[-1].chain
    if not _asks_nothing(last.rules[base.decided.number - 1]):
        return False
    family = 6 if last.family == "ip6" else 4
    return not _was_sorted(base) or any(rule.effect == ACCEPTS for rule in reached(chains, {(last.table, last.name)}, family))


def _was_sorted(base: Base) -> bool:
    """Whether what the packet has led it to the chain where it ended."""
    return not all(map(_asks_nothing, base.senders))


def _asks_nothing(rule: HeldRule) -> bool:
    return rule.whole is not None and not rule.whole.asked


def _as_rule(head: Packet, by: Rule) -> str:
    """What a rule would ask that is about this packet, in the words of the rule that dropped it."""
    proto = PROTOCOL_NAMES.get(head.proto)
    if proto in _ECHO and head.flags == _ECHO[proto]:
        of_iptables = {"icmp": "-p icmp --icmp-type", "icmpv6": "-p ipv6-icmp --icmpv6-type"}[proto]
        return f", `{of_iptables if by.text[:1] == '-' else f'{proto} type'} echo-request`"
    if proto not in _PORTED:
        return ""
    if by.text[:1] == "-":
        return f", `-d {head.destination} -p {proto} --dport {head.dport}`"
    return f", `ip{'6' if head.family == 6 else ''} daddr {head.destination} {proto} dport {head.dport}`"
