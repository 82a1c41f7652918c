"""What JSON Schemas (draft 2020-12) of the lab's own output are put together from."""

from __future__ import annotations

from collections.abc import Mapping

Schema = dict[str, object]

DRAFT = "https://json-schema.org/draft/2020-12/schema"


EXIT_CODES = (0, 1, 2, 3, 4, 129, 130, 143)


def problem_records() -> Schema:
    """Problems with their places."""
    record = keys({
        "matrix": text("whose cells it stopped; empty: it stopped all"),
        "what": text("what is wrong"),
        "mend": text("how to mend it; empty where that is not known"),
        "file": nullable("string", "where it is wrong"),
        "line": nullable("integer", "from 1"),
        "column": nullable("integer", "from 1"),
    })
    return {"type": "array", "items": record, "description": "the problems again, part by part"}


def rule() -> Schema:
    """A rule, or a chain's policy."""
    return keys({
        "node": text("whose rule it is"),
        "family": text("of its table, in nft's words: ip, ip6, inet, netdev"),
        "table": text("filter, nat, mangle, raw, security"),
        "chain": text("the chain's name"),
        "number": nullable("integer", "place in the chain from 1; null for the chain's policy"),
        "comment": nullable("string", "the rule's comment"),
        "text": text("what iptables-save prints of it"),
        "source": nullable("string", "the template's file and line"),
    })


def keys(properties: Mapping[str, object]) -> Schema:
    """An object that has all of these keys."""
    return {"type": "object", "required": list(properties), "properties": dict(properties)}


def text(description: str) -> Schema:
    """A string."""
    return {"type": "string", "description": description}


def texts(description: str) -> Schema:
    """A list of strings."""
    return {"type": "array", "items": {"type": "string"}, "description": description}


def boolean(description: str) -> Schema:
    """True or false."""
    return {"type": "boolean", "description": description}


def number(description: str) -> Schema:
    """A number that is not negative."""
    return {"type": "number", "minimum": 0, "description": description}


def count(description: str) -> Schema:
    """A whole number that is not negative."""
    return {"type": "integer", "minimum": 0, "description": description}


def nullable(kind: str, description: str) -> Schema:
    """A value of a JSON type, or null."""
    return {"type": [kind, "null"], "description": description}
