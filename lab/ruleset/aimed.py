"""Whether a rule is about a packet, as far as its addresses, ports, interfaces, protocol and state say.

What is not understood may match: only what surely speaks against it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

from lab.record.packet import PROTOCOL_NAMES
from lab.record.path import Path
from lab.ruleset.conditions import DESTINATIONS, DPORTS, ENTERED, LEFT, PROTO, SOURCES, SPORTS, STATES, Condition, is_interface
from lab.ruleset.held import HeldRule
from lab.ruleset.rule import Ports, complement, is_one_protocol, overlap, protocol_name, read_ports

_WITH_PORTS = (6, 17, 132)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a packet where rules saw it; each is all that it may be, None where that is not known.

    ``sports`` and ``dports`` are ranges, ``entered`` and ``left`` interfaces, "" for none; ``states`` are conntrack's (NEW, …).
    """

    proto: str
    sources: Collection[str] | None = None
    destinations: Collection[str] | None = None
    sports: Ports | None = None
    dports: Ports | None = None
    entered: Collection[str] | None = None
    left: Collection[str] | None = None
    states: Collection[str] | None = None


def seen_on(
    path: Path, dports: Ports = (), *, entered: Collection[str] | None = None, states: Collection[str] | None = None
) -> Seen:
    """What is known of a packet on its way through a node, before and after it was translated there.

    ``dports`` are further destination ports that it speaks for.  What a translation did to a packet that then died is not told.

    >>> from lab.written.expect.example import PASSED
    >>> seen_on(PASSED.path[0]).proto
    'tcp'
    """
    entry, leaving = path.entry, path.exit
    turned = leaving is None and any(rule.translates == "destination" for rule in path.translated_by)
    both = (entry,) if leaving is None else (entry, leaving)
    has_ports = entry.proto in _WITH_PORTS
    # rules of a bridge see its ports, all others the bridge
    bridge = any(step.rule is not None and step.rule.family == "bridge" for step in path.steps)
    return Seen(
        PROTOCOL_NAMES.get(entry.proto, str(entry.proto)),
        sources={packet.source for packet in both},
        destinations=None if turned else {packet.destination for packet in both},
        sports=tuple((packet.sport, packet.sport) for packet in both if packet.sport is not None) if has_ports else None,
        dports=None
        if turned or not has_ports
        else (*((packet.dport, packet.dport) for packet in both if packet.dport is not None), *dports),
        entered=None if bridge else entered,
        left=None if path.out is None or bridge else (path.out,),
        states=states,
    )


def may_match(rule: HeldRule, seen: Seen, *, but: Collection[str] = ()) -> bool:
    """Whether nothing that is read of a rule speaks against the packet; the fields ``but`` are not asked.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> rule = rule_in_line("v4", "-A INPUT -p tcp --dport 22 -j ACCEPT")
    >>> may_match(rule, Seen("tcp", dports=((443, 443),))), may_match(rule, Seen("tcp"))
    (False, True)
    """
    return _may_hold(rule.plain_conditions, seen, but)


def conditions_may_hold(conditions: Iterable[Condition], seen: Seen, *, but: Collection[str] = ()) -> bool:
    """The same of some of a rule's conditions: those that stand before a part of it.

    >>> conditions_may_hold([Condition(STATES, ("NEW",))], Seen("tcp", states=("ESTABLISHED",)))
    False
    """
    return _may_hold((one for one in conditions if not one.is_named), seen, but)


def _may_hold(conditions: Iterable[Condition], seen: Seen, but: Collection[str]) -> bool:
    return all(one.field in but or _may_be(one.field, one.values, seen, negated=one.negated) for one in conditions)


def _may_be(field: str, values: Sequence[str], seen: Seen, *, negated: bool) -> bool:
    """Whether one of what the packet may have in this field is among the values, or outside of them if ``negated``."""
    if field in (SPORTS, DPORTS):
        return _may_be_port(values, seen.sports if field == SPORTS else seen.dports, negated=negated)
    is_one = _TESTS.get(field)
    known: Collection[object] | None = (seen.proto,) if field == PROTO else getattr(seen, field, None)
    if known is None or is_one is None:
        return True
    told = [[is_one(value, one) for value in values] for one in known]
    if any(answer is None for answers in told for answer in answers):
        return True
    return any(any(answers) != negated for answers in told)


def _is_address(value: str, one: object) -> bool | None:
    asked, address = _range(value), _range(str(one))
    if asked is None or address is None:
        return None
    version, low, high = asked
    return version == address[0] and low <= address[1] <= high


@lru_cache(65_536)  # the same few thousand words of rules are asked about every packet
def _range(word: str) -> tuple[int, int, int] | None:
    """The version, the first and the last address of what a rule names; None for what is none."""
    first, dash, last = word.partition("-")
    try:
        if dash:
            low, high = ip_address(first), ip_address(last)
            return (low.version, int(low), int(high)) if low.version == high.version else None
        net = ip_network(word, strict=False)
    except ValueError:
        return None
    return net.version, int(net.network_address), int(net.broadcast_address)


def _may_be_port(values: Sequence[str], known: Ports | None, *, negated: bool) -> bool:
    asked = read_ports(",".join(values).replace("-", ":"))
    return known is None or asked is None or bool(overlap(complement(asked) if negated else asked, known))


def _is_interface(value: str, one: object) -> bool:
    return str(one) == value or (bool(one) and is_interface(value, str(one)))


def _is_protocol(value: str, one: object) -> bool | None:
    if not is_one_protocol(value):
        return None
    named = protocol_name(value)
    return named is None or named == one


def _is_state(value: str, one: object) -> bool | None:
    # a translated flow is SNAT or DNAT whatever else it is (nf_conntrack's status, no state)
    return None if value.upper() in ("SNAT", "DNAT") or not value.isalpha() else value.upper() == one


_TESTS: dict[str, Callable[[str, object], bool | None]] = {
    SOURCES: _is_address, DESTINATIONS: _is_address, ENTERED: _is_interface, LEFT: _is_interface, PROTO: _is_protocol,
    STATES: _is_state,
}  # fmt: skip
