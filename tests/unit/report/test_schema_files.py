from __future__ import annotations

import json
from pathlib import Path

import pydantic
import pytest

from lab.report.wire.schema import own_schemas
from lab.written.schema import json_schemas

PYDANTIC = tuple(map(int, pydantic.VERSION.split(".")[:2]))
FOLDER = Path(__file__).parents[3] / "schemas"


OF_PEOPLE = json_schemas()
OWN = own_schemas()


def shipped(name: str) -> object:
    return json.loads((FOLDER / f"{name}.schema.json").read_text())


@pytest.mark.skipif(PYDANTIC < (2, 11), reason="before 2.11 pydantic words defaults in another way")
@pytest.mark.parametrize("name", OF_PEOPLE)
def test_the_shipped_schema_is_that_of_the_code(name: str) -> None:
    assert shipped(name) == OF_PEOPLE[name], "run `lab schema --write schemas`"


@pytest.mark.parametrize("name", OWN)
def test_the_shipped_schema_of_what_the_lab_writes_is_that_of_any_pydantic(name: str) -> None:
    assert shipped(name) == OWN[name], "run `lab schema --write schemas`"
