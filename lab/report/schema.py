"""The JSON Schema (draft 2020-12) of the results of a run, which `lab run --json` writes.

It has a version.  Within a version keys are only ever added; one that goes, or changes its
meaning, makes a new version.
"""

from __future__ import annotations

from lab.record.result import Outcome
from lab.record.verdict import Kind
from lab.report.run_json import VERSION
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


def result_schema() -> Schema:
    """Return the schema of ``lab run --json``."""
    return {
        "$schema": DRAFT,
        "$id": f"urn:netfilter-lab:schema:result:{VERSION}",
        "title": f"netfilter-lab: the results of a run, version {VERSION}",
        **keys({
            "version": {"const": VERSION},
            "summary": _summary(),
            "exit_code": {"enum": [*EXIT_CODES], "description": "of `lab run`; 130 after Ctrl-C, 143 SIGTERM, 129 SIGHUP"},
            "interrupted": boolean("true after Ctrl-C, SIGTERM or SIGHUP: the cells are those that were finished"),
            "problems": texts("what stopped a matrix, or the run"),
            "problem_records": problem_records(),
            "notes": texts("what else the reader of the results must know"),
            "cells": {"type": "array", "items": _cell(), "description": "in the order of the matrix files"},
            "comparisons": {"type": "array", "items": _comparison(), "description": "the same flows in two ways"},
            "machine": {"type": "object", "description": "kernel, iptables version and backend, rulesets, sysctls"},
        }),
        "$defs": {
            "rule": rule(),
            "conntrack": _conntrack(),
            "packet": _packet(),
            "arrived": _arrived(),
            "decided": keys({"node": text("a traced node on the way"), "rule": {"$ref": "#/$defs/rule"}}),
            "step": _step(),
        },
    }


def _summary() -> Schema:
    classes = {name: count(f"cells that are {name}") for name in ("passed", "fail_open", "fail_closed", "mismatch")}
    return keys({
        "cells": count("passed + fail_open + fail_closed + mismatch + errors"),
        **classes,
        "errors": count("cells whose measurement failed"),
        "suspect": count("cells denied, but perhaps for the wrong reason; counted beside the classes"),
        "seconds": number("wall time of the run"),
        "repeats": count("probes sent again after a detected failure of the instrument, or for more evidence"),
    })


def _cell() -> Schema:
    group = {"ports": text("as a person writes them: `1-442,444-65535`"), "count": count("ports in it"), **_verdict()}
    return keys({
        "id": text("`matrix::row[from->to service]`, with `/6` for IPv6"),
        "matrix": text("the matrix's name"),
        "row": text("the row's name"),
        "where": text("file and line of the row"),
        "from": text("as the matrix writes it"),
        "to": text("as the matrix writes it"),
        "service": text("as the matrix writes it"),
        "family": {"enum": [4, 6]},
        "at": text("the node under test"),
        "way": _way(),
        "source": text("the address that it was sent from"),
        "kernel_source": nullable("string", "what the sender's kernel would choose; null: it has one, or the row names one"),
        "expected": text("allow, drop, reject or deny, and what else must hold"),
        "result": {"enum": [str(outcome) for outcome in Outcome]},
        "suspect": boolean("denied outside the filter table, or by the INVALID or rpfilter rule, and no rule named"),
        "known": boolean("fails as its `known:` entry says, and therefore counts as passed"),
        "differences": texts("each difference between expected and actual"),
        "hints": texts("what probably mends it"),
        "warnings": texts("what `--strict` would fail"),
        "notes": texts("what else the reader must know, such as another verdict from other source ports"),
        "ports": count("ports probed; 1 for a protocol without ports"),
        "groups": {"type": "array", "items": keys(group), "description": "not empty when a range's ports differ"},
        **_verdict(),
        "conntrack": {
            "anyOf": [{"$ref": "#/$defs/conntrack"}, {"type": "null"}],
            "description": "the flow's entry at the node under test, read before anything was closed",
        },
        "conntrack_elsewhere": {"type": "array", "items": {"$ref": "#/$defs/conntrack"}},
        "path": {"type": "array", "items": {"$ref": "#/$defs/step"}, "description": "the request's first packet"},
        "probe_us": number("microseconds that the probe took"),
    })


def _way() -> Schema:
    names = {"type": "object", "additionalProperties": {"type": "string"}}
    return keys({
        "backend": {"enum": ["nft", "legacy"], "description": "which iptables loaded the rulesets"},
        "policies": {**names, "description": "the policy's name for each node that has one"},
        "revision": nullable("string", "tells policies of one name apart; null where nobody gave one"),
    })


def _verdict() -> dict[str, Schema]:
    return {
        "verdict": {"enum": [str(kind) for kind in Kind]},
        "proof": text("what the verdict rests on, in one sentence"),
        "packet": nullable("string", "the first packet that did not get through: SYN, ACK, data, answer, …"),
        "node": nullable("string", "where that happened"),
        "reject": nullable("string", "the kind of a REJECT, in iptables' words"),
        "muted": boolean("a REJECT whose answer the sender never saw"),
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
    contrast = keys({
        "flow": text("its id, in the first way"),
        "left": text("the verdict there, in words"),
        "right": text("the verdict in the second way"),
    })
    return keys({
        "left": text("the first way: IPv4, nft"),
        "right": text("the second: IPv6, legacy"),
        "flows": {"type": "integer", "description": "how many flows were run in both ways"},
        "differ": {"type": "array", "items": contrast, "description": "those of them whose verdict differs"},
    })


def _step() -> Schema:
    return keys({
        "node": text("where"),
        "hook": text("the hook that the chain was called from"),
        "table": text("the table"),
        "chain": text("the chain"),
        "number": nullable("integer", "the rule's place; null for a policy, or for the end of a chain"),
        "comment": nullable("string", "the rule's comment"),
        "verdict": text("accept, drop, continue, return, jump CHAIN, goto CHAIN, queue, stolen"),
        "source": nullable("string", "the template's file and line"),
    })


def _arrived() -> Schema:
    return keys({
        "at": text("the node"),
        "address": text("the address that the packet came to"),
        "port": nullable("integer", "the port that it came to"),
        "from": text("the source that the receiver saw"),
        "sport": nullable("integer", "the source port that the receiver saw"),
    })


def _conntrack() -> Schema:
    return keys({
        "node": text("whose table it is in"),
        "state": text("the TCP state; ESTABLISHED or NEW for another protocol"),
        "assured": boolean("status has ASSURED"),
        "status": texts("conntrack's words: SEEN_REPLY, ASSURED, CONFIRMED, SRC_NAT, DST_NAT, …"),
        "mark": count("the entry's mark"),
        "timeout_s": {"type": "integer", "description": "seconds until it would expire"},
        "original": {"$ref": "#/$defs/packet"},
        "reply": {"$ref": "#/$defs/packet"},
    })


def _packet() -> Schema:
    return keys({
        "family": {"enum": [4, 6]},
        "proto": count("the IP protocol's number"),
        "source": text("address"),
        "sport": nullable("integer", "source port; an echo's identifier"),
        "destination": text("address"),
        "dport": nullable("integer", "destination port; an echo's sequence number"),
    })
