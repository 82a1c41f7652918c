"""A transfer that hangs: its packets are too big for a link, and the router's word of it is dropped."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import Rule
from lab.verdict.path_mtu import unheard
from lab.why.case import Case

_HEADERS = {4: 40, 6: 60}  # of IP and TCP (RFC 791, RFC 8200, RFC 9293)
_TCP = 6


def path_mtu(case: Case) -> Iterator[Hint]:
    """Names who said it, who dropped that, and the line that lets it through."""
    seen = case.verdict.observation
    told = unheard(seen) if case.should_pass else None
    rule = told.path.dropped_by if told is not None else None
    if told is None or rule is None:
        return
    hook = told.path.steps[-1].hook
    clamp = _clamped(rule, told.mtu - _HEADERS[case.family]) if seen.sent.proto == _TCP else ""
    alone = _alone(rule, hook, case.family)
    yield Hint(
        f"packets of more than {told.mtu} bytes do not fit behind {told.by}, which says so ({told.word}); {rule} drops that, "
        "so the sender goes on sending what is too big, and the transfer hangs",
        f"before {rule.place} accept what is RELATED: {_related(rule, hook)}, or this error alone: {alone}"
        + (f"; where the router is not yours have TCP send less from the start: {clamp}" if clamp else ""),
    )


def _related(rule: Rule, hook: str) -> str:
    if rule.is_native:
        return "`ct state established,related accept`"
    return f"`-I {hook.upper()} 1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`"


def _alone(rule: Rule, hook: str, family: int) -> str:
    if rule.is_native:
        return "`icmp type destination-unreachable icmp code frag-needed accept`" if family == 4 else (
            "`icmpv6 type packet-too-big accept`"
        )
    match = "-p icmp --icmp-type fragmentation-needed" if family == 4 else "-p ipv6-icmp --icmpv6-type packet-too-big"
    return f"`-I {hook.upper()} 1 {match} -j ACCEPT`"


def _clamped(rule: Rule, size: int) -> str:
    if rule.is_native:
        return f"`tcp flags syn tcp option maxseg size set {size}`"
    return f"`-t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss {size}`"
