"""Which cells are swept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.run.ways.swept import is_swept
from lab.written.cell import Cell, Service, Target, ToMany
from tests.unit.verdict.made import cell

MANY = Service("tcp/1-128", "tcp", ((1, 128),))


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (cell("drop", service=MANY), True),
        (cell("reject", service=MANY), True),
        (cell("drop", service=Service("tcp/1-127", "tcp", ((1, 127),))), False),
        (cell("allow", service=MANY), False),
        (replace(cell("drop", service=MANY), flags=("ack",)), False),
        (replace(cell("drop", service=MANY), sport=53), False),
        (replace(cell("drop", service=MANY), mark=1), False),
        (replace(cell("drop", service=MANY), uid=0), False),
        (replace(cell("drop", service=MANY), to_many=ToMany("lan", ("gateway",))), False),
        (replace(cell("drop", service=MANY), target=Target("127.0.0.1", cell().sender.node, "itself")), False),
    ],
)
def test_many_ports_none_of_which_must_be_let_through(of: Cell, expected: bool) -> None:
    assert is_swept(of) is expected
