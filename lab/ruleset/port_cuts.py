"""Where a rule may treat one destination port otherwise than the next: read from its text, and never what it does then."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lab.ruleset.conditions import DPORTS
from lab.ruleset.held import HeldRule
from lab.ruleset.nft.port_cuts import cuts_of_nft
from lab.ruleset.words import FREE_TEXT, words

# matches that read nothing of a transport header but what their options say, all of which have "port" in their name
_PLAIN = frozenset((
    "addrtype", "comment", "connmark", "conntrack", "icmp", "icmp6", "iprange", "length", "mac", "mark", "multiport",
    "owner", "physdev", "pkttype", "policy", "rpfilter", "state", "tcp", "time", "tos", "dscp", "ttl", "hl", "udp",
))  # fmt: skip
_PORT_OPTIONS = ("--dport", "--dports", "--destination-port", "--destination-ports")
# targets that do the same to every port
_ALIKE = frozenset((
    "ACCEPT", "DROP", "RETURN", "REJECT", "LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "MARK", "CONNMARK", "CT", "NOTRACK",
    "TCPMSS", "DSCP", "TOS", "TTL", "HL", "CLASSIFY", "SNAT", "MASQUERADE",
))  # fmt: skip
_LOGGING = frozenset(("LOG", "NFLOG"))
_ONE_PORT = re.compile(r"(?:(?:\[[^\]]*\]|[^:\[\]]*):)?\d+\Z|[^:]*\Z|[0-9a-fA-F:]+\Z")


def port_cuts(rule: HeldRule, proto: str) -> frozenset[int] | None:
    """The ports of ``proto`` (tcp, udp) at which the rule may begin or cease to match; None where that cannot be told.

    Between two cuts it treats all ports alike: it matches all or none, and gives all the same new port, or leaves it.
    """
    if not rule.is_about(proto):
        return frozenset()
    if rule.matches is not None:
        return _cuts_of_iptables(rule, rule.matches)
    logs = rule.target in (None, "log")
    return None if rule.remembers and not logs else cuts_of_nft(rule.text, rule.named, merely_logs=logs)


def cuts_of(rules: Iterable[HeldRule], proto: str) -> frozenset[int] | None:
    """The cuts of all these rules; None where those of one cannot be told.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> sorted(cuts_of([rule_in_line("v4", "-A INPUT -p tcp --dport 1024:65535 -j DROP")], "tcp"))
    [1024, 65536]
    """
    found: set[int] = set()
    for rule in rules:
        cuts = port_cuts(rule, proto)
        if cuts is None:
            return None
        found |= cuts
    return frozenset(found)


def _cuts_of_iptables(rule: HeldRule, matches: Iterable[str]) -> frozenset[int] | None:
    plain = _PLAIN | {"limit"} if rule.target in _LOGGING else _PLAIN
    if not plain.issuperset(matches) or not _gives_one_port(rule):
        return None
    dports = rule.ports(DPORTS)
    options = [word for word in _matching(rule) if word.startswith("--") and "port" in word]
    if any(option not in _PORT_OPTIONS for option in options) or (bool(options) != (dports is not None)):
        return None
    return frozenset(edge for low, high in dports or () for edge in (low, high + 1))


def _matching(rule: HeldRule) -> Iterator[str]:
    """The words of a rule before its target, without the values of options that hold free text."""
    found = iter(words(rule.text))
    for word in found:
        if word in ("-j", "-g"):
            return
        if word in FREE_TEXT:
            next(found, None)
        else:
            yield word


def _gives_one_port(rule: HeldRule) -> bool:
    """Whether the target does the same to all ports: a translation leaves the port as it is, or makes it the same for all."""
    if rule.target is None or rule.jump_to or rule.target in _ALIKE:
        return True
    if rule.target not in ("DNAT", "REDIRECT") or "--random" in rule.text or "--persistent" in rule.text:
        return False
    return rule.to is None or (rule.target == "REDIRECT" and rule.to.isdigit()) or bool(
        rule.target == "DNAT" and "-" not in rule.to and _ONE_PORT.fullmatch(rule.to)
    )
