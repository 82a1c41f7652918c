"""Rules of iptables and sets of ipset in a normal form: what two prints of the same have in common.

Out are dates, counters, what time has left of a timeout, how many buckets a set has, and the order of chains and elements.  A
chain that accepts and has no rule is as none, since ip_tables cannot take a table away.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from lab.record.node_state import ChangedBy, Part
from lab.ruleset.rule import SavedRule
from lab.ruleset.save import Chain, Ruleset, read_save
from lab.ruleset.words import quote_is_open, values_of

_WRITES = ("--add-set", "--del-set", "--map-set")
# `hashsize` grows with the set, and `initval` is drawn by lot for each set (ip_set_hash_gen.h)
_BY_THE_KERNEL = re.compile(r" (?:hashsize|initval|packets|bytes) \S+")
_TIMEOUT = re.compile(r" timeout (\d+)")
_RECENT = re.compile(r"src=(\S+) .*oldest_pkt: \d+ (.*)")
_LINE_END = "\udc0a"  # no tool can have printed it
_COMMENT = re.compile(r' comment ".*"')


def read_printed(text: str) -> Ruleset:
    r"""The ruleset of a text that iptables-save printed, also where a comment has line ends in it, which no restore takes.

    Raises InputError for what it cannot have printed.

    >>> len([*read_printed('*filter\n-A INPUT -m comment --comment "a\n-A INPUT\nb" -j DROP\nCOMMIT\n').rules()])
    1
    """
    lines: list[str] = []
    is_open = False
    for line in text.split("\n"):
        if is_open:
            lines[-1] += _LINE_END + line
        else:
            lines.append(line)
        if is_open or '"' in line:
            last = lines[-1]
            is_open = (last.count('"') % 2 == 1 or "\\" in last) and quote_is_open(last)
    return read_save("\n".join(lines))


def of_iptables(tool: str, ruleset: Ruleset) -> Iterator[Part]:
    r"""The chains of one family as what ``tool`` is to be given for them.

    >>> from lab.ruleset.save import read_save
    >>> text = "*filter\n:INPUT DROP [9:1]\n:OUTPUT ACCEPT [3:4]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n"
    >>> [(part.name, part.lines) for part in of_iptables("iptables", read_save(text))]
    [('iptables filter INPUT', ('-P INPUT DROP', '-A INPUT -i lo -j ACCEPT'))]
    """
    for table in ruleset.tables.values():
        shown = tool if table.name == "filter" else f"{tool} -t {table.name}"
        for chain in table.chains.values():
            if lines := (*_declared(chain), *(_line(rule) for rule in chain.rules)):
                yield Part("rules", f"{tool} {table.name} {chain.name}", shown, lines, ordered=True)


def _line(rule: SavedRule) -> str:
    return rule.text.replace(_LINE_END, "\n")


def _declared(chain: Chain) -> tuple[str, ...]:
    if chain.policy is None:
        return (f"-N {chain.name}",)
    return () if chain.policy == "ACCEPT" else (f"-P {chain.name} {chain.policy}",)


def sets_written(rules: Iterator[SavedRule]) -> frozenset[str]:
    r"""The sets of ipset that rules write.

    >>> sorted(sets_written(read_printed("*filter\n-A INPUT -j SET --add-set seen src\nCOMMIT\n").rules()))
    ['seen']
    """
    return frozenset().union(*(values_of(rule.text, _WRITES) for rule in rules if rule.target == "SET"))


def of_ipset(saved: str, written: Collection[str]) -> Iterator[Part]:
    r"""The sets that ``ipset save`` printed; rules write those of ``written``.

    >>> saved = "create b hash:ip family inet initval 0x7 timeout 60\nadd b 192.0.2.1 timeout 9\n"
    >>> [part.lines for part in of_ipset(saved, ())]
    [('hash:ip family inet timeout 60',), ('192.0.2.1 timeout',)]
    """
    elements: dict[tuple[str, ChangedBy], list[str]] = {}
    for line in saved.split("\n"):  # a comment may have other signs at which Python would end a line
        verb, name, said = (*line.split(" ", 2), "", "")[:3]
        comment = _COMMENT.search(said)
        bare = _BY_THE_KERNEL.sub("", said[: comment.start()] if comment else said) + (comment[0] if comment else "")
        if verb == "create":
            yield Part("sets", name, f"ipset create {name}", (bare,))
        elif verb == "add":
            timed = _TIMEOUT.search(bare[: -len(comment[0])] if comment else bare)
            passes = timed is not None and timed[1] != "0"
            changed_by = ChangedBy.PACKETS if name in written else ChangedBy.TIME if passes else ChangedBy.NOBODY
            one = _TIMEOUT.sub(" timeout", bare, count=1) if passes else bare
            elements.setdefault((name, changed_by), []).append(one)
    for (name, changed_by), lines in elements.items():
        yield Part("set elements", f"ipset {name}", f"ipset add {name}", tuple(sorted(lines)), changed_by)


def of_recent(name: str, listed: str) -> Part:
    """A list of ``recent``, as its file has it (xt_recent.c, recent_seq_show).

    >>> of_recent("ban", "src=192.0.2.1 ttl: 64 last_seen: 4294 oldest_pkt: 2 4291, 4294\\n").lines
    ('192.0.2.1, seen 2 times',)
    """
    found = (_RECENT.match(line) for line in listed.splitlines())
    entries = ((one[1], one[2].count(",") + 1) for one in found if one is not None)
    lines = sorted(f"{address}, seen {count} time{'s' * (count > 1)}" for address, count in entries)
    return Part("recent entries", name, f"recent {name}:", tuple(lines), ChangedBy.PACKETS)


def of_hashlimit(name: str, listed: str) -> Part:
    """A table of ``hashlimit``, as its file has it: of whom it has a bucket, and not how full (xt_hashlimit.c).

    >>> of_hashlimit("web", "59 192.0.2.1:0->0.0.0.0:0 31000 160000 32000\\n").lines
    ('192.0.2.1:0->0.0.0.0:0',)
    """
    lines = sorted({line.split()[1] for line in listed.splitlines() if len(line.split()) > 1})
    return Part("hashlimit buckets", name, f"hashlimit {name}:", tuple(lines), ChangedBy.PACKETS)
