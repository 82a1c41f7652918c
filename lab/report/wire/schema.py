"""The JSON Schemas (draft 2020-12) of what the lab writes, made of the documents' own declarations.

Each has a version.  Within a version keys are only ever added; one that goes, or changes its meaning, makes a new version.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lab.report.wire import seen
from lab.report.wire.audit import Audit
from lab.report.wire.bench import Bench
from lab.report.wire.conntrack import Conntrack, Counted
from lab.report.wire.diff import Diff, Difference, Diffs, Flow, RowOutcome, Side
from lab.report.wire.document import adapter, version_of
from lab.report.wire.drifted import Compared, Drifted
from lab.report.wire.drilled import ProofOfDrill, VerifiedDrill
from lab.report.wire.drills import Drills
from lab.report.wire.evidence import BundledFile, Bundles, Manifest
from lab.report.wire.exposure import Exposures
from lab.report.wire.live import LiveLine, LoggedLine
from lab.report.wire.marks import MarkRule, Marks, MarkWay
from lab.report.wire.parts import Arrived, Rule
from lab.report.wire.reconciled import Reconciliation, Rules
from lab.report.wire.rehearsal import Rehearsals
from lab.report.wire.run import Run
from lab.report.wire.service_matrix import ServiceMatrices
from lab.report.wire.status import Link, RuleCount, Status
from lab.report.wire.sweep import Sweeps
from lab.report.wire.tail import Line
from lab.report.wire.trace import Traces
from lab.report.wire.window import Run as WindowRun
from lab.report.wire.window import Total

Schema = dict[str, Any]
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DEFINITIONS = "#/$defs/"
_ORDER = (
    "$ref", "type", "required", "properties", "items", "minItems", "maxItems", "anyOf", "oneOf", "enum", "const", "minimum",
)  # fmt: skip
_OF_A_PROBE = (Rule, seen.Conntrack, seen.Packet, seen.Arrived, seen.Decided, seen.Step)


def result_schema() -> Schema:
    """Of ``lab run --json``."""
    return _document(Run, "result", "the results of a run", _OF_A_PROBE)


def trace_schema() -> Schema:
    """Of ``lab trace --json``."""
    return _document(Traces, "trace", "probes traced one by one", _OF_A_PROBE)


def sweep_schema() -> Schema:
    """Of ``lab sweep --json``."""
    return _document(Sweeps, "sweep", "sweeps", (Rule, Arrived))


def exposure_schema() -> Schema:
    """Of ``lab exposure --json`` and ``--save``."""
    return _document(Exposures, "exposure", "what is exposed", (Rule, Arrived))


def diff_schema() -> Schema:
    """Of ``lab diff --json``."""
    return _document(Diffs, "diff", "what a change changes", (Rule, seen.Arrived, seen.Step, Side, Flow))


def reach_schema() -> Schema:
    """Of ``lab reach --json``."""
    return _document(ServiceMatrices, "reach", "who reaches whom by some services", (Rule,))


def audit_schema() -> Schema:
    """Of ``lab audit --json``."""
    return _document(Audit, "audit", "the questions of an auditor", (Rule, Arrived, seen.Step))


def reconcile_schema() -> Schema:
    """Of ``lab reconcile --json``."""
    parts = Rule, seen.Arrived, seen.Step, Side, Flow
    return _document(Reconciliation, "reconcile", "what a host runs against its policy", parts)


def drift_schema() -> Schema:
    """Of ``lab drift --json``."""
    parts = Rule, seen.Arrived, seen.Step, Side, Flow, Compared, Diff, Rules, Difference
    return _document(Drifted, "drift", "whether a host drifted", parts)


def conntrack_schema() -> Schema:
    """Of ``lab conntrack --json``."""
    return _document(Conntrack, "conntrack", "a table of conntrack", (seen.Packet, Counted))


def marks_schema() -> Schema:
    """Of ``lab marks --json``."""
    return _document(Marks, "marks", "which marks there are, and what they are for", (Rule, MarkRule, MarkWay))


def tail_schema() -> Schema:
    """Of each line of ``lab tail``."""
    return _document(Line, "tail", "a packet that a rule logged", (Rule, seen.Packet))


def live_schema() -> Schema:
    """Of each line of ``lab watch`` and of ``lab tail LAB``."""
    return _document(LiveLine, "live", "a packet at a node of a lab that is up", (Rule, seen.Packet, LoggedLine))


def status_schema() -> Schema:
    """Of ``lab status --json``."""
    return _document(Status, "status", "a look at a lab that is up", (Link, RuleCount))


def rehearse_schema() -> Schema:
    """Of ``lab rehearse --json``."""
    return _document(Rehearsals, "rehearse", "changes rehearsed", (Rule, RowOutcome, WindowRun, Total))


def evidence_schema() -> Schema:
    """Of ``manifest.json`` of a bundle of evidence."""
    return _document(Manifest, "evidence", "a bundle of evidence", (BundledFile,))


def bundles_schema() -> Schema:
    """Of ``lab evidence --json``."""
    return _document(Bundles, "bundles", "bundles of evidence that were verified", (BundledFile,))


def drills_schema() -> Schema:
    """Of ``lab drill list --json``."""
    return _document(Drills, "drills", "the drills that there are", ())


def verified_schema() -> Schema:
    """Of each line of ``lab drill verify --json``."""
    return _document(VerifiedDrill, "verified", "what was proven of a drill", (ProofOfDrill,))


def bench_schema() -> Schema:
    """Of ``lab bench --json``; every figure is null where it was not measured."""
    described = "medians; a figure is null where it was left out or cannot be measured on the machine"
    return _document(Bench, "bench", "speed and size", (), {"description": described})


def own_schemas() -> dict[str, Schema]:
    """The schema of each document that the lab writes, by the name that `lab schema` knows it by.

    >>> {"result", "diff", "drift", "evidence"} <= set(own_schemas())
    True
    """
    return {
        "result": result_schema(), "bench": bench_schema(), "sweep": sweep_schema(), "exposure": exposure_schema(),
        "trace": trace_schema(), "diff": diff_schema(), "reach": reach_schema(), "audit": audit_schema(),
        "reconcile": reconcile_schema(), "conntrack": conntrack_schema(), "marks": marks_schema(), "tail": tail_schema(),
        "live": live_schema(),
        "drift": drift_schema(), "evidence": evidence_schema(), "bundles": bundles_schema(),
        "rehearse": rehearse_schema(), "drills": drills_schema(), "verified": verified_schema(), "status": status_schema(),
    }  # fmt: skip


def _document(kind: type, name: str, title: str, parts: Collection[type], further: Mapping[str, str] = {}) -> Schema:
    """The schema of a document; ``parts`` stand in its ``$defs``, everything else where it is used."""
    found = adapter(kind).json_schema(mode="serialization")
    shaped = _Shape(found.pop("$defs", {}), {part.__name__ for part in parts})
    found.pop("description", None)
    version = version_of(kind)
    return {
        "$schema": _DRAFT,
        "$id": f"urn:netfilter-lab:schema:{name}:{version}",
        "title": f"netfilter-lab: {title}, version {version}",
        **further,
        **shaped(found),
        **({"$defs": {part.__name__.lower(): shaped.definition(part.__name__) for part in parts}} if parts else {}),
    }


class _Shape:
    """From pydantic's schemas to ours: shorter, and with what is used once in its place."""

    def __init__(self, definitions: Mapping[str, Schema], parts: Collection[str]) -> None:
        self._definitions, self._parts = definitions, parts

    def definition(self, name: str) -> Schema:
        """What stands in ``$defs``."""
        return self(self._undescribed(name))

    def __call__(self, schema: Schema) -> Schema:
        """The schema of a value, in our form."""
        found = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        # pydantic of before 2.9 puts a reference that has a description beside it into an allOf
        for referring in (schema, *schema.get("allOf", ())):
            found = self._referred(referring) | found
        for key in ("title", "default", "additionalProperties", *(("type", "enum") if "const" in found else ())):
            found.pop(key, None)
        if "properties" in found:
            found |= _object({key: self(value) for key, value in found["properties"].items()})
        if "enum" in found:
            found.pop("type", None)
        if "prefixItems" in found:
            found["items"] = found.pop("prefixItems")[0]
        if "items" in found:
            found["items"] = self(found["items"])
        if "anyOf" in found:
            found |= _any_of([self(one) for one in found.pop("anyOf")])
        return {key: found[key] for key in (*_ORDER, *found) if key in found}

    def _referred(self, schema: Schema) -> Schema:
        if "$ref" not in schema:
            return {}
        name = schema["$ref"].removeprefix(_DEFINITIONS)
        if name in self._parts:
            return {"$ref": f"{_DEFINITIONS}{name.lower()}"}
        return self._undescribed(name)

    def _undescribed(self, name: str) -> Schema:
        """Without the class's docstring, which not every pydantic gives."""
        return {key: value for key, value in self._definitions[name].items() if key != "description"}


def _any_of(choices: list[Schema]) -> Schema:
    """``"type": ["string", "null"]`` for a value or null; of objects what all have, and what is in one of them alone."""
    some = [one for one in choices if one != {"type": "null"}]
    if len(some) == len(choices):
        first, *others = (one["properties"] for one in choices)
        common = {key: value for key, value in first.items() if all(one.get(key) == value for one in others)}
        return {**_object(common), "oneOf": [one | _object(_without(one["properties"], common)) for one in choices]}
    if len(some) == 1 and isinstance(some[0].get("type"), str):
        return {**some[0], "type": [some[0]["type"], "null"]}
    return {"anyOf": choices}


def _object(properties: Schema) -> Schema:
    """An object that has all of these keys."""
    return {"type": "object", "required": list(properties), "properties": properties}


def _without(properties: Schema, others: Schema) -> Schema:
    return {key: value for key, value in properties.items() if key not in others}
