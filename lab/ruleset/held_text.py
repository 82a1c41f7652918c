"""Rules of a text that nobody has loaded yet, line by line: what a rule is, as far as its own line says."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.ruleset.held import HeldRule
from lab.ruleset.held_save import held_rule as of_iptables
from lab.ruleset.nft.held import held_rule as of_nft
from lab.ruleset.nft.listing import NftTable
from lab.ruleset.nft.rule import Surroundings
from lab.ruleset.nft.rule import read_rule as read_nft
from lab.ruleset.rule import read_rule
from lab.ruleset.words import quote_is_open, words

_COUNTERS = re.compile(r"\A\[\d+:\d+\]\s*")
_FAMILIES = {"v4": "ip", "v6": "ip6", "nft": ""}
_COMMANDS = frozenset(("-A", "--append", "-I", "--insert"))
_NO_SETS = Surroundings({})
_NO_TABLE = NftTable("", "", {})


def rule_in_line(kind: str, line: str) -> HeldRule | None:
    """The rule of one line of a text of this kind (v4, v6, nft); None for a line that is none.

    Its table is not known, nor its place; of iptables the chain is.  What a script's line is not, a rule or the beginning of a
    set, is not told: it has no conditions then that a packet could have.

    >>> rule_in_line("v4", "-I INPUT -s 10.0.9.0/24 -j DROP").conditions
    (Condition(field='sources', values=('10.0.9.0/24',), negated=False),)
    """
    if kind == "nft":
        text = line.strip().rstrip(";")
        return None if text[:1] in ("", "#") else of_nft(_NO_TABLE, "", read_nft(0, 0, text, _NO_SETS))
    found = [] if quote_is_open(line) else words(_COUNTERS.sub("", line))
    if len(found) < 3 or found[0] not in _COMMANDS:
        return None
    text = _COUNTERS.sub("", line)
    return of_iptables(_FAMILIES[kind], read_rule("", found[1], 0, text, found[2:], (), None))


def rules_in(kind: str, text: str) -> Iterator[tuple[int, HeldRule]]:
    r"""The rules of a text, each with the number of its line, from 1.

    >>> [(line, rule.target) for line, rule in rules_in("v4", "*filter\n-A INPUT -j DROP\nCOMMIT")]
    [(2, 'DROP')]
    """
    for number, line in enumerate(text.split("\n"), start=1):
        rule = rule_in_line(kind, line)
        if rule is not None:
            yield number, rule
