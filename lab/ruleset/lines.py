r"""Rule to line of the rendered text: counters that carry line numbers.

A copy of the ruleset is loaded into a throw-away node with its line numbers as packet counters; `iptables-save -c` of
that node then tells the line of every rule, whatever the tool made of it (``-s a,b`` makes two rules, ``-I`` reorders).

>>> text = "*filter\n-A INPUT -s 10.0.0.1,10.0.0.2 -j DROP\nCOMMIT"
>>> with_line_counters(text).split("\n")[1]
'[2:0] -A INPUT -s 10.0.0.1,10.0.0.2 -j DROP'
>>> lines_of("*filter\n[2:0] -A INPUT -s 10.0.0.1/32 -j DROP\n[2:0] -A INPUT -s 10.0.0.2/32 -j DROP\nCOMMIT")
{('filter', 'INPUT', 1): 2, ('filter', 'INPUT', 2): 2}
>>> lines_of_comments(with_line_comments(text), text)
{('filter', 'INPUT', 1): 2}
>>> counted_lines("*filter\n-A INPUT -j DROP\nCOMMIT")
{('filter', 'INPUT', 1): 2}
"""

from __future__ import annotations

import re

from lab.ruleset.digest import digest
from lab.ruleset.words import Word, placed_words, words

_OWN_COUNTERS = re.compile(r"\[\d+:\d+\]")
_RULE_COMMANDS = frozenset(("-A", "--append", "-I", "--insert", "-R", "--replace"))
_COUNTER_OPTIONS = frozenset(("-c", "--set-counters"))
_TEXT_OPTIONS = frozenset(("--comment", "--log-prefix", "--nflog-prefix", "--ulog-prefix", "--string", "--hex-string"))
_ADDRESSES = re.compile(r" (?:-[sd]|--(?:source|src|destination|dst))[ =]?\S*,")
_SAVED = re.compile(r"\[(\d+):\d+\] -A (\S+)")


def with_line_counters(text: str) -> str:
    """The ruleset with ``[LINE:0]`` before every rule, to be loaded with ``iptables-restore -c``.

    A rule's own counters, before it or as its option ``-c``, give way.  Chain lines whose policy counters are missing
    or unreadable get ``[0:0]``, without which the tool refuses them once ``-c`` is given.  Nothing else changes, and no
    line moves: a refusal of the copy names the same line as one of the text itself.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        first = line[:1]
        if first == ":":
            lines[number - 1] = _with_policy_counters(line)
        elif first not in ("", "#", "*"):
            lines[number - 1] = _counted(line, number)
    return "\n".join(lines)


def _counted(line: str, number: int) -> str:
    own = _OWN_COUNTERS.match(line)
    rule = line[own.end():] if own else line
    if '"' not in rule and " -c" not in rule and "--set-c" not in rule and rule.lstrip()[:3] in ("-A ", "-I ", "-R "):
        return f"[{number}:0] {rule.lstrip(' ') if own else rule}"
    words = placed_words(rule)
    if not any(word.value in _RULE_COMMANDS or word.value[:2] in ("-A", "-I", "-R") for word in words):
        return line
    return f"[{number}:0] {_without_counters(rule, words).lstrip(' ')}"


def _without_counters(rule: str, words: list[Word]) -> str:
    for place, word in enumerate(words):
        option = word.value.partition("=")[0]
        if option not in _COUNTER_OPTIONS or (place and words[place - 1].value in _TEXT_OPTIONS):
            continue
        values = words[place + 1: place + 3]
        if option != word.value:
            values = []
        elif values and "," in values[0].value:
            values = values[:1]
        end = values[-1].end if values else word.end
        return rule[: word.start] + rule[end:].lstrip(" ")
    return rule


def _with_policy_counters(line: str) -> str:
    parts = line[1:].split()
    if len(parts) < 2 or parts[1] == "-" or (len(parts) > 2 and _OWN_COUNTERS.fullmatch(parts[2])):
        return line
    return f":{parts[0]} {parts[1]} [0:0]" + ("\r" if line.endswith("\r") else "")


def counted_lines(text: str) -> dict[tuple[str, str, int], int] | None:
    """The line of each rule, by (table, chain, number), of a text in which every rule is one line that is appended.

    None for any other: with ``-I``, ``-s a,b`` or a table that comes twice only the kernel can tell.  Each ``-A`` makes at
    least one rule, so where a chain holds as many rules as lines, they are these in this order.
    """
    found: dict[tuple[str, str, int], int] = {}
    counts: dict[tuple[str, str], int] = {}
    tables: set[str] = set()
    table = ""
    for number, line in enumerate(text.split("\n"), start=1):
        first = line[:1]
        if first == "*":
            table = line[1:].strip()
            if table in tables:
                return None
            tables.add(table)
        elif first in ("-", "["):
            rule = line if first == "-" else line.partition("] ")[2]
            if not rule.startswith("-A ") or ("," in rule and _ADDRESSES.search(rule) is not None):
                return None
            _, *chain = rule.split(None, 2)
            if not chain:
                return None
            place = table, chain[0]
            counts[place] = count = counts.get(place, 0) + 1
            found[*place, count] = number
        elif first not in ("", "#", ":") and line.rstrip() != "COMMIT":
            return None
    return found


def with_line_comments(text: str) -> str:
    """The ruleset with a comment at the end of every rule that tells its line, where counters cannot.

    ip6tables-nft-restore (1.8.9) takes a rule's counters and forgets them; a second comment it keeps.
    """
    tag = _tag(text)
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if line[:1] not in ("", "#", "*", ":") and any(word in _RULE_COMMANDS for word in words(line)):
            lines[number - 1] = f"{line} -m comment --comment {tag}{number}"
    return "\n".join(lines)


def lines_of_comments(saved: str, text: str) -> dict[tuple[str, str, int], int]:
    """As `lines_of`, from the `iptables-save` of a node that holds the copy of ``text`` with comments."""
    mark = re.compile(rf'--comment "?{_tag(text)}(\d+)"?')
    marked = []
    for line in saved.split("\n"):
        rule = line.partition("] ")[2] if line[:1] == "[" else line
        if rule[:3] == "-A ":
            found = mark.findall(line)
            line = f"[{found[-1] if found else 0}:0] {rule}"
        marked.append(line)
    return lines_of("\n".join(marked))


def _tag(text: str) -> str:
    """What no comment of the ruleset itself begins with."""
    return f"lab-{digest(text)[:12]}-"


def lines_of(save_c_text: str) -> dict[tuple[str, str, int], int]:
    """The line of each rule, by (table, chain, number), from the `iptables-save -c` of a node that holds the copy.

    A rule that came from no line (its counter is 0) is left out.
    """
    found: dict[tuple[str, str, int], int] = {}
    counts: dict[str, int] = {}
    table = ""
    for line in save_c_text.split("\n"):
        if line[:1] == "*":
            table = line[1:].strip()
            counts = {}
        elif line[:1] == "[":
            saved = _SAVED.match(line)
            if saved is None:
                continue
            chain = saved[2]
            counts[chain] = number = counts.get(chain, 0) + 1
            if saved[1] != "0":
                found[table, chain, number] = int(saved[1])
    return found
