"""What a YAML file may hold: numbers of some length, so many values and problems; and what the variables of templates may."""

from __future__ import annotations

import time
from datetime import date

import pytest

from lab.errors import InputError
from lab.written import yaml_source
from lab.written.yaml_source import MAX_PROBLEMS, read_yaml


def refused(text: str, *, free: yaml_source.Free = ()) -> InputError:
    with pytest.raises(InputError) as error:
        read_yaml(text, "a.yaml", free=free)
    return error.value


@pytest.mark.parametrize("free", [(), ("b",), ...], ids=["strict", "free key", "all free"])
@pytest.mark.parametrize("number", ["0x" + "f" * 4000, "7" * 4000, "-" + "7" * 4000, "0" * 4000 + "1", "1" * 4000 + ".5"])
def test_a_number_of_thousands_of_digits(number: str, free: yaml_source.Free) -> None:
    told = str(refused(f"a: 1\nb: {number}\n", free=free))
    assert told.startswith("a.yaml:2:4: ")
    assert "is a number of 4,0" in told
    assert "quote it" in told
    assert len(told) < 200


def test_quoted_it_is_text() -> None:
    assert read_yaml(f'a: "{"7" * 4000}"\n', "a.yaml").data == {"a": "7" * 4000}


def test_a_hundred_problems_are_enough() -> None:
    problems = refused("".join(f"a{number}: on\n" for number in range(5000))).problems
    assert len(problems) == MAX_PROBLEMS + 1
    assert "more is wrong" in problems[-1].what


def test_the_slow_parser_reads_no_large_file(monkeypatch: pytest.MonkeyPatch) -> None:
    every = "".join(yaml_source._STAND_INS)
    began = time.process_time()
    assert len(read_yaml(f"{every[0]}: [" + "x:y," * 50_000 + "x]\n", "a.yaml").data[every[0]]) == 50_001
    assert time.process_time() - began < 5
    monkeypatch.setitem(__import__("sys").modules, "_ruamel_yaml", None)
    assert "which takes minutes without libyaml" in str(refused("a: [" + "x," * 200_000 + "x]\n"))


FREE = {
    "010": 10, "0o17": 15, "0b11": 3, "0x1F": 31, "-0x1F": -31, "+5": 5, "1_000": 1000, "1.10": 1.1, ".5": 0.5, "1e3": 1000.0,
    ".inf": float("inf"), "22:30": "22:30", "2027-01-31": "2027-01-31", "on": "on", "yes": "yes", "true": True, "~": None,
    "10.0.0.0/8": "10.0.0.0/8", "2001:db8::1": "2001:db8::1", "00:53:00:00:00:01": "00:53:00:00:00:01", "0xZZ": "0xZZ",
}  # fmt: skip


@pytest.mark.parametrize(("written", "value"), FREE.items())
def test_a_variable_is_what_yaml_makes_of_it(written: str, value: object) -> None:
    found = read_yaml(f"a: {written}\n", "a.yaml", free=...).data["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("written", FREE)
def test_it_is_what_it_was_to_the_reader_of_before(written: str) -> None:
    from ruamel.yaml import YAML

    before = YAML(typ="safe").load(f"a: {written}\n")["a"]
    assert read_yaml(f"a: {written}\n", "a.yaml", free=...).data["a"] == (str(before) if isinstance(before, date) else before)


def test_variables_are_merged_in_the_order_of_yaml() -> None:
    text = "a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a, z: 4}\nc: {<<: [*a, {x: 7, w: 8}]}\n"
    data = read_yaml(text, "a.yaml", free=...).data
    assert list(data["b"].items()) == [("x", 1), ("y", 3), ("z", 4)]
    assert data["c"] == {"x": 1, "y": 2, "w": 8}
    assert "belongs behind <<" in str(refused("a: {<<: 1}\n", free=...))
    assert "merge keys" in str(refused("a: &a {x: 1}\nb: {<<: *a}\n"))


def test_variables_may_have_keys_of_any_kind_but_none_twice() -> None:
    assert read_yaml("ports: {80: web, true: x}\n", "a.yaml", free=...).data == {"ports": {80: "web", True: "x"}}
    assert "a second time" in str(refused("ports: {80: web, 80: x}\n", free=...))
    assert "cannot be a key" in str(refused("? [a]\n: 1\n", free=...))


def test_a_bomb_of_aliases_ends() -> None:
    text = "a0: &a0 [x]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
    )
    assert "aliases written out" in str(refused(text, free=...))
