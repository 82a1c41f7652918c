"""What a ruleset refers to that is not there: names of hosts, which the lab asks nobody for, and sets that nobody makes."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from lab.ruleset.placeholders import placeholder
from lab.ruleset.repairs import without_text

_HOST_OPTIONS = (
    "-s", "-d", "--source", "--src", "--destination", "--dst", "--to-source", "--to-destination", "--src-range",
    "--dst-range", "--ctorigsrc", "--ctorigdst", "--ctreplsrc", "--ctrepldst", "--gateway", "--on-ip", "--to",
)  # fmt: skip
_SET_OPTIONS = ("--match-set", "--add-set", "--del-set", "--map-set")
_SIGN = r'[ \t]+(?:"?!"?[ \t]+)?'
# Only what may be a name is looked at closely: a letter that no address has, or any letter where no colon is.
_HOST = re.compile(
    rf"-(?:[sd]|-(?:{'|'.join(option[2:] for option in _HOST_OPTIONS[2:])})){_SIGN}"
    r"(?=\S*[G-Zg-z_]|[^\s:]*[A-Fa-f][^\s:]*(?!\S))"
)
_SET = re.compile(rf'--(?:match|add|del|map)-set{_SIGN}"?([^\s"]+)')
_LETTER = re.compile(r"[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Unmet:
    """A reference that nothing meets: in which line (from 1), what it is, and what to do."""

    line: int
    what: str
    mend: str


def unmet(text: str, sets: Collection[str]) -> tuple[Unmet, ...]:
    """The names of hosts in the rules of ``text``, each time, and the sets besides ``sets`` that they name, once each.

    >>> [one.line for one in unmet("-A INPUT -s mail.example.net -j DROP\\n-A INPUT -s 192.0.2.7 -j DROP\\n", ())]
    [1]
    """
    known = frozenset(sets)
    places = [(found.start(), "") for found in _HOST.finditer(text)]
    places += [(found.start(), found[1]) for found in _SET.finditer(text) if found[1] not in known]
    missing: set[str] = set()
    told: list[Unmet] = []
    number, counted, looked_at = 1, 0, 0
    for place, name in sorted(places):
        number += text.count("\n", counted, place)
        counted = place
        if number == looked_at or name in missing:
            continue
        looked_at = number
        start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
        told += _of_line(text[start: end if end >= 0 else len(text)], number, known, missing)
    return tuple(told)


def _of_line(line: str, number: int, known: frozenset[str], missing: set[str]) -> list[Unmet]:
    told: list[Unmet] = []
    if line.lstrip()[:1] == "#":
        return told
    found = without_text(line)
    for place, option in enumerate(found):
        values = [word.value for word in found[place + 1: place + 3] if word.value != "!"][:1]
        if not values or values[0][:1] == "-":
            continue
        if option.value in _HOST_OPTIONS:
            told += [
                Unmet(number, f"{name} is the name of a host, and the lab asks no DNS for its address", "write its address")
                for name in map(_name_in, values[0].split(","))
                if name and placeholder(name) is None  # that one is told as such
            ]
        elif option.value in _SET_OPTIONS and values[0] not in known | missing:
            missing.add(values[0])
            mend = f"create it in the policy's ipset file: `create {values[0]} hash:ip`"
            told.append(Unmet(number, f"the set {values[0]} is not there", mend))
    return told


def _name_in(written: str) -> str:
    """The name in what is written for an address, "" if it is one: IPv6 has two colons or more, a port follows one."""
    if written[:1] == "[" or written.count(":") > 1:
        return ""
    name = written.partition(":")[0].partition("/")[0]
    return name if _LETTER.search(name) else ""
