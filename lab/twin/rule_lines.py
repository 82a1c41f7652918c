"""The lines of a host's rulesets that are rules, without what they say to people: fast, as a dump has thousands of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lab.errors import Where
from lab.record.host import Host

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_TEXTS = re.compile(r'\b(?:comment|prefix) "[^"]*"')
_IN_SAVE = re.compile(r" (?:-i|-o|--in-interface|--out-interface) ([^\s+]+)(?= |$)")
_IN_NFT = re.compile(r"\b[io]if(?:name)? (?:!= |== )?(\{[^}]*\}|[^\s{@$]+)")
_NO_NAME = re.compile(r"[,{}\"\s]+")


class RuleLine(NamedTuple):
    """One rule as its line has it; ``kind`` is that of its ruleset."""

    kind: str
    text: str
    where: Where


def rule_lines(host: Host) -> Iterator[RuleLine]:
    """The rules of a host: of iptables each ``-A``, of nft each line that is in a table."""
    for kind, dumped in host.rulesets.items():
        if kind == "ipset":
            continue
        for number, line in enumerate(dumped.text.split("\n"), start=1):
            bare = line.strip()
            if kind != "nft":
                begun = bare.find("-A ") if bare[:1] in ("-", "[") else -1
                bare = "" if begun < 0 else _QUOTED.sub('""', bare[begun:])
            elif bare[:1] == "#":
                continue
            else:
                bare = _TEXTS.sub("", bare)
            if bare:
                yield RuleLine(kind, bare, Where(dumped.shown, number))


def interfaces_in(line: RuleLine) -> Iterator[str]:
    """The interfaces that a rule names whole, without ``+`` and ``*``; the loopback says nothing."""
    for found in (_IN_NFT if line.kind == "nft" else _IN_SAVE).findall(line.text):
        yield from (name for name in _NO_NAME.split(found) if name and name != "lo" and "*" not in name)
