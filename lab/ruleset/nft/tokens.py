"""The pieces of an nft script, as nft's own scanner cuts it where it matters.

A string ends at the next double quote, whatever stands before it (there is no escape), and may run over lines.  A comment
ends with its line, also behind a backslash.  A backslash right before the end of a line joins the next line to it.
"""

from __future__ import annotations

import re

# In this order: string, comment, joined line, separators and braces, other text, and a quote that is never closed.
TOKEN = re.compile(r'"[^"]*"|#[^\n]*|\\\n|[\n;{}]|(?:[^"#\\\n;{}]|\\(?!\n))+|"')
# What stands in a table, and begins no command.
FRAGMENT = re.compile(
    r"(?:chain|set|map|flowtable)\s+[\w/.-]+\s*\Z|type\s+\w+\s+hook\b|(?:iif|oif)(?:name)?\s|ip6?\s+[sd]addr\b"
    r"|(?:tcp|udp)\s+[sd]port\b|ct\s+state\b|meta\s+\w|(?:accept|drop|masquerade)\s*\Z|jump\s+\S+\s*\Z|counter\s+packets\b"
)
STRING = re.compile(r'"[^"]*"')
FAMILY = r"(?:ip|ip6|inet|arp|bridge|netdev)"
NAME = r"[A-Za-z_.][\w/.-]*"


def flat(piece: str) -> str:
    """A part of a script with its joined lines made one; every character keeps its place."""
    return piece.replace("\\\n", "  ") if "\\" in piece else piece


def without_strings(text: str) -> str:
    """The text with every string emptied, so that words in it are not taken for nft's."""
    return STRING.sub('""', text) if '"' in text else text
