"""What the kernel drops outside of rules: its reasons in words, with the sysctl or the route that would change them.

The checks are those of ip_route_input_slow(), fib_validate_source() and ip_forward(); what sysctls mean is in the kernel's
ip-sysctl page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import NamedTuple

from lab.record.hint import Hint
from lab.record.packet import Packet
from lab.record.path import End, Path, Rule
from lab.record.routed import Routed
from lab.record.verdict import Kind
from lab.ruleset.conditions import without_texts
from lab.ruleset.describe import held_of
from lab.why.answers import answer_paths, last_header
from lab.why.case import Case
from lab.written.words import is_address

_CAME_IN = ("prerouting",)
_FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
_VALID_MARK = "net.ipv4.conf.all.src_valid_mark"


_BY_ITSELF = "by its routes and sysctls: this kernel does not tell"
_TOO_LONG, _TOO_FAR = ("icmp 3/4", "icmpv6 2/0", "PKT_TOO_BIG"), ("icmp 11/0", "icmpv6 3/0", "IP_INHDR")
_NO_WAY = ("icmp-net-unreachable", "icmp-host-unreachable", "icmp-admin-prohibited", "icmp6-no-route", "icmp6-adm-prohibited")
# what the kernel says of a route of each kind (ip-route(8), fib_props in net/ipv4/fib_semantics.c)
_KINDS = {"Invalid argument": "blackhole", "No route to host": "unreachable", "Permission denied": "prohibit"}
_WRITERS = ("TTL", "HL")


class _Stop(NamedTuple):
    """Where the packet ended: its headers there, and the interface that it came in by (None: made here, or not known)."""

    node: str
    packet: Packet
    entered: str | None
    mark: int
    routed: Routed | None = None


def kernel_drops(case: Case) -> Iterator[Hint]:
    """Why a node's kernel, or a rule that asks its routes, kept a packet that no other rule dropped."""
    by_rule = _by_route(case)
    if by_rule is not None:
        yield by_rule
    stop = _stopped(case)
    if stop is None:
        yield from _not_sent(case)
        return
    reasons = case.verdict.observation.reasons
    for name, teller in _TELLERS.items():
        if reasons and name not in reasons:
            continue
        told = teller(case, stop)
        if told is not None:
            yield told if reasons or _confirmed(case, stop) else told._replace(why=f"{told.why} ({_BY_ITSELF})")
            return
    yield from _by_its_error(case, stop)


def _not_sent(case: Case) -> Iterator[Hint]:
    """Why the sender's own kernel could not even send, where its routes say so."""
    seen = case.verdict.observation
    node = case.topology.owner(seen.sent.source)
    if seen.local_error and not seen.request and node is not None:
        told = _no_route(case, _Stop(node, seen.sent, None, 0))
        if told is not None:
            yield told


def _stopped(case: Case) -> _Stop | None:
    """Where a node took the packet in, and it came no further; a verdict that a rule explains has no such place."""
    verdict = case.verdict
    if verdict.kind not in (Kind.UNROUTED, Kind.UNANSWERED):
        return None
    paths = answer_paths(case) if verdict.kind is Kind.UNANSWERED else verdict.path
    ended = next((path for path in paths if path.end is End.VANISHED), None)
    if ended is not None:
        head = _translated(case, ended)
        return None if head is None or not _routed(ended) else _Stop(ended.node, head, ended.entered, ended.mark, ended.routed)
    header = last_header(case)
    owner = case.topology.owner(header.destination)
    if verdict.kind is Kind.UNANSWERED or owner is None or not verdict.observation.reasons:
        return None
    network = case.topology.network_of(header.destination)
    interfaces = case.topology.nodes[owner].interfaces.items()
    entered = next((name for name, interface in interfaces if interface.network == network), None)
    return _Stop(owner, header, entered, 0)


def _translated(case: Case, path: Path) -> Packet | None:
    """The headers with which routing saw it: behind the last rule nothing tells of them, so a translation's text does."""
    head = path.head(-1) if path.steps else path.entry
    if not path.translated_by or head != path.entry:
        return head
    held = held_of(case.chains(path.node), path.translated_by[-1])
    address = None if held is None else held.new_address
    return head._replace(destination=address) if address and is_address(address) else None


def _routed(path: Path) -> bool:
    """Whether it ended where the kernel looks for its route: behind prerouting, and before any rule of another hook."""
    return all(step.hook in _CAME_IN for step in path.steps) and path.entered is not None


