from __future__ import annotations

import pytest

from lab.bench.table import shown, table


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("deny_us", 68.49, "68.5 µs"),
        ("nc_deny_us", 1_006_000.4, "1,006,000 µs"),
        ("lab3_ms", 251.6, "252 ms"),
        ("exposure_s", 0.01234, "0.0123 s"),
        ("load_ratio", 1.006, "1.01 x"),
        ("rss_mb", 92.26, "92.3 MB"),
        ("backlog", 1000, "1,000"),
        ("rules", 100_000, "100,000"),
        ("ipset_us", None, "-"),
    ],
)
def test_a_value_has_the_unit_of_its_key(key: str, value: object, text: str) -> None:
    assert shown(key, value) == text


def test_each_figure_is_a_line_that_says_what_it_is() -> None:
    lines = table({"version": 1, "deny_us": 68.0, "peers": {"nc_deny_us": 1e6, "nmap_tuned_s": None}}).splitlines()
    assert lines[0] == "the lab"
    assert lines[1].split(maxsplit=3) == ["deny_us", "68", "µs", "a proven deny with its rule"]
    assert lines[2:4] == ["", "beside it"]
    assert lines[4].split(maxsplit=3) == ["nc_deny_us", "1,000,000", "µs", "a deny by `nc -z -w1`"]
    assert len(lines) == 5


def test_what_grows_is_a_table_of_its_own() -> None:
    row = {"rules": 10, "linear_us": 70.0, "tree_us": 80.0, "ipset_us": None}
    text = table({"growth": {"rules": [row, row], "cells": None}})
    heading, keys, one, other = text.splitlines()
    assert heading == "as rules grow"
    assert keys.split() == ["rules", "linear_us", "tree_us", "ipset_us"]
    assert one == other
    assert one.split() == ["10", "70", "µs", "80", "µs", "-"]


def test_nothing_measured_is_an_empty_table() -> None:
    assert table({"version": 1, "deny_us": None, "peers": {"nc_deny_us": None}, "growth": {"rules": None}}) == ""
