"""JSON Schemas of the files that people write, for editors and other readers."""

from __future__ import annotations

from lab.spec.matrix import Matrix
from lab.spec.topology import Topology

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schemas() -> dict[str, dict[str, object]]:
    """The schema of each kind of file, by its name: ``topology`` and ``matrix``."""
    return {
        name: {"$schema": _DIALECT, "$id": f"netfilter-lab/{name}.schema.json", **model.model_json_schema(by_alias=True)}
        for name, model in (("topology", Topology), ("matrix", Matrix))
    }
