"""One rule of a ruleset: its text, and the few options that the lab reads from it."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass

Ports = tuple[tuple[int, int], ...]

PORT_MAX = 65535
_ONE_PROTOCOL = re.compile(r"!?(?:[A-Za-z][\w.-]*|[0-9]+)")
_PROTOCOLS = {
    "0": None, "all": None, "1": "icmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "51": "ah",
    "58": "icmpv6", "ipv6-icmp": "icmpv6", "icmp6": "icmpv6", "132": "sctp", "136": "udplite",
}
# What follows one of these is free text, which may look like an option.
_FREE_TEXT = frozenset(("--string", "--hex-string", "--name", "--label", "--selctx", "--helper", "--bytecode"))
_OPTIONS = {
    "-p": "proto", "--protocol": "proto", "--proto": "proto",
    "-j": "jump", "--jump": "jump", "-g": "goto", "--goto": "goto",
    "-m": "match", "--match": "match",
    "--dport": "dport", "--dports": "dport", "--destination-port": "dport", "--destination-ports": "dport",
    "--comment": "comment",
    "--log-prefix": "log", "--nflog-prefix": "log", "--ulog-prefix": "log",
    "--reject-with": "reject",
    "--to-destination": "to", "--to-source": "to", "--to-ports": "to", "--to-port": "to", "--to": "to",
} | dict.fromkeys(_FREE_TEXT, "free text")


@dataclass(frozen=True, slots=True)
class SavedRule:
    """A rule as `iptables-save` prints it.

    ``number`` is its place in the chain from 1, ``text`` the line without counters, ``packets`` and ``bytes`` its
    counters (None where the text has none).  ``target`` is the word after ``-j`` or ``-g``; ``jump_to`` the same when
    it is a chain of the table, ``goto`` whether it goes there without coming back.  ``proto`` is the protocol's name
    (``icmpv6`` for ICMP of IPv6), with a leading ``!`` where the rule negates it, None for any.  ``dports`` are the
    destination ports it can match, as ascending ranges with both ends, None where it does not say.  ``matches`` are
    the names after ``-m``; ``to`` is what follows ``--to-destination``, ``--to-source``, ``--to-ports`` or ``--to``.
    Of several comments, the first.
    ``tail`` is what the print has behind ``text``: blanks and, for a comment that ends in a newline, the next line,
    which begins with its closing quote.

    >>> text = "-A INPUT -p tcp --dport 80:81 -j ACCEPT"
    >>> rule = read_rule("filter", "INPUT", 1, text, text.split()[2:], chains=(), packets=None)
    >>> rule.proto, rule.dports, rule.target
    ('tcp', ((80, 81),), 'ACCEPT')
    """

    table: str
    chain: str
    number: int
    text: str
    comment: str | None = None
    target: str | None = None
    jump_to: str | None = None
    goto: bool = False
    log_prefix: str | None = None
    reject_with: str | None = None
    proto: str | None = None
    dports: Ports | None = None
    matches: tuple[str, ...] = ()
    to: str | None = None
    packets: int | None = None
    bytes: int | None = None
    tail: str = ""


def protocol_name(word: str) -> str | None:
    """The one name that the lab has for a protocol (or a negated one), however a rule writes it; None for all.

    >>> protocol_name("47"), protocol_name("ipv6-icmp"), protocol_name("all")
    ('gre', 'icmpv6', None)
    """
    low = word.lower()
    if low.startswith("!"):
        name = _PROTOCOLS.get(low[1:], low[1:])
        return f"!{name}" if name else None
    return _PROTOCOLS.get(low, low)


def is_one_protocol(word: str) -> bool:
    """Whether a word names one protocol (or all but one): no range, comparison or mask, which only the kernel works out.

    >>> [is_one_protocol(word) for word in ("tcp", "17", "ipv6-icmp", "6-17", ">=")]
    [True, True, True, False, False]
    """
    return _ONE_PROTOCOL.fullmatch(word) is not None


def complement(ports: Ports) -> Ports:
    """All ports that are not in these ascending ranges."""
    gaps = []
    free = 0
    for low, high in ports:
        if low > free:
            gaps.append((free, low - 1))
        free = max(free, high + 1)
    if free <= PORT_MAX:
        gaps.append((free, PORT_MAX))
    return tuple(gaps)


def overlap(left: Ports, right: Ports) -> Ports:
    """The ports that are in both, as ascending ranges.

    >>> overlap(((1, 1023),), ((80, 80), (1000, 2000)))
    ((80, 80), (1000, 1023))
    """
    common = [(max(a, c), min(b, d)) for a, b in left for c, d in right if a <= d and c <= b]
    return tuple(sorted(common))


def splits(ports: Ports, others: Ports) -> bool:
    """Whether some of the ``others`` are among these ports, and some are not.

    >>> splits(((1, 1023),), ((1000, 2000),)), splits(((1, 1023),), ((80, 80),))
    (True, False)
    """
    return bool(overlap(ports, others)) and bool(overlap(complement(ports), others))


def read_ports(word: str) -> Ports | None:
    """The ranges of ``80``, ``80,443``, ``1024:`` or ``1:5,9``; None when a port is a name: its number is not known."""
    if any(len(part) > 9 for part in word.replace(":", ",").split(",")):
        return None
    if word.isdecimal():
        return ((int(word), int(word)),)
    ranges = []
    for part in word.split(","):
        low, colon, high = part.partition(":")
        first = low or ("0" if colon else "")
        last = (high or str(PORT_MAX)) if colon else low
        if not (first.isdecimal() and last.isdecimal()):
            return None
        ranges.append((int(first), int(last)))
    return tuple(sorted(ranges))


def read_rule(
    table: str, chain: str, number: int, text: str, words: Sequence[str], chains: Container[str],
    packets: int | None, octets: int | None = None, tail: str = "",
) -> SavedRule:
    """The rule of these words, which begin after ``-A CHAIN``; ``chains`` are the table's user-defined chains."""
    found: dict[str, str] = {}
    dports: Ports | None = None
    matches: list[str] = []
    negated = False
    rest = iter(words)
    for word in rest:
        kind = _OPTIONS.get(word)
        if kind is not None:
            value = next(rest, "")
        elif word[:1] == "-" and len(word) > 2 and (word[1] != "-" or "=" in word):
            kind, value = _unglued(word)
        else:
            negated = word == "!"
            continue
        if kind == "match":
            matches.append(value)
        elif kind == "dport":
            dports = _narrowed(dports, value, negated=negated)
        elif kind == "proto":
            found["proto"] = f"!{value}" if negated else value
        elif kind == "comment":
            found.setdefault("comment", value)
        else:
            found[kind] = value
        negated = False
    known = found.get
    jump, goto = known("jump"), known("goto")
    target = goto if jump is None else jump
    jump_to = target if target is not None and target in chains else None
    proto = protocol_name(found["proto"]) if "proto" in found else None
    return SavedRule(
        table, chain, number, text, known("comment"), target, jump_to, jump is None and goto is not None, known("log"),
        known("reject"), proto, dports, tuple(matches), known("to"), packets,
        octets, tail,
    )


def _unglued(word: str) -> tuple[str, str]:
    """``-jACCEPT`` or ``--dport=80``, as people write it, taken apart; kind and value empty for any other word."""
    if word.startswith("--"):
        option, _, value = word.partition("=")
    else:
        option, value = word[:2], word[2:]
    return _OPTIONS.get(option, ""), value


def _narrowed(known: Ports | None, word: str, *, negated: bool) -> Ports | None:
    ports = read_ports(word)
    if ports is None:
        return known
    if negated:
        ports = complement(ports)
    return ports if known is None else overlap(known, ports)
