from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pydantic
import pytest

from lab.report.wire.schema import bench_schema, exposure_schema, result_schema, sweep_schema
from lab.written.schema import json_schemas

PYDANTIC = tuple(map(int, pydantic.VERSION.split(".")[:2]))
FOLDER = Path(__file__).parents[3] / "schemas"


def all_schemas() -> dict[str, Mapping[str, object]]:
    own = {"result": result_schema(), "bench": bench_schema(), "sweep": sweep_schema(), "exposure": exposure_schema()}
    return {**json_schemas(), **own}


@pytest.mark.skipif(PYDANTIC < (2, 11), reason="before 2.11 pydantic words defaults in another way")
@pytest.mark.parametrize("name", all_schemas())
def test_the_shipped_schema_is_that_of_the_code(name: str) -> None:
    written = json.loads((FOLDER / f"{name}.schema.json").read_text())
    assert written == all_schemas()[name], "run `lab schema --write schemas`"
