"""Objects of the kernel that rules of iptables name and no text of theirs makes: timeout policies of conntrack, and accounts.

A host has them from `nfct timeout add` and `nfacct add`, and iptables refuses a rule whose object is not there.  A ruleset may
say the first of these in a comment, and the lab makes them so::

    # nfct timeout add patient inet tcp established 900 close 10
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lab.ruleset.words import values_of

_TIMEOUT, _ACCOUNT = "--timeout", "--nfacct-name"
_NAMES = ("tcp", "udp", "icmp", "icmpv6", "gre", "udplite")
_NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "ipv6-icmp": 58, "icmpv6": 58, "sctp": 132, "udplite": 136}
_ICMP, _TCP, _UDP, _GRE, _ICMPV6, _UDPLITE = 1, 6, 17, 47, 58, 136
_EITHER = ("unreplied", "replied")
STATES = {
    _TCP: (
        "syn_sent", "syn_recv", "established", "fin_wait", "close_wait", "last_ack", "time_wait", "close", "syn_sent2",
        "retrans", "unacknowledged",
    ),
    _UDP: _EITHER, _UDPLITE: _EITHER, _GRE: _EITHER, _ICMP: ("timeout",), _ICMPV6: ("timeout",),
}  # fmt: skip
"""The states that a timeout policy has a time for, by protocol, in the order of nfnetlink_cttimeout.h, which begins at 1."""
_MOST_S = 0x7FFFFFFF // 1000  # as jiffies at HZ=1000 (net/netfilter/nf_conntrack_proto_tcp.c)
_SAID = re.compile(r"#\s*(?:sudo\s+)?nfct\s+(?:timeout\s+add|add\s+timeout)\s+(.*)")


@dataclass(frozen=True, slots=True)
class TimeoutPolicy:
    """A timeout policy, ``family`` being 4 or 6; the kernel takes it in rules of its family and protocol alone.

    ``seconds`` are its times by state, one of `STATES`; those that are not there are the kernel's own.
    """

    name: str
    family: int
    protocol: int
    seconds: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """An accounting object; ``decides`` where a rule that asks it has a target, so that its quota would matter."""

    name: str
    decides: bool


NamedObject = TimeoutPolicy | Account


def objects_named(kind: str, text: str) -> tuple[NamedObject, ...]:
    r"""The objects that rules of a text of iptables (``v4``, ``v6``) name, each once; a timeout policy for its first rule.

    >>> objects_named("v4", "*raw\n-A PREROUTING -p tcp -j CT --timeout patient\nCOMMIT\n")
    (TimeoutPolicy(name='patient', family=4, protocol=6, seconds=()),)
    """
    found: dict[tuple[str, str], NamedObject] = {}
    said = {_key(one): one for _, one in _said(text) if isinstance(one, TimeoutPolicy)} if _TIMEOUT in text else {}
    if kind in ("v4", "v6") and (_TIMEOUT in text or _ACCOUNT in text):
        for line in text.split("\n"):
            if _TIMEOUT in line or _ACCOUNT in line:
                for word, one in _in_rule(line, 4 if kind == "v4" else 6):
                    whole = said.get(_key(one), one) if isinstance(one, TimeoutPolicy) else one
                    before = found.setdefault((word, one.name), whole)
                    if isinstance(one, Account) and one.decides and isinstance(before, Account):
                        found[word, one.name] = one
    return tuple(found.values())


def _in_rule(line: str, family: int) -> Iterator[tuple[str, NamedObject]]:
    target = next(values_of(line, {"-j", "--jump", "-g", "--goto"}), None)
    protocol = _number(next(values_of(line, {"-p", "--protocol", "--proto"}), ""))
    if target == "CT" and protocol is not None:
        yield from ((_TIMEOUT, TimeoutPolicy(name, family, protocol)) for name in values_of(line, {_TIMEOUT}))
    yield from ((_ACCOUNT, Account(name, target is not None)) for name in values_of(line, {_ACCOUNT}))


def _number(protocol: str) -> int | None:
    if protocol.isascii() and protocol.isdecimal() and len(protocol) < 4:
        return int(protocol) if 0 < int(protocol) < 256 else None
    return _NUMBERS.get(protocol.lower())


def _key(one: TimeoutPolicy) -> tuple[str, int, int]:
    return one.name, one.family, one.protocol


def _said(text: str) -> Iterator[tuple[str, TimeoutPolicy | str]]:
    """The comments that say a timeout policy, each with that, or with what is wrong with it."""
    for line in text.split("\n"):
        if (comment := _SAID.fullmatch(line.strip())) is not None:
            try:
                yield line.strip(), _policy(comment[1].split())
            except ValueError as error:
                yield line.strip(), str(error)


def _policy(words: list[str]) -> TimeoutPolicy:
    if len(words) < 5 or len(words) % 2 == 0:
        raise ValueError("it is NAME, inet or inet6, a protocol, and then states with seconds: established 900")
    name, family, protocol, *rest = words
    number = _number(protocol)
    if family not in ("inet", "inet6") or number not in STATES:
        raise ValueError(f"{family} {protocol} is none of inet and inet6 with {', '.join(sorted(_NAMES))}")
    pairs = tuple(zip(rest[::2], rest[1::2], strict=True))
    for state, seconds in pairs:
        if state.lower() not in STATES[number]:
            raise ValueError(f"{state!r} is no state of it: {', '.join(STATES[number])}")
        if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= 10 and int(seconds) <= _MOST_S):
            raise ValueError(f"{seconds!r} are no seconds up to {_MOST_S}")
    times = tuple((state.lower(), int(seconds)) for state, seconds in pairs)
    return TimeoutPolicy(name, 4 if family == "inet" else 6, number, times)


def told(kind: str, text: str) -> Iterator[str]:
    r"""What a reader must know of the objects that the lab makes in the place of the host's.

    >>> list(told("v4", "-A FORWARD -m nfacct --nfacct-name web\n"))
    []
    """
    objects = objects_named(kind, text)
    timeouts = [one.name for one in objects if isinstance(one, TimeoutPolicy) and not one.seconds]
    if timeouts:
        are = "timeout policy {} is" if len(timeouts) == 1 else "timeout policies {} are"
        how = "a comment in it says them: # nfct timeout add NAME inet tcp established 900"
        own = f"{are.format(', '.join(timeouts))} made with the kernel's own timeouts, as the ruleset does not hold the host's"
        yield f"{own}; {how}"
    for comment, why in _said(text) if objects else ():
        if isinstance(why, str):
            yield f"the comment `{comment}` is no timeout policy: {why}"
    deciding = [one.name for one in objects if isinstance(one, Account) and one.decides]
    if deciding:
        are = "account {} is" if len(deciding) == 1 else "accounts {} are"
        yield (
            f"{are.format(', '.join(deciding))} made without a quota, so a rule that asks matches every packet; "
            "on a host whose account has one, only once that is used up"
        )
