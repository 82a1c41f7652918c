"""Reading YAML: what is told of text that some reader takes for something else, or that is no YAML."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.written import yaml_source
from lab.written.yaml_source import load_yaml, read_yaml
from lab.written.yaml_text import MAX_BYTES
from tests.unit.written.written import assert_told, told


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("443", 443),
        ("-5", -5),
        ("0x10", 16),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("tcp/443", "tcp/443"),
        ("192.0.2.7", "192.0.2.7"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:db8::1", "2001:db8::1"),
        ("::1", "::1"),
        ("[net:wan, role:client]", ["net:wan", "role:client"]),
        ("{at: world, address: 192.0.2.7}", {"at": "world", "address": "192.0.2.7"}),
        ('"22:30"', "22:30"),
        ("'yes'", "yes"),
        ('"a\\u003ab: c"', "a:b: c"),
        ("|\n  on\n", "on\n"),
        ("1-1023", "1-1023"),
        ("norway", "norway"),
    ],
)
def test_what_scalars_are(text: str, value: object) -> None:
    data = read_yaml(f"key: {text}\n", "f.yaml").data
    assert data == {"key": value}
    assert type(data["key"]) is type(value) or isinstance(value, (list, dict))


@pytest.mark.parametrize(
    ("text", "taken_for"),
    [
        *((word, "a boolean") for word in ("yes", "No", "ON", "off", "y", "N")),
        *((word, "a date") for word in ("2027-01-31", "2027-1-3", "2027-01-31T10:00:00")),
        *((word, "base 60") for word in ("22:30", "1:2:3", "190:20:30.5")),
        *((word, "a float") for word in (".10", "1.", "1.5", "-.5", "1e3", ".inf", ".NaN", "198.51")),
        *((word, "a number") for word in ("1_000", "0o17", "017", "0b11", "+0x1_0")),
    ],
)
@pytest.mark.parametrize("form", ["a: 1\nkey: {}\n", "a: 1\n{}: value\n", "a: 1\nkey: [x, {}]\n"])
def test_a_scalar_that_readers_disagree_on_must_be_quoted(text: str, taken_for: str, form: str) -> None:
    assert_told(lambda: read_yaml(form.format(text), "f.yaml"), 2, text, taken_for, f'quote it: "{text}"')
    quoted = form.format(f'"{text}"')
    assert text in str(read_yaml(quoted, "f.yaml").data)


def test_all_odd_scalars_are_told_at_once() -> None:
    lines = [line for line, _ in told(lambda: read_yaml("a: yes\nb: 1\nc: .10\nd: [22:30, on]\n", "f.yaml"))]
    assert lines == [1, 3, 4, 4]


def test_under_a_free_key_scalars_are_what_yaml_1_2_says() -> None:
    text = "policies: {a: 1.5, b: on, c: [2027-01-31, .5]}\n"
    assert read_yaml(text, "f.yaml", free=("policies",)).data == {"policies": {"a": 1.5, "b": "on", "c": ["2027-01-31", 0.5]}}
    assert len(told(lambda: read_yaml(text, "f.yaml", free=("others",)))) == 4


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, ["'a'", "second time", "line 1"]),
        ("x: {a: 1,\n a: 2}\n", 2, ["'a'", "second time"]),
        ("a: 1\n1: x\n", 2, ["the key 1", 'quote it: "1"']),
        ("a: 1\ntrue: x\n", 2, ["the key true"]),
        ("a: 1\n~: x\n", 2, ["the key null"]),
        ("a: 1\n[a, b]: 1\n", 2, ["cannot be a key"]),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, ["merge keys"]),
        ("a: 1\nb: *nobody\n", 2, ["*nobody"]),
        ("a: 1\nb: &b [*b]\n", 2, ["*b"]),
        ("a: 1\nb: !!python/object:os.system x\n", 2, ["tag", "leave it out"]),
        ("a: 1\nb: !mine {c: d}\n", 2, ["tag", "!mine"]),
        ("a: 1\n---\nb: 2\n", 2, ["second document"]),
        ("a:\n\tb: 1\n", 2, ["tab", "spaces"]),
        ("a: 1\nb: 'x\n", 3, ["not YAML"]),
        ("a: 1\nb: @x\n", 2, ["not YAML", "@"]),
        ("a: 1\nb: c: d\n", 2, ["not YAML", "mapping values"]),
        ("a: 1\nb: x\0y\n", 2, ["0x00", "control"]),
        ("a: 1\nb: \x1b[31m\n", 2, ["0x1b", "control"]),
        ("", 1, ["empty"]),
        ("# only words\n", 1, ["empty"]),
    ],
)
def test_what_is_no_yaml_for_us(text: str, line: int, words: list[str]) -> None:
    assert_told(lambda: read_yaml(text, "f.yaml"), line, *words)


def test_an_alias_stands_for_its_anchor() -> None:
    assert read_yaml("a: &x {k: 1}\nb: *x\n", "f.yaml").data == {"a": {"k": 1}, "b": {"k": 1}}


def test_a_bomb_of_aliases_ends_in_one_message() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 10):
        text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    problems = told(lambda: read_yaml(text, "f.yaml"))
    assert len(problems) == 1
    assert "aliases written out" in problems[0][1]


@pytest.mark.parametrize("brackets", ["[", "{a: "])
def test_deep_nesting_ends_in_one_message(brackets: str) -> None:
    problems = told(lambda: read_yaml("a: " + brackets * 5000, "f.yaml"))
    assert len(problems) == 1
    assert "nested deeper" in problems[0][1]


def test_places_of_keys_values_and_items() -> None:
    document = read_yaml("a:\n  b: [x,\n    z]\n  c: {d: 1}\n", "f.yaml")
    assert str(document.where()) == "f.yaml:1:1"
    assert str(document.where("a", "b", 1)) == "f.yaml:3:5"
    assert str(document.where("a", "c", "d")) == "f.yaml:4:10"
    assert str(document.where("a", "c", "d", key=True)) == "f.yaml:4:7"
    assert str(document.where("a", "c", "nothing", "there")) == "f.yaml:4:6"


def test_a_document_tells_its_places_in_another_process_too() -> None:
    document = read_yaml("a:\n  b: &x [1, {c: 2}]\n  d: *x\n  e:\n", "f.yaml")
    sent = pickle.dumps(document)
    assert b"ruamel" not in sent, "a parser's own marks are of a module that another process may not find"
    there = pickle.loads(sent)
    assert there == document
    assert there.data["a"]["b"] is there.data["a"]["d"]
    for path in ((), ("a",), ("a", "b", 0), ("a", "b", 1, "c"), ("a", "d"), ("a", "d", 1), ("a", "e")):
        for key in (True, False):
            assert there.where(*path, key=key) == document.where(*path, key=key)


@pytest.mark.parametrize(
    ("raw", "line", "word"),
    [
        (b"a: 1\nb: caf\xe9\n", 2, "not UTF-8: byte 0xe9"),
        ("a: 1\n".encode("utf-16"), 1, "not UTF-8"),
        (b"a: 1\n" * (MAX_BYTES // 5 + 1), None, "larger than"),
    ],
)
def test_a_file_that_cannot_be_text(raw: bytes, line: int | None, word: str, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(raw)
    assert_told(lambda: load_yaml(path), line, word)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert load_yaml(path).data == {"a": 1, "b": 2}


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    assert_told(lambda: load_yaml(tmp_path), None, "directory")
    assert_told(lambda: load_yaml(tmp_path / "none.yaml"), None, "no such file")


def test_both_parsers_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [net:wan, 'x:y', {b: role:c}]\nd: 10.0.0.1\ne: >\n  folded\n  text:here\n"
    fast = read_yaml(text, "f.yaml")
    monkeypatch.setattr(yaml_source, "_fast_events", yaml_source._exact_events)
    exact = read_yaml(text, "f.yaml")
    assert fast.data == exact.data == {"a": ["net:wan", "x:y", {"b": "role:c"}], "d": "10.0.0.1", "e": "folded text:here\n"}
    assert fast.where("a", 2, "b") == exact.where("a", 2, "b")


def test_plain_colons_do_not_need_the_slow_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("_ruamel_yaml")

    def refuse(text: str) -> None:
        raise InputError(())

    monkeypatch.setattr(yaml_source, "_exact_events", refuse)
    assert read_yaml("a: [net:wan, role:x, 2001:db8::1]\n", "f.yaml").data == {"a": ["net:wan", "role:x", "2001:db8::1"]}


def test_the_stand_in_of_a_colon_may_be_written_too() -> None:
    assert read_yaml("a: [x\ue000y, net:wan]\n", "f.yaml").data == {"a": ["x\ue000y", "net:wan"]}
