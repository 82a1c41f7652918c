from __future__ import annotations

import json
import signal
from typing import Any

import jsonschema
import pytest

from lab.bench.figures import Found, Size
from lab.bench.measure import Group, blank, groups, measure
from lab.errors import InputError, Interrupted, MachineError, MeasurementError, Problem
from lab.report.wire.schema import bench_schema


def valid(figures: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(figures))
    jsonschema.Draft202012Validator(bench_schema()).validate(document)
    return document


def lacks(_: Size) -> Found:
    raise MachineError(Problem("there is no such tool"))


def fails(_: Size) -> Found:
    raise MeasurementError(Problem("a probe was lost"))


def finds(_: Size) -> Found:
    rows = [{"cells": 10, "run_s": 0.5}]
    return Found({"deny_us": 68.5, "peers": {"nc_deny_us": 1e6}, "growth": {"cells": rows}}, ("a note",))


def begun(_: str) -> None:
    pass


def test_nothing_measured_has_every_key() -> None:
    document = valid(blank())
    assert document.pop("version") == 1
    assert set(document["peers"].values()) == set(document["growth"].values()) == {None}
    assert {value for key, value in document.items() if key not in ("peers", "growth")} == {None}


def test_what_was_measured_is_in_its_place_and_the_rest_is_null() -> None:
    found = measure([Group("some", finds)], Size(), begun)
    document = valid(found.figures)
    assert document["deny_us"] == 68.5
    assert document["peers"]["nc_deny_us"] == 1e6
    assert document["peers"]["nmap_tuned_s"] is None
    assert document["growth"] == {"rules": None, "cells": [{"cells": 10, "run_s": 0.5}], "nodes": None}
    assert found.notes == ("a note",)


def test_what_the_machine_lacks_costs_its_group_alone() -> None:
    found = measure([Group("other", lacks), Group("some", finds)], Size(), begun)
    assert valid(found.figures)["deny_us"] == 68.5
    assert found.notes == ("other: there is no such tool", "a note")
    assert found.exit_code == 0


def test_a_measurement_that_fails_is_told_and_the_others_are_kept() -> None:
    found = measure([Group("other", fails), Group("some", finds)], Size(), begun)
    assert valid(found.figures)["deny_us"] == 68.5
    assert found.notes == ("other: a probe was lost", "a note")
    assert found.exit_code == 3


def test_what_was_measured_before_a_signal_is_kept() -> None:
    def interrupted(_: Size) -> Found:
        raise Interrupted(signal.SIGTERM)

    found = measure([Group("some", finds), Group("long", interrupted), Group("other", fails)], Size(), begun)
    assert valid(found.figures)["deny_us"] == 68.5
    assert found.notes == ("a note", "interrupted in the midst of long: the figures are of what was finished")
    assert found.exit_code == 143
    with pytest.raises(Interrupted):
        measure([Group("long", interrupted), Group("some", finds)], Size(), begun)


def test_a_machine_that_can_measure_nothing_is_told() -> None:
    with pytest.raises(MachineError, match="no such tool"):
        measure([Group("other", lacks)], Size(), begun)


def test_each_group_is_told_when_it_begins() -> None:
    names: list[str] = []
    measure([Group("one", finds), Group("two", finds)], Size(), names.append)
    assert names == ["one", "two"]


def test_groups_are_chosen_by_name() -> None:
    assert [group.name for group in groups(["loads", "probes"])] == ["probes", "loads"]
    assert len(groups()) > len(groups(["probes"])) == 1
    with pytest.raises(InputError, match="no group of figures 'prob'\n    did you mean 'probes'"):
        groups(["prob"])
