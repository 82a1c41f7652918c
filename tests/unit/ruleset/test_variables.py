"""A policy's variables, merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError
from lab.ruleset.variables import Part, load_variables


def test_later_wins(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("x: 1\ny: {k: 1}\n")
    (tmp_path / "b.yaml").write_text("y: {j: 2}\n")
    parts: list[Part] = ["a.yaml", {"inline": {"x": 7, "z": [1]}}, tmp_path / "b.yaml", {"env": "z"}]
    assert load_variables(parts, {"z": "out"}, folder=tmp_path) == {"x": 7, "y": {"j": 2}, "z": "out"}


def test_an_environment_variable_is_a_string() -> None:
    assert load_variables([{"env": "PORT"}], {"PORT": "80"}) == {"PORT": "80"}


def test_an_inline_variable_may_be_called_env() -> None:
    assert load_variables([{"inline": {"env": "prod"}}], {"prod": "a secret"}) == {"env": "prod"}


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# nothing\n")
    assert load_variables(["a.yaml"], {}, folder=tmp_path) == {}


@pytest.mark.parametrize(("text", "place", "word"), [
    ("- 1\n", ":1", "mapping"),
    ("1: x\n", ":1", "mapping"),
    ("a: 1\nb: [\n", ":3", "YAML"),
    ("a: 1\na: 2\n", ":2", "second time"),
])
def test_a_file_that_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, place: str, word: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=word) as refused:
        load_variables(["a.yaml"], {}, folder=tmp_path)
    assert str(refused.value).startswith(str(tmp_path / "a.yaml") + place)


def test_all_problems_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9\n")
    with pytest.raises(InputError) as refused:
        load_variables(["no.yaml", {"env": "NO"}, "latin.yaml"], {}, folder=tmp_path)
    assert len(refused.value.problems) == 3
    assert "NO" in str(refused.value.problems[1])
