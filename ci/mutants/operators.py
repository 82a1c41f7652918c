"""One rule changed in one place, as a slip of the hand would: from the lines of `iptables-save` to those of a mutant."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Lines = Sequence[str]
_RULE = re.compile(r"-A (\S+) ")
_PREFIX = re.compile(r"(?<=[ ])(-[sd]) (\d+\.\d+\.\d+\.\d+)/(\d+)")
_PORT = re.compile(r"(--[sd]ports? )(\d+)\b")
_INTERFACE = re.compile(r"(?<= )(-[io]) (\S+)")
_STATES = re.compile(r"(--(?:ct)?state )(\S+)")
_NEGATABLE = re.compile(r" (-[sdio]) (\S+)")
_TARGETS = {"ACCEPT": "DROP", "DROP": "ACCEPT", "RETURN": "ACCEPT"}
_NAT = re.compile(r"(--to-(?:destination|source) )(\d+\.\d+\.\d+\.)(\d+)")


class Mutant(NamedTuple):
    """What was done (``operator``), to which line, from 1, and all lines afterwards."""

    operator: str
    line: int
    lines: tuple[str, ...]


Operator = Callable[[str, random.Random, Sequence[str]], str | None]


def _delete(_line: str, _chance: random.Random, _interfaces: Sequence[str]) -> str | None:
    return "# taken out"


def _flip(line: str, _chance: random.Random, _interfaces: Sequence[str]) -> str | None:
    head, jump, target = line.rpartition(" -j ")
    word = target.split(" ")[0]
    if word == "REJECT":
        return f"{head}{jump}ACCEPT"
    return f"{head}{jump}{_TARGETS[word]}" if word in _TARGETS else None


def _prefix(line: str, chance: random.Random, _interfaces: Sequence[str]) -> str | None:
    found = _PREFIX.search(line)
    if found is None or not 9 <= int(found[3]) <= 32:
        return None
    length = int(found[3]) + chance.choice((-1, 1))
    return None if length > 32 else line.replace(found[0], f"{found[1]} {found[2]}/{length}", 1)


def _port(line: str, chance: random.Random, _interfaces: Sequence[str]) -> str | None:
    found = _PORT.search(line)
    if found is None or not 1 < int(found[2]) < 65_535:
        return None
    return line[: found.start(2)] + str(int(found[2]) + chance.choice((-1, 1))) + line[found.end(2) :]


def _protocol(line: str, _chance: random.Random, _interfaces: Sequence[str]) -> str | None:
    if "-p tcp" not in line or "--tcp-flags" in line or "--syn" in line or "tcp-reset" in line:
        return None
    return line.replace("-p tcp", "-p udp").replace("-m tcp", "-m udp")


def _interface(line: str, chance: random.Random, interfaces: Sequence[str]) -> str | None:
    found = _INTERFACE.search(line)
    others = [name for name in interfaces if found is not None and name != found[2]]
    if found is None or not others:
        return None
    return line[: found.start(2)] + chance.choice(others) + line[found.end(2) :]


def _state(line: str, chance: random.Random, _interfaces: Sequence[str]) -> str | None:
    found = _STATES.search(line)
    if found is None:
        return None
    states = found[2].split(",")
    gone = chance.choice(states)
    other = [one for one in states if one != gone] or ["ESTABLISHED" if gone == "NEW" else "NEW"]
    return line[: found.start(2)] + ",".join(other) + line[found.end(2) :]


def _negation(line: str, _chance: random.Random, _interfaces: Sequence[str]) -> str | None:
    found = _NEGATABLE.search(line)
    if found is None:
        return None
    if line[: found.start()].endswith("!"):
        return line[: found.start() - 2] + line[found.start() :]
    return f"{line[: found.start()]} !{line[found.start() :]}"


def _nat_target(line: str, chance: random.Random, _interfaces: Sequence[str]) -> str | None:
    found = _NAT.search(line)
    if found is None:
        return None
    other = str((int(found[3]) + chance.randrange(1, 200)) % 254 + 1)
    return line[: found.start(3)] + other + line[found.end(3) :]


OPERATORS: Mapping[str, Operator] = {
    "delete": _delete, "flip": _flip, "prefix": _prefix, "port": _port, "protocol": _protocol, "interface": _interface,
    "state": _state, "negation": _negation, "nat target": _nat_target,
}  # fmt: skip


def mutant(lines: Lines, chance: random.Random, tables: Sequence[str] = ("filter", "nat", "mangle", "raw")) -> Mutant:
    """A mutant by chance of one of these tables: an operator first, so that each comes as often, then a rule that it fits.

    >>> lines = ["*filter", ":INPUT DROP [0:0]", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "COMMIT"]
    >>> mutant(lines, random.Random(3)).line
    3
    """
    rules = _rules(lines, tables)
    interfaces = sorted({found[2] for line in lines for found in _INTERFACE.finditer(line)})
    while True:
        operator = chance.choice((*OPERATORS, "swap"))
        for at in chance.sample(rules, len(rules)):
            changed = _swapped(lines, at, rules) if operator == "swap" else _replaced(operator, lines, at, chance, interfaces)
            if changed is not None:
                return Mutant(operator, at + 1, changed)


def _replaced(
    operator: str, lines: Lines, at: int, chance: random.Random, interfaces: Sequence[str]
) -> tuple[str, ...] | None:
    changed = OPERATORS[operator](lines[at], chance, interfaces)
    return None if changed in (None, lines[at]) else (*lines[:at], str(changed), *lines[at + 1 :])


def _swapped(lines: Lines, at: int, rules: Sequence[int]) -> tuple[str, ...] | None:
    if at + 1 not in rules or _chain(lines[at]) != _chain(lines[at + 1]) or lines[at] == lines[at + 1]:
        return None
    return (*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :])


def leading_to(lines: Lines, line: int, deep: int = 3) -> list[str]:
    """The rules that lead to the chain of the rule in a ``line``, from 1, of any table.

    >>> leading_to(["-A INPUT -s 10.0.0.1/32 -j in", "-A in -j ACCEPT"], 2)
    ['-A INPUT -s 10.0.0.1/32 -j in']
    """
    chains, found = {_chain(lines[line - 1])}, dict[str, None]()
    for _ in range(deep):
        callers = [one for one in lines if any(one.endswith((f" -j {name}", f" -g {name}")) for name in chains)]
        found.update(dict.fromkeys(callers))
        chains = {_chain(one) for one in callers}
    return list(found)


def _chain(line: str) -> str | None:
    found = _RULE.match(line)
    return found[1] if found is not None else None


def _rules(lines: Lines, tables: Sequence[str]) -> list[int]:
    """The places of the rules of these tables."""
    found, table = [], ""
    for number, line in enumerate(lines):
        if line.startswith("*"):
            table = line[1:].strip()
        elif table in tables and _chain(line) is not None:
            found.append(number)
    return found
