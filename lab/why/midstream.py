"""A bare segment of no connection that was to be stopped: what conntrack took it for, and why it came through."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End, Path, rules_on
from lab.why.case import Case
from lab.why.established import untracks

_TCP = 6
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_LOOSE = "net.netfilter.nf_conntrack_tcp_loose"


def midstream(case: Case) -> Iterator[Hint]:
    """Rules of nat are asked for NEW flows alone: that they were is how the segment is known to be NEW, else it is INVALID.

    Both are so of a segment that stands alone; of a flow under way nothing is said.
    """
    sent = case.verdict.observation.sent
    begins = (sent.flags or 0) & (_FIN | _SYN | _RST | _ACK) == _SYN
    if case.should_pass or case.verdict.denied or case.later or sent.proto != _TCP or begins:
        return
    path = next((one for one in case.verdict.path if one.node == case.at and one.end in (End.LEFT, End.DELIVERED)), None)
    by = next((step for step in reversed(path.steps) if step.kind == "filter"), None) if path is not None else None
    if path is None or by is None or any(untracks(rule) for rule in rules_on([path])):
        return
    native = any(rule.is_native for rule in rules_on([path]))
    if any(step.kind == "nat" for step in path.steps):
        yield _new(case, by.hook, native=native)
    elif _asks_nat(case, path) and not case.verdict.observation.conntrack:
        left = path.exit.source if path.exit is not None else path.entry.source
        drop = "`ct state invalid drop`" if native else f"`-I {by.hook.upper()} 1 -m conntrack --ctstate INVALID -j DROP`"
        yield Hint(
            f"to conntrack of {case.at} it is INVALID, as it belongs to no connection and begins none; no rule of nat is asked "
            f"for such, and it went on with the source {left}",
            f"drop what is INVALID before anything is accepted: {drop}",
        )


def _new(case: Case, hook: str, *, native: bool) -> Hint:
    drop = "`tcp flags & (fin|syn|rst|ack) != syn ct state new drop`" if native else (
        f"`-I {hook.upper()} 1 -p tcp ! --syn -m conntrack --ctstate NEW -j DROP`"
    )
    return Hint(
        f"conntrack of {case.at} takes it for a connection that it has missed the begin of, and so for NEW: {_LOOSE} is 1",
        f"drop what is NEW and no SYN before anything is accepted: {drop}; or `{_LOOSE}: 0` at {case.at}, and drop what is "
        "INVALID",
    )


def _asks_nat(case: Case, path: Path) -> bool:
    """Whether a flow that is NEW would have come to a rule of nat there."""
    hooks = ("prerouting", "postrouting" if path.end is End.LEFT else "input")
    nat = (chain for chain in case.chains(path.node).values() if chain.kind == "nat" and chain.hook in hooks)
    return any(chain.rules and chain.judges(case.family) for chain in nat)
