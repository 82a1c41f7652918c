"""Which language a ruleset is written in, told by its first statement: cheap, and silent where it is not certain."""

from __future__ import annotations

import re

_NFT_SHEBANG = re.compile(r"#!.*\bnft\b")
_FAMILY = r"(?:ip|ip6|inet|arp|bridge|netdev)"
_NAME = r"[A-Za-z_.][\w/.-]*"
_NFT = re.compile(
    rf"""
    table\s+(?:{_FAMILY}\s+)?{_NAME}\s*(?:\{{|;|\Z)
    | (?:flush|list|reset)\s+(?:ruleset|table|chain|set|map|rules|counters)(?!\S)
    | (?:add|create|insert|replace|delete|destroy)\s+
      (?:table|chain|rule|set|map|element|flowtable|counter|quota|limit|ct)\s+(?:{_FAMILY}\s+)?{_NAME}(?![^\s;])
    | (?:chain|rule|set|map|element|flowtable)\s+{_FAMILY}\s+{_NAME}\s+{_NAME}(?!\S)
    | (?:re)?define\s+\w+\s*=
    | include\s+"
    """,
    re.VERBOSE,
)
_IPTABLES = re.compile(
    r"""
    \*(?:filter|nat|mangle|raw|security|broute)\s*\Z
    | :[\w.+-]+\s+(?:ACCEPT|DROP|QUEUE|RETURN|-)\s*(?:\[\d+:\d+\])?\s*\Z
    | (?:\[\d+:\d+\]\s*)?(?:-[AINPFXRZD]|--append|--insert|--new-chain|--policy)\s*[\w.+-]+(?:\s.*)?\Z
    """,
    re.VERBOSE,
)


def looks_like_nft(text: str) -> bool:
    """Whether the text begins as an nft script does: a table, a command, a definition, an include, or ``#!`` and nft.

    >>> looks_like_nft("table inet filter {")
    True
    """
    if _NFT_SHEBANG.match(text):
        return True
    first = _first_statement(text)
    return first is not None and _NFT.match(first) is not None


def looks_like_iptables_save(text: str) -> bool:
    r"""Whether the text begins as iptables-save's does: ``*filter``, a chain's declaration, or a rule (``-A …``).

    >>> looks_like_iptables_save("# from the wiki\n*filter\n")
    True
    """
    first = _first_statement(text)
    return first is not None and _IPTABLES.match(first) is not None


def _first_statement(text: str) -> str | None:
    """The first line that is neither blank nor a comment, without a carriage return."""
    place = 0
    while place < len(text):
        end = text.find("\n", place)
        end = len(text) if end < 0 else end
        line = text[place:end].strip()
        if line and not line.startswith("#"):
            return line
        place = end + 1
    return None