def _reverse_path(case: Case, stop: _Stop) -> Hint | None:
    if stop.packet.family != 4 or stop.entered is None:
        return None
    keys = [f"net.ipv4.conf.{scope}.rp_filter" for scope in ("all", stop.entered)]
    strict = max(_setting(case, stop, key) for key in keys)
    lead = case.ask_route(stop.node, stop.packet.source, None, 0)
    if strict == 0 or lead is None or (lead.dev == stop.entered and strict == 1) or (lead.refused is None and strict == 2):
        return None
    source = stop.packet.source
    where = f"has no route to {source}" if lead.refused else f"would send to {source} by {lead.dev}"
    why = f"{stop.node} {where}, and the packet came in by {stop.entered}: its reverse path filter drops such"
    key = next(key for key in keys if _setting(case, stop, key) == strict)
    marked = case.ask_route(stop.node, source, None, stop.mark) if stop.mark else None
    if marked is not None and marked.dev == stop.entered and not _setting(case, stop, _VALID_MARK):
        return Hint(
            f"{why}; with its mark {stop.mark:#x} the way would be by {stop.entered}, but {_VALID_MARK} is 0",
            f"`{_VALID_MARK}: 1` at {stop.node}, or `{key}: 2`",
        )
    return Hint(why, f"`{key}: 2` (loose) or 0 at {stop.node}, or a route to {source} by {stop.entered}")


def _setting(case: Case, stop: _Stop, key: str) -> int:
    """A sysctl of the node; of an interface that says none it is the default's."""
    of_node = case.sysctls.get(stop.node, {})
    value = of_node.get(key, of_node.get(key.replace(f".{stop.entered}.", ".default."), "0"))
    return int(value) if value.isdecimal() else 0


def _own_source(case: Case, stop: _Stop) -> Hint | None:
    if stop.packet.family != 4 or stop.packet.source not in case.topology.addresses(stop.node, 4):
        return None
    translating = [rule for path in case.verdict.path for rule in path.translated_by if rule.translates == "destination"]
    back = f": {translating[-1]} led it back to where it came from" if translating else ""
    return Hint(
        f"{stop.node} takes in no packet whose source is its own address {stop.packet.source}{back}",
        f"let {translating[-1]} not translate what comes from {stop.packet.source}, or masquerade it too" if translating
        else f"`net.ipv4.conf.all.accept_local: 1` at {stop.node}, if that is meant",
    )


def _no_route(case: Case, stop: _Stop) -> Hint | None:
    if stop.routed is not None and stop.routed.refused is not None and stop.routed.rule is not None:
        why = f"the routing rule `{stop.routed.rule}` of {stop.node} refuses it ({stop.routed.refused})"
        return Hint(why, "if it is meant to pass, give it a rule of a lower pref that looks a table up for it")
    to = stop.packet.destination
    lead = case.ask_route(stop.node, to, None, stop.mark)
    if lead is None or lead.refused is None:
        return None
    line = _refusing(case, stop, _KINDS.get(lead.refused))
    if line is None:
        mend = f"give {stop.node} a route there (`via:` or `routes:`)"
        return Hint(f"{stop.node} has no route to {to} ({lead.refused})", mend)
    return Hint(f"{stop.node} sends nothing to {to}: it has `{line}`", "take it out, or give what is to pass a narrower route")


def _refusing(case: Case, stop: _Stop, kind: str | None) -> str | None:
    """The line of the topology that refuses the destination, where only one does."""
    node, to = case.topology.nodes[stop.node], ip_address(stop.packet.destination)
    routes = [one for one in node.routes if one.kind == kind and one.family == to.version and to in one.destination]
    narrow = max((one.destination.prefixlen for one in routes), default=0)
    rules = [one.text for one in node.rules if one.action == kind and one.family in (None, to.version)]
    found = [*(one.text for one in routes if one.destination.prefixlen == narrow), *rules]
    return found[0] if len(found) == 1 else None


def _confirmed(case: Case, stop: _Stop) -> bool:
    """Whether the node itself told the sender that it has no way there."""
    told = case.verdict.observation.refusal
    return told is not None and told.kind in _NO_WAY and told.sender in case.topology.addresses(stop.node, stop.packet.family)


