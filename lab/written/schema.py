"""JSON Schemas of the files that people write, for editors and other readers."""

from __future__ import annotations

from typing import Any

from lab.written.change import Change
from lab.written.drill import Drill
from lab.written.matrix import Matrix
from lab.written.topology import Topology

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schemas() -> dict[str, dict[str, object]]:
    """The schema of each kind of file, by its name: ``topology``, ``matrix``, ``change`` and ``drill``."""
    return {
        name: {
            "$schema": _DIALECT,
            "$id": f"netfilter-lab/{name}.schema.json",
            **_closed(model.model_json_schema(by_alias=True)),
        }
        for name, model in (("topology", Topology), ("matrix", Matrix), ("change", Change), ("drill", Drill))
    }


def _closed(schema: Any) -> Any:
    """The schema with mappings closed to keys that fit no pattern, which pydantic leaves open."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "patternProperties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed
