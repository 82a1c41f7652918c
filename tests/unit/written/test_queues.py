"""Who reads the queues of a node, and what is said of what cannot be meant."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lab.written.queues import MOST, Queues, Reader
from lab.written.topology import Topology


def read(**queues: Any) -> dict[int, Reader]:
    return dict(Queues.model_validate(queues).readers)


def test_each_verdict_takes_numbers_ranges_and_marks() -> None:
    assert read(accept=[3, "5-6", {"queue": 9, "mark": "0x10"}], drop="0", repeat={"queue": 7, "mark": 1}) == {
        3: Reader("accept"), 5: Reader("accept"), 6: Reader("accept"), 9: Reader("accept", 16), 0: Reader("drop"),
        7: Reader("repeat", 1),
    }  # fmt: skip
    assert read() == read(accept=[]) == {}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"accept": "x"}, "'x' is no queue: write its number, 0 to 65535, or a range like 4-7"),
        ({"accept": -1}, "-1 is no queue"),
        ({"accept": True}, "True is no queue"),
        ({"accept": 65536}, "65536 is no queue"),
        ({"accept": "7-4"}, "'7-4' is no queue"),
        ({"accept": {"queue": 1, "mark": -1}}, "-1 is not a mark"),
        ({"accept": [1, "0-3"]}, "queue 1 stands twice under accept"),
        ({"accept": 4, "drop": "2-4"}, "queue 4 stands under accept and under drop"),
        ({"drop": f"0-{MOST}"}, f"these are more than {MOST} queues"),
        ({"repeat": 3}, "what queue 3 repeats would come to the same rule again, for ever"),
        ({"acept": 3}, "acept"),
    ],
)
def test_what_cannot_be_meant(written: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Queues.model_validate(written)


def test_a_topology_is_told_as_it_was_written() -> None:
    queues = {"accept": [3, {"queue": "4-7", "mark": 2}], "drop": 9}
    node = {"role": "gateway", "interfaces": {"lan": "10.0.0.1"}, "queues": queues}
    topology = Topology.model_validate({"topology": "t", "networks": {"lan": "10.0.0.0/24"}, "nodes": {"gateway": node}})
    again = Topology.model_validate(topology.model_dump(mode="json", by_alias=True))
    assert again.nodes["gateway"].queues == topology.nodes["gateway"].queues
    assert again.nodes["gateway"].queues is not None
    assert again.nodes["gateway"].queues.readers == {
        3: Reader("accept"), **dict.fromkeys(range(4, 8), Reader("accept", 2)), 9: Reader("drop"),
    }  # fmt: skip