def _by_its_error(case: Case, stop: _Stop) -> Iterator[Hint]:
    """What a router's error says, or the kernel's reason for it: the time to live ran out, or the packet is too long."""
    seen = case.verdict.observation
    told = {*seen.reasons, *([seen.refusal.kind] if seen.refusal is not None else [])}
    if not told.isdisjoint(_TOO_FAR):
        steps = [step.rule for path in case.verdict.path for step in path.steps if step.rule is not None]
        writers = [rule for rule in steps if rule.target in _WRITERS or "ttl set" in rule.text or "hoplimit set" in rule.text]
        if writers:
            why = f"its time to live ran out at {stop.node}, as {writers[-1]} set it"
            yield Hint(why, "let it set one that is enough for the way that is left, or take it out")
    elif not told.isdisjoint(_TOO_LONG):
        lead = case.ask_route(stop.node, stop.packet.destination, None, stop.mark)
        if lead is not None and lead.dev is not None:
            mtu = case.topology.nodes[stop.node].interfaces[lead.dev].mtu
            of = f", whose MTU is {mtu}" if mtu is not None else ""
            cut = ", and says of itself that it may not be cut up" if stop.packet.family == 4 else ""
            why = f"it is too long to leave {stop.node} by {lead.dev}{of}{cut}"
            mend = "let the error about it come back to its sender; of TCP, clamp the MSS (TCPMSS --clamp-mss-to-pmtu)"
            yield Hint(why, mend)


def _not_forwarding(case: Case, stop: _Stop) -> Hint | None:
    key = _FORWARDING[stop.packet.family]
    own = stop.packet.destination in case.topology.addresses(stop.node, stop.packet.family)
    if own or case.sysctls.get(stop.node, {}).get(key, "1") != "0":
        return None
    stands = case.topology.stands_for(stop.node, ip_address(stop.packet.destination))
    mend = "set it to 1 there (in the topology `forwards: true`)"
    return None if stands else Hint(f"{stop.node} does not forward: {key} is 0", mend)


def _loopback(case: Case, stop: _Stop) -> Hint | None:
    ends = {"from": stop.packet.source, "for": stop.packet.destination}
    way, address = next(((way, one) for way, one in ends.items() if ip_address(one).is_loopback), ("", ""))
    if stop.packet.family != 4 or not way or stop.entered is None:
        return None
    key = "net.ipv4.conf.all.route_localnet"
    if any(_setting(case, stop, one) for one in (key, f"net.ipv4.conf.{stop.entered}.route_localnet")):
        return None
    why = f"{stop.node} takes in nothing from a network {way} {address}: route_localnet is 0"
    return Hint(why, f"`{key}: 1` at {stop.node}")


def _martian(_case: Case, stop: _Stop) -> Hint | None:
    source = ip_address(stop.packet.source)
    kinds = {"group": source.is_multicast, "reserved": source.is_reserved}
    kind = next((word for word, holds in kinds.items() if holds), None)
    return None if kind is None else Hint(f"{stop.node} takes in nothing from the {kind} address {source}")


_TELLERS: dict[str, Callable[[Case, _Stop], Hint | None]] = {
    "IP_LOCAL_SOURCE": _own_source, "IP_INVALID_SOURCE": _martian, "IP_LOCALNET": _loopback, "IP_RPFILTER": _reverse_path,
    "IP_INNOROUTES": _no_route, "IP_INADDRERRORS": _not_forwarding,
}  # fmt: skip
"""By the kernel's own word for each, in the order in which it asks."""


def _by_route(case: Case) -> Hint | None:
    """A rule that drops what comes by another interface than its answer would leave by."""
    path = next((one for one in case.verdict.path if one.end is End.DROPPED), None)
    rule = path.dropped_by if path is not None else None
    if path is None or rule is None or path.entered is None or not _asks_routes(case, rule):
        return None
    packet = path.head(-1)
    lead = case.ask_route(path.node, packet.source, None, 0)
    if lead is None or lead.dev == path.entered:
        return None
    where = f"has no route to {packet.source}" if lead.refused else f"would send to {packet.source} by {lead.dev}"
    marks = any(one.fwmark is not None for one in case.topology.nodes[path.node].rules)
    blind = marks and ". mark" not in rule.text and "--validmark" not in rule.text
    why = f"{path.node} {where}, and the packet came in by {path.entered}, which {rule} drops"
    if not blind:
        return Hint(why, f"let what comes by {path.entered} pass before it, or give {packet.source} a route by {path.entered}")
    with_mark = "`fib saddr . mark . iif oif`" if rule.is_native else "`--validmark`"
    return Hint(
        f"{why}; routing rules there ask for marks, and this look-up has none",
        f"mark the packet before this rule and look it up with its mark ({with_mark}), or let {path.entered} pass before it",
    )


def _asks_routes(case: Case, rule: Rule) -> bool:
    if rule.is_native:
        return rule.about_invalid and "fib saddr" in without_texts(rule.text)
    held = held_of(case.chains(rule.node), rule)
    return held is not None and "rpfilter" in (held.matches or ())
