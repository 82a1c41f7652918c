"""Values as YAML writes them on one line, each word quoted that a reader of YAML could take for something else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

# begins with a letter, or is an address of IPv4 with or without a length: no reader takes these for a number or a date
_PLAIN = re.compile(r"[A-Za-z][\w./@+-]*(?: [\w./@+-]+)*|\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?", re.ASCII)
_MEANT_OTHERWISE = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")


def flow(value: object) -> str:
    """The value on one line.

    >>> flow({"network": "wan", "address": ["198.51.100.2/24", "2001:db8::2/64"], "mtu": 1400})
    '{network: wan, address: [198.51.100.2/24, "2001:db8::2/64"], mtu: 1400}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _MEANT_OTHERWISE
        return value if is_plain else json.dumps(value, ensure_ascii=not value.isprintable())
    return json.dumps(value)


def comment(text: str, indent: str = "") -> str:
    """A line of a comment, whatever is in the text: what does not print is left out, as it could end the line."""
    return f"{indent}# {_UNPRINTED.sub(' ', text)}".rstrip()
