"""All that a rule of iptables asks, where every word of it is understood: what it then matches is known for sure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lab.ruleset.addresses import Addresses, read_addresses
from lab.ruleset.asked import (
    DESTINATION_IN,
    DIRECTION,
    FLAGS,
    LOCAL_DESTINATION,
    LOCAL_SOURCE,
    MARK,
    SOURCE_IN,
    Asked,
    Partly,
    Whole,
)
from lab.ruleset.conditions import (
    DESTINATIONS,
    DPORTS,
    ENTERED,
    ICMP_TYPES,
    LEFT,
    ORIGINAL_DPORTS,
    PORTS,
    PROTO,
    SOURCES,
    SPORTS,
    STATES,
)
from lab.ruleset.rule import is_one_protocol, protocol_name, read_ports
from lab.ruleset.words import words
from lab.written.icmp_types import ICMP_TYPES as TYPES
from lab.written.icmp_types import ICMPV6_TYPES as TYPES6

_FAMILIES = {"ip": 4, "ip6": 6}
_FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "NONE": 0, "ALL": 63}
_MATCHES = frozenset((
    "tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmp6", "icmpv6", "ipv6-icmp", "multiport", "conntrack", "state",
    "comment", "iprange", "set", "addrtype", "mark",
))  # fmt: skip
_ADDRESSES = {
    "-s": SOURCES, "--source": SOURCES, "--src": SOURCES, "--src-range": SOURCES,
    "-d": DESTINATIONS, "--destination": DESTINATIONS, "--dst": DESTINATIONS, "--dst-range": DESTINATIONS,
}  # fmt: skip
_PORTS = {
    "--sport": SPORTS, "--sports": SPORTS, "--source-port": SPORTS, "--source-ports": SPORTS, "--dport": DPORTS,
    "--dports": DPORTS, "--destination-port": DPORTS, "--destination-ports": DPORTS, "--ports": PORTS,
    "--ctorigdstport": ORIGINAL_DPORTS,
}  # fmt: skip
_OTHERS = {
    "-p": PROTO, "--protocol": PROTO, "-i": ENTERED, "--in-interface": ENTERED, "-o": LEFT, "--out-interface": LEFT,
    "--ctstate": STATES, "--state": STATES, "--icmp-type": ICMP_TYPES, "--icmpv6-type": ICMP_TYPES,
    "--src-type": LOCAL_SOURCE, "--dst-type": LOCAL_DESTINATION, "--mark": MARK, "--ctdir": DIRECTION,
}  # fmt: skip
_OF_EVERY_RULE = frozenset((
    "-s", "--source", "-d", "--destination", "-p", "--protocol", "-i", "--in-interface", "-o", "--out-interface",
))  # fmt: skip
_SET_ENDS = {"src": SOURCE_IN, "dst": DESTINATION_IN}
_FIELDS = _ADDRESSES | _PORTS | _OTHERS


def whole_of_iptables(text: str, family: str) -> Whole | None:
    """All that the rule asks of a packet; None where a word of it is not understood.

    >>> whole = whole_of_iptables("-A INPUT ! -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT", "ip")
    >>> [asked.words for asked in whole.asked]
    ['! -i eth0', '-p tcp', '--dport 22']
    >>> whole_of_iptables("-A INPUT -m limit --limit 3/min -j ACCEPT", "ip")
    """
    try:
        return Whole(tuple(_read(words(text)[2:], _FAMILIES[family])))
    except (ValueError, KeyError):
        return None


def partly_of_iptables(text: str, family: str, *, sets_change: bool = False) -> Partly:
    """What is understood of a rule, condition by condition; ``sets_change`` where rules write the sets that it asks.

    Of a match that is not known all options together are one part, as each says something of the others.

    >>> partly_of_iptables("-A INPUT -s 10.0.9.7 -m limit --limit 3/min --limit-burst 5 -j ACCEPT", "ip").unread
    ('limit --limit 3/min --limit-burst 5',)
    """
    asked: list[Asked] = []
    unread: list[str] = []
    for match, options in _matches(words(text)[2:]):
        strange = []
        for option in options:
            name = next((word for word in option if word != "!"), "")
            if (match in _MATCHES or name in _OF_EVERY_RULE) and not (sets_change and name == "--match-set"):
                try:
                    asked += _read(option, _FAMILIES[family])
                except (ValueError, KeyError):
                    unread.append(" ".join(option))
            else:
                strange += option
        if strange or (match not in _MATCHES and not options):
            unread.append(" ".join((match, *strange)))
    return Partly(tuple(asked), tuple(unread))


def _matches(found: list[str]) -> Iterator[tuple[str, list[list[str]]]]:
    """Each match with its options, these with their values and a ``!`` before them; those of every rule are of ``comment``."""
    match = "comment"
    options: list[list[str]] = []
    rest = iter(found)
    for word in rest:
        if word in ("-j", "--jump", "-g", "--goto"):
            break
        if word in ("-m", "--match"):
            yield match, options
            match, options = next(rest, ""), []
        elif word == "--comment":
            next(rest, None)
        elif options and options[-1] == ["!"]:
            options[-1].append(word)
        elif word == "!" or (word[:1] == "-" and not word[1:2].isdecimal()):
            if word in ("-p", "--protocol"):  # its options follow, whatever match stood before
                yield match, options
                match, options = "comment", []
            options.append([word])
        else:
            options[-1:] = [[*(options[-1] if options else ()), word]]
    yield match, options


def _read(found: list[str], family: int) -> Iterator[Asked]:
    negated = False
    rest = iter(found)
    for word in rest:
        if word in ("-j", "--jump", "-g", "--goto"):
            # the tools print the target last
            if any(after in ("-m", "--match") for after in rest):
                raise ValueError
            return
        if word == "!":
            negated = True
            continue
        if word in ("-m", "--match"):
            if next(rest, "") not in _MATCHES:
                raise ValueError
        elif word == "--comment":
            next(rest, "")
        elif word == "--syn":
            yield Asked(FLAGS, ((0x17, 0x02),), _said(negated, word), negated)
        elif word in _OF_TWO:
            field, values = _OF_TWO[word](first := next(rest, ""), second := next(rest, ""))
            yield Asked(field, values, _said(negated, word, first, second), negated)
        else:
            value = next(rest, "")
            values = _READERS[_FIELDS[word]](value, family)
            if values:
                yield Asked(_FIELDS[word], values, _said(negated, word, value), negated)
            elif negated:
                raise ValueError
        negated = False


def _of_flags(mask: str, wanted: str) -> tuple[str, tuple[object, ...]]:
    return FLAGS, ((_flags(mask), _flags(wanted)),)


def _of_set(name: str, end: str) -> tuple[str, tuple[object, ...]]:
    return _SET_ENDS[end], (name,)


_OF_TWO: Mapping[str, Callable[[str, str], tuple[str, tuple[object, ...]]]] = {
    "--tcp-flags": _of_flags, "--match-set": _of_set,
}  # fmt: skip


def _said(negated: object, *parts: str) -> str:
    return " ".join((*(("!",) if negated else ()), *parts))


def _flags(value: str) -> int:
    return sum({_FLAGS[name] for name in value.split(",")})


def _addresses(value: str, family: int) -> tuple[tuple[int, Addresses], ...]:
    return ((family, read_addresses(value.split(","), family)),)


def _ports(value: str, _family: int) -> tuple[object, ...]:
    ports = read_ports(value.replace("-", ":"))
    if ports is None:
        raise ValueError(value)
    return ports


def _protocol(value: str, _family: int) -> tuple[object, ...]:
    if not is_one_protocol(value):
        raise ValueError(value)
    named = protocol_name(value)
    return () if named is None else (named,)


def _names(value: str, _family: int) -> tuple[object, ...]:
    return (value,)


def _states(value: str, _family: int) -> tuple[object, ...]:
    return tuple(value.upper().split(","))


def _icmp(value: str, family: int) -> tuple[object, ...]:
    if value in ("any", "255"):
        return ((None, None),)
    return (_icmp_type(value, family),)


def _icmp_type(value: str, family: int) -> tuple[int, int | None]:
    kind, slash, code = value.partition("/")
    if kind.isdecimal():
        return int(kind), int(code) if slash else None
    return (TYPES if family == 4 else TYPES6)[value]


def _type(value: str, _family: int) -> tuple[object, ...]:
    if value != "LOCAL":
        raise ValueError(value)
    return (value,)


def _mark(value: str, _family: int) -> tuple[object, ...]:
    wanted, _, mask = value.partition("/")
    return ((int(wanted, 0), int(mask, 0) if mask else 2**32 - 1),)


def _direction(value: str, _family: int) -> tuple[object, ...]:
    if value not in ("ORIGINAL", "REPLY"):
        raise ValueError(value)
    return (value,)


_READERS: Mapping[str, Callable[[str, int], tuple[object, ...]]] = {
    SOURCES: _addresses, DESTINATIONS: _addresses, SPORTS: _ports, DPORTS: _ports, PORTS: _ports, ORIGINAL_DPORTS: _ports,
    PROTO: _protocol, ENTERED: _names, LEFT: _names, STATES: _states, ICMP_TYPES: _icmp, LOCAL_SOURCE: _type,
    LOCAL_DESTINATION: _type, MARK: _mark, DIRECTION: _direction,
}  # fmt: skip
