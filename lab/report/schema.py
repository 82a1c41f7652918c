"""The JSON Schema (draft 2020-12) of the results of a run, which `lab run --json` writes.

It has a version.  Within a version keys are only ever added; one that goes, or changes its
meaning, makes a new version.
"""

from __future__ import annotations

from collections.abc import Mapping

from lab.record.result import Outcome
from lab.record.verdict import Kind
from lab.report.json import VERSION

Schema = dict[str, object]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def result_schema() -> Schema:
    """Return the schema of ``lab run --json``."""
    return {
        "$schema": _DRAFT,
        "$id": f"urn:netfilter-lab:schema:result:{VERSION}",
        "title": f"netfilter-lab: the results of a run, version {VERSION}",
        **_object({
            "version": {"const": VERSION},
            "summary": _summary(),
            "exit_code": {"enum": [0, 1, 2, 3, 4, 130], "description": "of `lab run`; 130 after Ctrl-C"},
            "interrupted": _boolean("true after Ctrl-C: the cells are those that were finished"),
            "problems": _texts("what stopped a matrix"),
            "notes": _texts("what else the reader of the results must know"),
            "cells": {"type": "array", "items": _cell(), "description": "in the order of the matrix files"},
            "comparisons": {"type": "array", "items": _comparison(), "description": "the same flows in two ways"},
            "machine": {"type": "object", "description": "kernel, iptables version and backend, rulesets, sysctls"},
        }),
        "$defs": {
            "rule": _rule(),
            "conntrack": _conntrack(),
            "packet": _packet(),
            "arrived": _arrived(),
            "decided": _object({"node": _text("a traced node on the way"), "rule": {"$ref": "#/$defs/rule"}}),
            "step": _step(),
        },
    }


def _summary() -> Schema:
    classes = {name: _count(f"cells that are {name}") for name in ("passed", "fail_open", "fail_closed", "mismatch")}
    return _object({
        "cells": _count("passed + fail_open + fail_closed + mismatch + errors"),
        **classes,
        "errors": _count("cells whose measurement failed"),
        "suspect": _count("cells denied, but perhaps for the wrong reason; counted beside the classes"),
        "seconds": _number("wall time of the run"),
        "repeats": _count("probes sent again after a detected failure of the instrument, or for more evidence"),
    })


def _cell() -> Schema:
    group = {"ports": _text("as a person writes them: `1-442,444-65535`"), "count": _count("ports in it"), **_verdict()}
    return _object({
        "id": _text("`matrix::row[from->to service]`, with `/6` for IPv6"),
        "matrix": _text("the matrix's name"),
        "row": _text("the row's name"),
        "where": _text("file and line of the row"),
        "from": _text("as the matrix writes it"),
        "to": _text("as the matrix writes it"),
        "service": _text("as the matrix writes it"),
        "family": {"enum": [4, 6]},
        "at": _text("the node under test"),
        "expected": _text("allow, drop, reject or deny, and what else must hold"),
        "result": {"enum": [str(outcome) for outcome in Outcome]},
        "suspect": _boolean("denied outside the filter table, or by the INVALID or rpfilter rule, and no rule named"),
        "known": _boolean("fails as its `known:` entry says, and therefore counts as passed"),
        "differences": _texts("each difference between expected and actual"),
        "hints": _texts("what probably mends it"),
        "warnings": _texts("what `--strict` would fail"),
        "ports": _count("ports probed; 1 for a protocol without ports"),
        "groups": {"type": "array", "items": _object(group), "description": "not empty when a range's ports differ"},
        **_verdict(),
        "conntrack": {
            "anyOf": [{"$ref": "#/$defs/conntrack"}, {"type": "null"}],
            "description": "the flow's entry at the node under test, read before anything was closed",
        },
        "conntrack_elsewhere": {"type": "array", "items": {"$ref": "#/$defs/conntrack"}},
        "path": {"type": "array", "items": {"$ref": "#/$defs/step"}, "description": "the request's first packet"},
        "probe_us": _number("microseconds that the probe took"),
    })


