"""Objects of the kernel that rules of iptables name and no text of theirs makes: timeout policies of conntrack, and accounts.

A host has them from `nfct timeout add` and `nfacct add`, and iptables refuses a rule whose object is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.ruleset.words import values_of

_TIMEOUT, _ACCOUNT = "--timeout", "--nfacct-name"
_NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "ipv6-icmp": 58, "icmpv6": 58, "sctp": 132, "udplite": 136}


@dataclass(frozen=True, slots=True)
class TimeoutPolicy:
    """A timeout policy, ``family`` being 4 or 6; the kernel takes it in rules of its family and protocol alone."""

    name: str
    family: int
    protocol: int


@dataclass(frozen=True, slots=True)
class Account:
    """An accounting object; ``decides`` where a rule that asks it has a target, so that its quota would matter."""

    name: str
    decides: bool


NamedObject = TimeoutPolicy | Account


def objects_named(kind: str, text: str) -> tuple[NamedObject, ...]:
    r"""The objects that rules of a text of iptables (``v4``, ``v6``) name, each once; a timeout policy for its first rule.

    >>> objects_named("v4", "*raw\n-A PREROUTING -p tcp -j CT --timeout patient\nCOMMIT\n")
    (TimeoutPolicy(name='patient', family=4, protocol=6),)
    """
    found: dict[tuple[str, str], NamedObject] = {}
    if kind in ("v4", "v6") and (_TIMEOUT in text or _ACCOUNT in text):
        for line in text.split("\n"):
            if _TIMEOUT in line or _ACCOUNT in line:
                for word, one in _in_rule(line, 4 if kind == "v4" else 6):
                    before = found.setdefault((word, one.name), one)
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


def told(kind: str, text: str) -> Iterator[str]:
    r"""What a reader must know of the objects that the lab makes in the place of the host's.

    >>> list(told("v4", "-A FORWARD -m nfacct --nfacct-name web\n"))
    []
    """
    objects = objects_named(kind, text)
    timeouts = [one.name for one in objects if isinstance(one, TimeoutPolicy)]
    if timeouts:
        are = "timeout policy {} is" if len(timeouts) == 1 else "timeout policies {} are"
        yield f"{are.format(', '.join(timeouts))} made with the kernel's own timeouts, as the ruleset does not hold the host's"
    deciding = [one.name for one in objects if isinstance(one, Account) and one.decides]
    if deciding:
        are = "account {} is" if len(deciding) == 1 else "accounts {} are"
        yield (
            f"{are.format(', '.join(deciding))} made without a quota, so a rule that asks matches every packet; "
            "on a host whose account has one, only once that is used up"
        )
