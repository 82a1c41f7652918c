"""What ``conntrack -L`` prints, also with ``-o extended`` and ``-o id``, and what /proc/net/nf_conntrack holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lab.errors import InputError, Problem, Where
from lab.written.seen.live import ECHO_REQUEST, ICMPS, OF_PORTS, Entry, Line, address_in, number_in

_MOST_PROBLEMS = 10
_FAMILIES = {"ipv4": 4, "ipv6": 6}
_BESIDE = re.compile(r"conntrack v\d|.*[#$%>]\s*(?:sudo\s+)?(?:conntrack|cat)\s")
_FORM = "one entry a line, as conntrack -L prints it: tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… …"


def read_conntrack(text: str, file: str) -> list[Entry]:
    """The entries of a table as text; raises InputError with the first lines that are none."""
    return [line.entry for line in read_lines(text, file)]


def read_lines(text: str, file: str) -> Iterator[Line]:
    """The lines of a table as text, with all that they say; raises InputError with the first that are no entry."""
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or ("src=" not in line and _BESIDE.match(line.strip())):
            continue
        try:
            told = _line(words)
        except ValueError as error:
            shown = line.strip()
            shown = shown if len(shown) <= 80 else f"{shown[:80]}…"
            what = f"{shown!r} is no entry of conntrack: {error}"
            problems.append(Problem(what, Where(file, number), f"{_FORM}; a line that was cut off is best taken out"))
            if len(problems) == _MOST_PROBLEMS:
                break
            continue
        if not problems:
            yield told
    if problems:
        raise InputError(problems)


def _line(words: Sequence[str]) -> Line:
    """One line: its protocol by number, what stands before its two tuples, these, and what stands behind."""
    rest = list(words)
    while rest and rest[0].startswith("["):
        del rest[0]  # a time, or what an event is: [NEW]
    family = _FAMILIES.get(rest[0]) if rest else None
    if family is not None:
        del rest[:2]
    if rest[:1] and "proto=" in " ".join(rest[:2]):
        raise ValueError("it is an expectation, of which no packet has come yet")
    if len(rest) < 2 or "=" in rest[0]:
        raise ValueError("it names no protocol")
    proto = number_in(rest[1], 255)
    tuples: list[dict[str, str]] = []
    facts: dict[str, str] = {}
    for word in rest[2:]:
        key, equals, value = word.partition("=")
        if key == "src" and equals:
            tuples.append({})
        if equals and tuples:
            tuples[-1][key] = facts[key] = value
        elif word.startswith("["):
            facts[word.strip("[]")] = ""
        elif not equals and not tuples:
            facts["timeout" if word.isdigit() else "state"] = word
    if len(tuples) != 2 or any("dst" not in one for one in tuples):
        raise ValueError(f"it has {len(tuples)} of its two directions (src=… dst=…)")
    return Line(entry_of(proto, tuples[0], tuples[1], replied="UNREPLIED" not in facts, family=family), tuples[1], facts)


def entry_of(
    proto: int, there: dict[str, str], back: dict[str, str], *, replied: bool, family: int | None = None
) -> Entry:
    """The flow of two tuples by their keys; raises ValueError for what is not a flow."""
    source, destination = address_in(there["src"]), address_in(there["dst"])
    if (":" in source) != (":" in destination) or (family is not None and (":" in source) != (family == 6)):
        raise ValueError("its addresses are of two families")
    own = port = None
    code = 0
    if proto in OF_PORTS:
        if "sport" not in there or "dport" not in there:
            raise ValueError("it has no ports")
        own, port = number_in(there["sport"]), number_in(there["dport"])
    elif proto in ICMPS:
        # conntrack's XML names no type: it tracks requests, which are echoes but for the rarest
        port = number_in(there["type"], 255) if "type" in there else ECHO_REQUEST[proto]
        code = number_in(there.get("code", "0"), 255)
        own = number_in(there["id"]) if "id" in there else None
    return Entry(source, destination, proto, own, port, code, address_in(back["src"]), address_in(back["dst"]), replied)