def _verdict() -> dict[str, Schema]:
    return {
        "verdict": {"enum": [str(kind) for kind in Kind]},
        "proof": _text("what the verdict rests on, in one sentence"),
        "packet": _nullable("string", "the first packet that did not get through: SYN, ACK, data, answer, …"),
        "node": _nullable("string", "where that happened"),
        "reject": _nullable("string", "the kind of a REJECT, in iptables' words"),
        "muted": _boolean("a REJECT whose answer the sender never saw"),
        "rule": {
            "anyOf": [{"$ref": "#/$defs/rule"}, {"type": "null"}],
            "description": "the deciding rule at the node under test",
        },
        "decided": {
            "type": "array",
            "items": {"$ref": "#/$defs/decided"},
            "description": "the deciding rule at every traced node on the way",
        },
        "arrived": {
            "anyOf": [{"$ref": "#/$defs/arrived"}, {"type": "null"}],
            "description": "what the receiver saw; null when nothing came to it",
        },
    }


def _comparison() -> Schema:
    contrast = _object({
        "flow": _text("its id, in the first way"),
        "left": _text("the verdict there, in words"),
        "right": _text("the verdict in the second way"),
    })
    return _object({
        "left": _text("the first way: IPv4, nft"),
        "right": _text("the second: IPv6, legacy"),
        "flows": {"type": "integer", "description": "how many flows were run in both ways"},
        "differ": {"type": "array", "items": contrast, "description": "those of them whose verdict differs"},
    })


def _rule() -> Schema:
    return _object({
        "node": _text("whose rule it is"),
        "family": _text("of its table, in nft's words: ip, ip6, inet, netdev"),
        "table": _text("filter, nat, mangle, raw, security"),
        "chain": _text("the chain's name"),
        "number": _nullable("integer", "place in the chain from 1; null for the chain's policy"),
        "comment": _nullable("string", "the rule's comment"),
        "text": _text("what iptables-save prints of it"),
        "source": _nullable("string", "the template's file and line"),
    })


def _step() -> Schema:
    return _object({
        "node": _text("where"),
        "hook": _text("the hook that the chain was called from"),
        "table": _text("the table"),
        "chain": _text("the chain"),
        "number": _nullable("integer", "the rule's place; null for a policy, or for the end of a chain"),
        "comment": _nullable("string", "the rule's comment"),
        "verdict": _text("accept, drop, continue, return, jump CHAIN, goto CHAIN, queue, stolen"),
        "source": _nullable("string", "the template's file and line"),
    })


def _arrived() -> Schema:
    return _object({
        "at": _text("the node"),
        "address": _text("the address that the packet came to"),
        "port": _nullable("integer", "the port that it came to"),
        "from": _text("the source that the receiver saw"),
        "sport": _nullable("integer", "the source port that the receiver saw"),
    })


def _conntrack() -> Schema:
    return _object({
        "node": _text("whose table it is in"),
        "state": _text("the TCP state; ESTABLISHED or NEW for another protocol"),
        "assured": _boolean("status has ASSURED"),
        "status": _texts("conntrack's words: SEEN_REPLY, ASSURED, CONFIRMED, SRC_NAT, DST_NAT, …"),
        "mark": _count("the entry's mark"),
        "timeout_s": {"type": "integer", "description": "seconds until it would expire"},
        "original": {"$ref": "#/$defs/packet"},
        "reply": {"$ref": "#/$defs/packet"},
    })


def _packet() -> Schema:
    return _object({
        "family": {"enum": [4, 6]},
        "proto": _count("the IP protocol's number"),
        "source": _text("address"),
        "sport": _nullable("integer", "source port; an echo's identifier"),
        "destination": _text("address"),
        "dport": _nullable("integer", "destination port; an echo's sequence number"),
    })


def _object(properties: Mapping[str, object]) -> Schema:
    return {"type": "object", "required": list(properties), "properties": dict(properties)}


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _texts(description: str) -> Schema:
    return {"type": "array", "items": {"type": "string"}, "description": description}


def _boolean(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _number(description: str) -> Schema:
    return {"type": "number", "minimum": 0, "description": description}


def _count(description: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": description}


def _nullable(kind: str, description: str) -> Schema:
    return {"type": [kind, "null"], "description": description}
