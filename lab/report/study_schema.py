"""The JSON Schemas (draft 2020-12) of what `lab sweep --json` and `lab exposure --json` write.

Each has a version.  Within a version keys are only ever added; one that goes, or changes its meaning, makes a new version.
"""

from __future__ import annotations

from lab.record.verdict import Kind
from lab.report import exposure, sweep
from lab.report.schema_parts import (
    DRAFT,
    EXIT_CODES,
    Schema,
    boolean,
    count,
    keys,
    nullable,
    number,
    problem_records,
    rule,
    text,
    texts,
)

_RANGES: Schema = {
    "type": "array",
    "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
    "description": "ascending ranges, both ends included",
}


def sweep_schema() -> Schema:
    """Return the schema of ``lab sweep --json``."""
    return {
        "$schema": DRAFT,
        "$id": f"urn:netfilter-lab:schema:sweep:{sweep.VERSION}",
        "title": f"netfilter-lab: sweeps, version {sweep.VERSION}",
        **keys({
            "version": {"const": sweep.VERSION},
            **_ending("of `lab sweep`"),
            "sweeps": {"type": "array", "items": _sweep(), "description": "those that were finished"},
        }),
        "$defs": {"rule": rule(), "arrived": _arrived()},
    }


def _ending(of: str) -> dict[str, object]:
    return {
        "exit_code": {"enum": [*EXIT_CODES], "description": of},
        "interrupted": boolean("true after Ctrl-C, SIGTERM or SIGHUP: what was finished"),
        "problems": texts("what stopped it"),
        "problem_records": problem_records(),
    }


def _sweep() -> Schema:
    return keys({
        "of": text("who asked whom for what"),
        "backend": {"enum": ["nft", "legacy"]},
        "gear": {"enum": ["rule", "verdict"], "description": "how it was proven; notes tell of another one"},
        "count": count("ports or sources with a verdict"),
        "lost": count("of these, those of which nothing is proven"),
        "seconds": number("wall time"),
        "repeats": count("pieces sent again after a detected overflow"),
        "notes": texts("what else the reader must know"),
        "groups": {"type": "array", "items": _group(), "description": "by verdict, rule and translation"},
    })


def _group() -> Schema:
    group = keys({
        "count": count("ports or sources in it"),
        "verdict": {"enum": [str(kind) for kind in Kind]},
        "node": nullable("string", "where the packet ended"),
        "reject": nullable("string", "the kind of a REJECT, in iptables' words"),
        "muted": boolean("a REJECT whose answer the sender never saw"),
        "rule": _or_null("rule", "the deciding rule, in the rule gear"),
        "arrived": _or_null("arrived", "how it was delivered"),
        "unsettled": nullable("string", "a rule that remembers what it saw, in whose way the packets were"),
        "proof": text("what the verdict of the first of them rests on"),
    })
    one_of: list[Schema] = [{**keys({"ports": _RANGES})}, {**keys({"sources": texts("those that were asked from")})}]
    return {**group, "oneOf": one_of}


def exposure_schema() -> Schema:
    """Return the schema of ``lab exposure --json`` and ``--save``."""
    return {
        "$schema": DRAFT,
        "$id": f"urn:netfilter-lab:schema:exposure:{exposure.VERSION}",
        "title": f"netfilter-lab: what is exposed, version {exposure.VERSION}",
        **keys({
            "version": {"const": exposure.VERSION},
            "topology": text("the topology's name"),
            "questions": count("pairs and protocols, of 65,535 ports each"),
            "swept": count("of these, those with a packet for each port"),
            "seconds": number("wall time of the questions"),
            **_ending("of `lab exposure`"),
            "exposures": {"type": "array", "items": _exposure()},
            "not_proven": texts("questions of which something is not proven"),
            "unsettled": texts("questions that a rule which remembers decides"),
            "added": _changes("open now and not before; null without --against"),
            "gone": _changes("open before and not now; null without --against"),
            "notes": texts("what else the reader must know"),
        }),
        "$defs": {"rule": rule(), "arrived": _arrived()},
    }


def _place() -> dict[str, object]:
    return {
        "from": text("the node that asks"),
        "to": text("what the address is called"),
        "address": text("that was asked"),
        "family": {"enum": [4, 6]},
        "proto": {"enum": ["tcp", "udp"]},
        "ports": _RANGES,
    }


def _exposure() -> Schema:
    return keys({
        **_place(),
        "zone": text("the network of the node that asks"),
        "source": text("its address"),
        "into": text("the network of the address; beyond: none"),
        "verdict": {"enum": [str(kind) for kind in Kind]},
        "arrived": _or_null("arrived", "how it was delivered"),
        "rule": _or_null("rule", "the rule that let it in"),
        "owner": nullable("string", "of the rule, by its comment, or of the row's exception"),
        "ticket": nullable("string", "likewise"),
        "review": nullable("string", "likewise: a date"),
        "asserted_by": texts("rows that expect it"),
        "unasserted": _RANGES,
        "unsettled": nullable("string", "a rule that remembers what it saw, in whose way the packets were"),
    })


def _changes(description: str) -> Schema:
    return {"type": ["array", "null"], "items": keys(_place()), "description": description}


def _or_null(name: str, description: str) -> Schema:
    return {"anyOf": [{"$ref": f"#/$defs/{name}"}, {"type": "null"}], "description": description}


def _arrived() -> Schema:
    return keys({
        "at": nullable("string", "the node; null: it was let through, and no node of the topology is there"),
        "address": nullable("string", "the address that it came to, or left for; null: the one that was asked"),
        "port": nullable("integer", "the port that it came to; null: the one that was asked"),
        "source": nullable("string", "the source that it came from; null: the one that it was sent from"),
        "missing": nullable("string", "what no node of the topology has: that address, or a router's on the way there"),
    })
