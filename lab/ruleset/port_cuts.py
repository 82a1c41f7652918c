"""Which ports a rule may treat otherwise than the others: read from its text, and never what it does then.

What remembers packets is no reason to tell ports apart: while it is fresh it meets each as its first.  Chance is one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from lab.ruleset.conditions import DPORTS, ORIGINAL_DPORTS, PORTS, SPORTS
from lab.ruleset.held import HeldRule, ports_of
from lab.ruleset.rule import Ports, splits
from lab.ruleset.words import FREE_TEXT, words

Cuts = tuple[Ports, ...]
"""Each the ports that something tells from all others: ports that are in the same of these are alike."""

# matches that read nothing of a transport header but what their options say, all of which have "port" in their name
_PLAIN = frozenset((
    "addrtype", "comment", "connbytes", "connlabel", "connlimit", "connmark", "conntrack", "dscp", "ecn", "hashlimit", "hl",
    "icmp", "icmp6", "iprange", "length", "limit", "mac", "mark", "multiport", "nfacct", "owner", "physdev", "pkttype",
    "policy", "quota", "recent", "rpfilter", "set", "state", "statistic", "tcp", "time", "tos", "ttl", "udp",
))  # fmt: skip
_PORT_OPTIONS = (
    "--dport", "--dports", "--destination-port", "--destination-ports",
    "--sport", "--sports", "--source-port", "--source-ports", "--port", "--ports", "--ctorigdstport",
)  # fmt: skip
_PORT_FIELDS = (DPORTS, ORIGINAL_DPORTS, SPORTS, PORTS)
_ASKED_FOR = (DPORTS, ORIGINAL_DPORTS)
# targets that do the same to every port
_ALIKE = frozenset((
    "ACCEPT", "DROP", "RETURN", "REJECT", "LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "MARK", "CONNMARK", "CT", "NOTRACK",
    "TCPMSS", "DSCP", "TOS", "TTL", "HL", "CLASSIFY", "SNAT", "MASQUERADE", "SET", "NETMAP", "CHECKSUM", "ECN", "SECMARK",
    "CONNSECMARK", "TCPOPTSTRIP",
))  # fmt: skip
_NEW_PORT = re.compile(r"(?:\]|^[^:\[\]]*):(\d{1,5})\Z")  # only a v6 address in brackets can have a port behind it
_NUMBER = re.compile(r"(\d{1,5})")
_ONE_PORT = re.compile(r"(?:(?:\[[^\]]*\]|[^:\[\]]*):)?\d+\Z|[^:]*\Z|[0-9a-fA-F:]+\Z")


def port_cuts(rule: HeldRule, proto: str, own: Ports, like: Collection[str] = ()) -> Cuts | None:
    """The ports of ``proto`` (tcp, udp) that the rule may match, or give another way, apart from all others; or None.

    They are the packet's source ports too, as an answer has the port that was asked for there.  ``own`` are the ports that
    questions come from: where the rule tells one of these from another, nothing is told.  ``like`` are the ipsets whose
    elements have no ports.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> port_cuts(rule_in_line("v4", "-A INPUT -p tcp --dport 1024:65535 -j DROP"), "tcp", ((32768, 60999),))
    (((1024, 65535),),)
    """
    if not rule.is_about(proto):
        return ()
    if rule.matches is not None:
        return _cuts_of_iptables(rule, rule.matches, own, like)
    from lab.ruleset.nft.port_cuts import cuts_of_nft  # its patterns take long to compile

    return cuts_of_nft(rule.text, rule.named, own)


def _cuts_of_iptables(rule: HeldRule, matches: Collection[str], own: Ports, like: Collection[str]) -> Cuts | None:
    if not _PLAIN.issuperset(matches) or not _gives_one_port(rule):
        return None
    if "statistic" in matches and "--mode random" in rule.text:
        return None
    if not rule.sets.issubset(like):
        return None
    options = [word for word in _matching(rule) if word.startswith("--") and "port" in word]
    asked = [(one.field, ports_of(one)) for one in rule.conditions if one.field in _PORT_FIELDS]
    if any(option not in _PORT_OPTIONS for option in options) or len(options) != len(asked):
        return None
    found = [ports for _, ports in asked if ports is not None]
    if len(found) < len(asked) or any(
        field not in _ASKED_FOR and splits(ports, own) for field, ports in asked if ports is not None
    ):
        return None
    return *found, *_given(rule)


def _given(rule: HeldRule) -> Cuts:
    """The port that all get: the one packet that was sent to it arrives as it was."""
    if rule.to is None or rule.target not in ("DNAT", "REDIRECT"):
        return ()
    port = _NEW_PORT.search(rule.to) if rule.target == "DNAT" else _NUMBER.fullmatch(rule.to)
    return () if port is None else (((int(port[1]), int(port[1])),),)


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
