"""What a rule waits for that no lab has: a hardware address, a payload, an entry of an empty set, an interface.

A rule with such a condition never matches here, or always where it negates it.  Read from its text, in either dialect.
IPsec is none of them: a packet in the clear is one that its row means.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from lab.ruleset import ipset
from lab.ruleset.conditions import ENTERED, LEFT, without_texts
from lab.ruleset.held import HeldRule
from lab.ruleset.nft.sets import empty_sets
from lab.ruleset.nft.tokens import NAME
from lab.ruleset.words import words

INTERFACE = "interface"
USER = "user"
LISTENER = "listener"
PAYLOAD = "payload"


class Here(NamedTuple):
    """What a node has of it: its ``interfaces``, and the sets of its rulesets that are ``empty`` and that no rule fills.

    ``ports`` are those of its bridges, as far as rules see by which of them a packet comes (bridge netfilter).
    ``helpers`` are those whose sessions the lab can hold: what they expect is asked for by a row of its own.
    """

    interfaces: Collection[str]
    empty: Collection[str] = ()
    ports: Collection[str] = ()
    helpers: Collection[str] = ()


class Need(NamedTuple):
    """One condition on something that is not there: its ``kind`` in a word, ``what`` it is in words.

    ``negated``: the rule matches whatever is not that.
    """

    kind: str
    what: str
    negated: bool = False


# a match of iptables and its option, the kind of what it needs, and the words for it
_OPTIONS = {
    "--mac-source": ("mac", "address", "a sender with the hardware address {}"),
    "--string": ("string", PAYLOAD, "a payload that holds {}"),
    "--hex-string": ("string", PAYLOAD, "a payload that holds {}"),
    "--u32": ("u32", PAYLOAD, "a packet with the bytes that `-m u32` looks for"),
    "--bytecode": ("bpf", PAYLOAD, "a packet with the bytes that `-m bpf` looks for"),
    "--object-pinned": ("bpf", PAYLOAD, "a packet with the bytes that `-m bpf` looks for"),
    "--helper": ("helper", "helper", "a connection that the helper {} expects"),
    "--genre": ("osf", "fingerprint", "the fingerprint {}, as no fingerprints (`nfnl_osf`) are loaded"),
    "--uid-owner": ("owner", USER, "a process of user {}"),
    "--gid-owner": ("owner", "process", "a process of group {}"),
    "--cgroup": ("cgroup", "process", "a process of the control group {}"),
    "--path": ("cgroup", "process", "a process of the control group {}"),
    "--physdev-in": ("physdev", INTERFACE, "a bridge with `bridge-nf` and the port {}"),
    "--physdev-out": ("physdev", INTERFACE, "a bridge with `bridge-nf` and the port {}"),
    "--physdev-is-in": ("physdev", INTERFACE, "a bridge with `bridge-nf`"),
    "--physdev-is-out": ("physdev", INTERFACE, "a bridge with `bridge-nf`"),
    "--physdev-is-bridged": ("physdev", INTERFACE, "a bridge with `bridge-nf`"),
    "--src-group": ("devgroup", INTERFACE, "an interface of the group {}"),
    "--dst-group": ("devgroup", INTERFACE, "an interface of the group {}"),
    "--src-cc": ("geoip", "country", "the country {}, as no countries' addresses are loaded"),
    "--dst-cc": ("geoip", "country", "the country {}, as no countries' addresses are loaded"),
} | dict.fromkeys(
    ("--timestart", "--timestop", "--datestart", "--datestop", "--weekdays", "--monthdays"),
    ("time", "time", "the time that it names"),
)  # fmt: skip
_MATCH = ("-m", "--match")

_SIGN = r" (?P<sign>!= |== )?"
_VALUE = r'(?P<value>\{[^}]*\}|"[^"]*"|\S+)'
_NFT = tuple(
    (kind, re.compile(pattern), words_of)
    for kind, pattern, words_of in (
        ("address", rf"\bether saddr{_SIGN}(?!\.){_VALUE}", "a sender with the hardware address {}"),
        # what gives a flow its helper asks for nothing, and neither does what makes one
        ("helper", rf"(?<!add )(?<!create )\bct helper{_SIGN}(?!set |[^\s{{]+ ?\{{){_VALUE}",
         "a connection that the helper {} expects"),
        ("fingerprint", rf"\bosf (?:ttl \w+ )?(?:name|version){_SIGN}{_VALUE}",
         "the fingerprint {}, as no fingerprints (`nfnl_osf`) are loaded"),
        (USER, rf"\b(?:meta )?skuid{_SIGN}{_VALUE}", "a process of {}"),
        ("process", rf"\b(?:meta )?skgid{_SIGN}{_VALUE}", "a process of {}"),
        ("process", rf"\b(?:meta cgroup|socket cgroupv2 level \d+){_SIGN}(?!set ){_VALUE}",
         "a process of the control group {}"),
        (PAYLOAD, rf"(?P<raw>@(?:ih,\d+|th,(?:6[4-9]|[7-9]\d|\d{{3,}})),\d+)(?: & \S+)?{_SIGN}{_VALUE}", "a payload with {}"),
        ("time", rf"\bmeta (?:hour|day|time){_SIGN}{_VALUE}", "the time that it names"),
        # nft_tproxy.c breaks off its rule where no socket of the port is transparent
        (LISTENER, r"\btproxy (?:ip6? )?to (?:[^\s:]*:)?(?P<value>\d+)", "a transparent socket that listens on port {}"),
        (INTERFACE, rf"\b(?:meta )?[io]brname{_SIGN}{_VALUE}", "a bridge {}"),
        (INTERFACE, rf"\b(?:meta )?[io]ifgroup{_SIGN}{_VALUE}", "an interface of the group {}"),
    )
)  # fmt: skip
_NFT_SET = re.compile(rf"(?P<before>\w+ )?(?P<sign>!= )?(?<![\w.])@(?P<name>{NAME})(?![\w,])")
_FILLS = re.compile(r"--(?:add|map)-set[ \t]+(\S+)")
_WRITES = ("add ", "update ", "delete ", "map ")
_HINTS = re.compile(
    r"-m (?:mac|string|u32|bpf|helper|osf|owner|cgroup|physdev|devgroup|geoip|time|set)\b| -[io] |--match|interface"
)
_NFT_HINTS = re.compile(
    r"ether saddr|ct helper|osf |sk[ug]id|cgroup|@|meta (?:hour|day|time)|[io](?:if|br)|tproxy "
)


def here_of(
    texts: Mapping[str, str], interfaces: Collection[str], ports: Collection[str] = (), helpers: Collection[str] = ()
) -> Here:
    """What a node with rulesets of these texts, by kind, has; ``ports`` and ``helpers`` as in `Here`.

    >>> here_of({"ipset": "create admins hash:net"}, ["eth0"]).empty
    frozenset({'admins'})
    """
    empty = ipset.empty_sets(texts.get("ipset", ""))
    filled = {name for kind in ("v4", "v6") for name in _FILLS.findall(texts.get(kind, ""))}
    empty = (empty - filled) | empty_sets(texts.get("nft", ""))
    return Here(frozenset(interfaces), empty, frozenset(ports), frozenset(helpers))


def needs_of(rule: HeldRule, here: Here) -> tuple[Need, ...]:
    """What the rule needs that is not there.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> needs_of(rule_in_line("v4", "-A INPUT -i tun0 -j ACCEPT"), Here(["eth0"]))
    (Need(kind='interface', what='the interface tun0', negated=False),)
    """
    if not (_NFT_HINTS if rule.is_native else _HINTS).search(rule.text):
        return ()
    if rule.is_native:
        return (*_of_nft(without_texts(rule.text), here), *_interfaces(rule, here))
    return (*_interfaces(rule, here), *_of_iptables(rule.text, here))


def lacks_interface(name: str, own: Collection[str]) -> bool:
    """Whether no interface of a node is meant by a rule that names this one (``eth0``, ``tun+``, ``wg*``).

    >>> lacks_interface("tun+", ["eth0"]), lacks_interface("eth*", ["eth0"])
    (True, False)
    """
    if name[-1:] in ("+", "*"):
        return not any(one.startswith(name[:-1]) for one in (*own, "lo"))
    return name not in own and name != "lo"


def named_interfaces(rule: HeldRule) -> Iterator[str]:
    """The interfaces that the rule names, as it writes them.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> list(named_interfaces(rule_in_line("v4", "-A FORWARD -i eth0 -o tun+ -j ACCEPT")))
    ['eth0', 'tun+']
    """
    for condition in rule.conditions:
        if condition.field in (ENTERED, LEFT) and not condition.is_named:
            yield from condition.values


def _interfaces(rule: HeldRule, here: Here) -> Iterator[Need]:
    for condition in rule.conditions:
        names = condition.values
        is_read = condition.field in (ENTERED, LEFT) and not condition.is_named and any(names)
        if is_read and all(lacks_interface(name, here.interfaces) for name in names):
            yield Need(INTERFACE, f"the interface {' or '.join(names)}", condition.negated)


def _of_iptables(text: str, here: Here) -> Iterator[Need]:
    found = words(text)
    matches = {value for option, value in pairwise(found) if option in _MATCH}
    for place, option in enumerate(found):
        negated = place > 0 and found[place - 1] == "!"
        value = found[place + 1] if place + 1 < len(found) else ""
        known = _OPTIONS.get(option)
        if known is not None and known[0] == "physdev" and _has_port(option, value, here.ports):
            continue
        if known is not None and known[0] == "helper" and value in here.helpers:
            continue
        if known is not None and known[0] in matches:
            yield Need(known[1], known[2].format(value), negated)
        elif option == "--match-set" and value in here.empty:
            yield Need("set", f"an entry in the set {value}, which is empty", negated)


def _has_port(option: str, value: str, ports: Collection[str]) -> bool:
    return bool(ports) and (option.startswith("--physdev-is-") or not lacks_interface(value, ports))


def _of_nft(text: str, here: Here) -> Iterator[Need]:
    for kind, pattern, words_of in _NFT:
        for found in pattern.finditer(text):
            parts = found.groupdict()
            value = parts.get("raw") or (parts.get("value") or "").strip('"')
            if "brname" in found[0] and value in here.interfaces:
                continue
            if kind == "helper" and value in here.helpers:
                continue
            yield Need(kind, words_of.format(value), (parts.get("sign") or "").startswith("!"))
    for found in _NFT_SET.finditer(text):
        if found["name"] in here.empty and found["before"] not in _WRITES:
            yield Need("set", f"an entry in the set {found['name']}, which is empty", bool(found["sign"]))
