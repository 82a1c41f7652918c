"""What `lab trace --json` writes, and its JSON Schema: the parts are those of a cell in the results of a run.

It has a version.  Within a version keys are only ever added.
"""

from __future__ import annotations

from typing import Any

from lab.record.trace import Trace, TraceReport
from lab.report.run_json import conntrack_json, packet_json, path_json, problem_json, verdict_json
from lab.report.schema import result_schema
from lab.report.schema_parts import DRAFT, EXIT_CODES, Schema, boolean, keys, nullable, problem_records, text, texts

VERSION = 1
_OF_A_CELL = ("verdict", "proof", "packet", "node", "reject", "muted", "rule", "decided", "arrived", "hints", "path")


def trace_json(report: TraceReport) -> dict[str, object]:
    """Return the probes of a command for machines: those that were made, and what stopped the others."""
    return {
        "version": VERSION,
        "exit_code": report.exit_code,
        "interrupted": report.interrupted,
        "problems": [str(problem) for problem in report.problems],
        "problem_records": [problem_json(problem) for problem in report.problems],
        "traces": [_trace(trace) for trace in report.traces],
    }


def _trace(trace: Trace) -> dict[str, object]:
    seen = trace.verdict.observation
    return {
        "of": trace.of,
        "backend": trace.backend,
        "sent": packet_json(seen.sent),
        "expected": trace.expected,
        "differences": list(trace.differences),
        "hints": list(trace.hints),
        "warnings": list(trace.warnings),
        "notes": [*trace.beside, *trace.notes],
        **verdict_json(trace.verdict),
        "conntrack": [conntrack_json(entry) for entry in seen.conntrack],
        "path": path_json(trace.verdict.path),
    }


def trace_schema() -> Schema:
    """Return the schema of ``lab trace --json``."""
    result: dict[str, Any] = result_schema()
    of_a_cell = result["properties"]["cells"]["items"]["properties"]
    trace = keys({
        "of": text("who asked whom for what"),
        "backend": {"enum": ["nft", "legacy"]},
        "sent": {"$ref": "#/$defs/packet"},
        "expected": nullable("string", "what --expect says; null without it"),
        "differences": texts("each difference between expected and actual"),
        "warnings": texts("what may make the verdict another one in life"),
        "notes": texts("what else the reader must know"),
        **{key: of_a_cell[key] for key in _OF_A_CELL},
        "conntrack": {"type": "array", "items": {"$ref": "#/$defs/conntrack"}},
    })
    return {
        "$schema": DRAFT,
        "$id": f"urn:netfilter-lab:schema:trace:{VERSION}",
        "title": f"netfilter-lab: probes traced one by one, version {VERSION}",
        **keys({
            "version": {"const": VERSION},
            "exit_code": {"enum": [*EXIT_CODES], "description": "of `lab trace`"},
            "interrupted": boolean("true after Ctrl-C, SIGTERM or SIGHUP: what was finished"),
            "problems": texts("what stopped it"),
            "problem_records": problem_records(),
            "traces": {"type": "array", "items": trace, "description": "those that were made"},
        }),
        "$defs": result["$defs"],
    }
