"""One rule of a ruleset changed at random, as people change one: deleted, swapped, its verdict, its numbers, its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

_Change = Callable[[str, Random], str | None]


def mutant(text: str, random: Random) -> tuple[str, str]:
    """What was done, and the text with it; tries until a rule takes a change."""
    lines = text.split("\n")
    places = [place for place, line in enumerate(lines) if line.startswith("-A ")]
    while True:
        place = random.choice(places)
        kind = random.choice([*_CHANGES, "delete", "swap", "twice"])
        changed = list(lines)
        if kind == "delete":
            changed[place] = "# gone"
        elif kind == "twice":
            changed.insert(random.choice(places), lines[place])
            if changed[places[0]].split()[1] == "" or not _same_table(lines, changed):
                continue
        elif kind == "swap":
            after = place + 1
            if after >= len(lines) or not lines[after].startswith(f"-A {lines[place].split()[1]} "):
                continue
            changed[place], changed[after] = lines[after], lines[place]
        else:
            made = _CHANGES[kind](lines[place], random)
            if made is None or made == lines[place]:
                continue
            changed[place] = made
        return f"{kind}: {lines[place]}", "\n".join(changed)


def _same_table(lines: list[str], changed: list[str]) -> bool:
    """Whether each rule still stands in the table that declares its chain."""
    declared: set[str] = set()
    for line in changed:
        if line.startswith("*"):
            declared = set()
        elif line.startswith(":"):
            declared.add(line[1:].split()[0])
        elif line.startswith("-A "):
            found = line.split()
            target = next((found[at + 1] for at, word in enumerate(found) if word in ("-j", "-g") and at + 1 < len(found)), "")
            known = target in declared or target == "" or target.isupper()
            if found[1] not in declared or not known or _is_loop(found[1], target):
                return False
    return changed.count("COMMIT") == lines.count("COMMIT")


def _is_loop(chain: str, target: str) -> bool:
    return chain == target


def _flipped(line: str, random: Random) -> str | None:
    for word, others in (("-j ACCEPT", ("-j DROP", "-j RETURN")), ("-j DROP", ("-j ACCEPT", "-j REJECT"))):
        if word in line:
            return line.replace(word, random.choice(others))
    if " -j REJECT" in line:
        kinds = ("ACCEPT", "DROP", "REJECT --reject-with icmp-admin-prohibited")
        return f"{line[: line.index(' -j REJECT')]} -j {random.choice(kinds)}"
    return None


def _prefix(line: str, random: Random) -> str | None:
    found = re.search(r"(-[sd] [\d.]+)/(\d+)", line)
    if found is None:
        return None
    length = int(found[2]) + random.choice((-1, 1))
    return line.replace(found[0], f"{found[1]}/{length}", 1) if 8 < length < 33 else None


def _port(line: str, random: Random) -> str | None:
    found = re.search(r"(--[sd]ports? )(\d+)", line)
    if found is None:
        return None
    port = int(found[2]) + random.choice((-1, 1))
    return line.replace(found[0], f"{found[1]}{port}", 1) if 0 < port < 65536 else None


def _protocol(line: str, _random: Random) -> str | None:
    if "flags" in line or "--syn" in line or "REJECT" in line:
        return None
    if "-p tcp" in line:
        return line.replace("-p tcp -m tcp", "-p udp -m udp").replace("-p tcp", "-p udp")
    return line.replace("-p udp -m udp", "-p tcp -m tcp").replace("-p udp", "-p tcp") if "-p udp" in line else None


def _interface(line: str, random: Random) -> str | None:
    found = re.search(r"(?:! )?(-[io]) (\S+)", line)
    return None if found is None else line.replace(found[0], random.choice((f"! {found[1]} {found[2]}", "")), 1)


def _state(line: str, random: Random) -> str | None:
    found = re.search(r"--(?:ct)?state (\S+)", line)
    if found is None:
        return None
    states = random.choice(("NEW", "ESTABLISHED", "INVALID", "RELATED,ESTABLISHED", "NEW,ESTABLISHED", "UNTRACKED"))
    return line.replace(found[0], f"{found[0].split()[0]} {states}", 1)


def _negated(line: str, random: Random) -> str | None:
    found = list(re.finditer(r" (-s|-d|--dport|--sport|--ctstate|--match-set|--mark) \S+", line))
    if not found:
        return None
    one = random.choice(found)
    before, after = line[: one.start()], line[one.end():]
    return f"{before.removesuffix(' !')}{one[0]}{after}" if before.endswith(" !") else f"{before} !{one[0]}{after}"


def _target(line: str, random: Random) -> str | None:
    found = re.search(r"(--to-(?:destination|source) \d+\.\d+\.\d+\.)(\d+)", line)
    if found is not None:
        return line.replace(found[0], f"{found[1]}{(int(found[2]) + 1) % 250 + 1}")
    found = re.search(r"(--set-x?mark )(0x\w+)", line)
    return None if found is None else line.replace(found[0], f"{found[1]}{random.choice(('0x1', '0x2', '0x5'))}")


def _prefix_of_log(line: str, _random: Random) -> str | None:
    found = re.search(r'--log-prefix "', line)
    return None if found is None else line.replace(found[0], f"{found[0]}other ")


_CHANGES: dict[str, _Change] = {
    "flip": _flipped, "prefix": _prefix, "port": _port, "protocol": _protocol, "interface": _interface, "state": _state,
    "negate": _negated, "target": _target, "log": _prefix_of_log,
}  # fmt: skip
