"""A run as JSON, version 1: what machines read. The shape is that of ``lab.report.schema.result_schema``."""

from __future__ import annotations

import json
from collections.abc import Iterable

from lab.errors import Problem
from lab.record.observation import Arrival, Conntrack
from lab.record.packet import Packet
from lab.record.path import Path, Rule
from lab.record.result import CellResult, Comparison, RunResult, Summary
from lab.record.verdict import Verdict
from lab.record.way import Way

VERSION = 1


def to_json(result: RunResult) -> dict[str, object]:
    """Return the run as plain dicts, lists, strings and numbers; times are in seconds or, ``_us``, microseconds.

    Within a version keys are only ever added.
    """
    return {
        "version": VERSION,
        "summary": _summary(result.summary),
        "exit_code": result.exit_code,
        "interrupted": result.interrupted,
        "problems": [str(problem) for problem in result.problems],
        "problem_records": [problem_json(told.problem, told.matrix) for told in result.problems],
        "notes": list(result.notes),
        "cells": [_cell(cell) for cell in result.results],
        "comparisons": [_comparison(comparison) for comparison in result.comparisons],
        "machine": result.machine,
    }


def problem_json(problem: Problem, matrix: str = "") -> dict[str, object]:
    """Return what stopped a matrix (or, with an empty ``matrix``, all), with its place in a file."""
    where = problem.where
    return {
        "matrix": matrix,
        "what": problem.what,
        "mend": problem.mend,
        "file": where.file if where else None,
        "line": where.line if where else None,
        "column": where.column if where else None,
    }


def json_text(value: object) -> str:
    r"""Return ``value`` as JSON that no CI takes for a command when the file is printed into its log (``#\u0023[``)."""
    written = json.dumps(value, indent=1).replace("##", r"#\u0023")
    return written.replace("section_start:", r"section\u005fstart:").replace("section_end:", r"section\u005fend:") + "\n"


def path_json(paths: Iterable[Path]) -> list[dict[str, object]]:
    """Return the steps of ``paths`` in order, each as node, hook, table, chain, number, comment, verdict, source."""
    return [
        {
            "node": path.node,
            "hook": step.hook,
            "table": step.table,
            "chain": step.chain,
            "number": step.rule.number if step.rule else None,
            "comment": step.rule.comment if step.rule else None,
            "verdict": step.verdict,
            "source": step.rule.source if step.rule else None,
        }
        for path in paths
        for step in path.steps
    ]


def rule_json(rule: Rule) -> dict[str, object]:
    """Return a rule, or a chain's policy (``number`` null); ``source`` is the template's file and line."""
    return {
        "node": rule.node,
        "family": rule.family,
        "table": rule.table,
        "chain": rule.chain,
        "number": rule.number,
        "comment": rule.comment,
        "text": rule.text,
        "source": rule.source,
    }


def _comparison(comparison: Comparison) -> dict[str, object]:
    return {
        "left": comparison.left,
        "right": comparison.right,
        "flows": comparison.flows,
        "differ": [{"flow": one.flow, "left": one.left, "right": one.right} for one in comparison.contrasts],
    }


def _summary(summary: Summary) -> dict[str, object]:
    return {
        "cells": summary.cells,
        "passed": summary.passed,
        "fail_open": summary.fail_open,
        "fail_closed": summary.fail_closed,
        "mismatch": summary.mismatch,
        "errors": summary.errors,
        "suspect": summary.suspect,
        "seconds": round(summary.seconds, 3),
        "repeats": summary.repeats,
    }


def _cell(cell: CellResult) -> dict[str, object]:
    return {
        "id": cell.id,
        "matrix": cell.matrix,
        "row": cell.row,
        "where": cell.where,
        "from": cell.sender,
        "to": cell.target,
        "service": cell.service,
        "family": cell.family,
        "at": cell.at,
        "way": _way(cell.way),
        "source": cell.source,
        "kernel_source": cell.kernel_source,
        "expected": cell.expected,
        "result": str(cell.outcome),
        "suspect": cell.suspect,
        "known": cell.known,
        "differences": list(cell.differences),
        "hints": list(cell.hints),
        "warnings": list(cell.warnings),
        "notes": list(cell.notes),
        "ports": cell.ports,
        "groups": [{"ports": group.ports, "count": group.count, **_verdict(group.verdict)} for group in cell.groups],
        **_verdict(cell.verdict),
        **_evidence(cell),
        "probe_us": round(cell.probe_us, 1),
    }


def _way(way: Way) -> dict[str, object]:
    return {"backend": way.backend, "policies": dict(way.policies), "revision": way.revision}


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "verdict": str(verdict.kind),
        "proof": verdict.proof,
        "packet": verdict.packet,
        "node": verdict.node,
        "reject": verdict.reject,
        "muted": verdict.muted,
        "rule": rule_json(verdict.rule) if verdict.rule else None,
        "decided": [{"node": node, "rule": rule_json(rule)} for node, rule in verdict.decided],
        "arrived": _arrival(verdict.arrived) if verdict.arrived else None,
    }


def _evidence(cell: CellResult) -> dict[str, object]:
    entries = cell.verdict.observation.conntrack
    here = next((entry for entry in entries if entry.node == cell.at), None)
    return {
        "conntrack": _conntrack(here) if here else None,
        "conntrack_elsewhere": [_conntrack(entry) for entry in entries if entry is not here],
        "path": path_json(cell.verdict.path),
    }


def _arrival(arrival: Arrival) -> dict[str, object]:
    return {
        "at": arrival.at,
        "address": arrival.address,
        "port": arrival.port,
        "from": arrival.source,
        "sport": arrival.sport,
    }


def _conntrack(entry: Conntrack) -> dict[str, object]:
    return {
        "node": entry.node,
        "state": entry.state,
        "assured": "ASSURED" in entry.status,
        "status": list(entry.status),
        "mark": entry.mark,
        "timeout_s": entry.timeout_s,
        "original": _packet(entry.original),
        "reply": _packet(entry.reply),
    }


def _packet(packet: Packet) -> dict[str, object]:
    return {
        "family": packet.family,
        "proto": packet.proto,
        "source": packet.source,
        "sport": packet.sport,
        "destination": packet.destination,
        "dport": packet.dport,
    }
