"""Where a rule may treat one destination port otherwise than the next: read from its text, and never what it does then."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lab.ruleset.rule import SavedRule
from lab.ruleset.save import Ruleset
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


def port_cuts(rule: SavedRule, proto: str) -> frozenset[int] | None:
    """The ports of ``proto`` (tcp, udp) at which the rule may begin or cease to match; None where that cannot be told.

    Between two cuts it treats all ports alike: it matches all or none, and gives all the same new port, or leaves it.
    """
    if rule.proto is not None and not rule.proto.startswith("!") and rule.proto != proto:
        return frozenset()
    plain = _PLAIN | {"limit"} if rule.target in _LOGGING else _PLAIN
    if not plain.issuperset(rule.matches) or not _gives_one_port(rule):
        return None
    options = [word for word in _matching(rule) if word.startswith("--") and "port" in word]
    if any(option not in _PORT_OPTIONS for option in options) or (bool(options) != (rule.dports is not None)):
        return None
    return frozenset(edge for low, high in rule.dports or () for edge in (low, high + 1))


def _matching(rule: SavedRule) -> Iterator[str]:
    """The words of a rule before its target, without the values of options that hold free text."""
    found = iter(words(rule.text))
    for word in found:
        if word in ("-j", "-g"):
            return
        if word in FREE_TEXT:
            next(found, None)
        else:
            yield word


def _gives_one_port(rule: SavedRule) -> bool:
    """Whether the target does the same to all ports: a translation leaves the port as it is, or makes it the same for all."""
    if rule.target is None or rule.jump_to is not None or rule.target in _ALIKE:
        return True
    if rule.target not in ("DNAT", "REDIRECT") or "--random" in rule.text or "--persistent" in rule.text:
        return False
    return rule.to is None or (rule.target == "REDIRECT" and rule.to.isdigit()) or bool(
        rule.target == "DNAT" and "-" not in rule.to and _ONE_PORT.fullmatch(rule.to)
    )


def cuts_of(ruleset: Ruleset, chains: Iterable[tuple[str, str]], proto: str) -> frozenset[int] | None:
    """The cuts of all rules in these chains, as (table, chain); None where those of one cannot be told."""
    found: set[int] = set()
    for table, chain in chains:
        if table in ruleset.tables and chain in ruleset.tables[table].chains:
            for rule in ruleset.tables[table].chains[chain].rules:
                cuts = port_cuts(rule, proto)
                if cuts is None:
                    return None
                found |= cuts
    return frozenset(found)
