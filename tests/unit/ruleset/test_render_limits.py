"""A template that asks for too much is stopped, and soon."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from jinja2 import DictLoader

from lab.errors import InputError
from lab.ruleset.render import MAX_CHARACTERS
from lab.ruleset.sandbox import Budget, PolicyEnvironment, TooMuch
from lab.ruleset.template import render

DOUBLING = "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(60) %}{% set ns.x = EXPRESSION %}{% endfor %}"

TOO_MUCH = {
    "a long range": "{% for i in range(10**9) %}x{% endfor %}",
    "much output": "{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}",
    "much captured text": "{% set x %}{% for i in range(100000) %}" + "y" * 10000 + "{% endfor %}{% endset %}",
    "repetition": "{{ 'x' * 10**10 }}",
    "repetition from the left": "{{ 10**10 * 'x' }}",
    "a list repeated": "{{ [1] * 10**10 }}",
    "power": "{{ 10 ** (10 ** 10) }}",
    "squares": DOUBLING.replace("'aaaaaaaaaa'", "7").replace("EXPRESSION", "ns.x * ns.x"),
    "doubling by ~": DOUBLING.replace("EXPRESSION", "ns.x ~ ns.x"),
    "doubling by +": DOUBLING.replace("EXPRESSION", "ns.x + ns.x"),
    "doubling by join": DOUBLING.replace("EXPRESSION", "[ns.x, ns.x]|join"),
    "doubling by replace": DOUBLING.replace("EXPRESSION", "ns.x|replace('a', 'aa')"),
    "doubling by str.replace": DOUBLING.replace("EXPRESSION", "ns.x.replace('a', 'aa')"),
    "doubling by str.join": DOUBLING.replace("EXPRESSION", "'a'.join([ns.x, ns.x])"),
    "doubling by %": DOUBLING.replace("EXPRESSION", "'%s%s' % (ns.x, ns.x)"),
    "a wide %": "{{ '%1000000000d' % 1 }}",
    "a wide % by a value": "{{ '%*d' % (1000000000, 1) }}",
    "a wide format": "{{ '{:>1000000000}'.format(1) }}",
    "a wide format by a value": "{{ '{:>{}}'.format(1, 1000000000) }}",
    "the filter center": "{{ 'x'|center(10**10) }}",
    "the filter indent": "{{ ('x\n' * 10000)|indent(100000) }}",
    "the method ljust": "{{ 'x'.ljust(10**10) }}",
    "many wide values": "{{ range(100000)|map('center', 100000)|list|length }}",
    "recursion": "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
    "an include of itself": "{% include 'r.j2' %}",
    "deep brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "deep loops": "{% for i in [1] %}" * 30 + "{% endfor %}" * 30,
}


@pytest.mark.parametrize("text", TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_too_much_is_an_input_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.j2").write_text(text)
    began = time.process_time()
    with pytest.raises(InputError) as refused:
        render(tmp_path / "r.j2", {}, {}, {})
    assert time.process_time() - began < 5
    assert str(refused.value).startswith(f"{tmp_path.name}/r.j2")


@pytest.mark.parametrize("text", [
    "{{ '%1000000000d' % 1 }}", "{{ '%*d' % (10**9, 1) }}", "{{ '{:>1000000000}'.format(1) }}",
    "{{ '{:>{}}'.format(1, 10**9) }}", "{{ '%1000000000d'|format(1) }}",
])
def test_a_wide_format_is_refused_before_it_is_made(text: str) -> None:
    environment = PolicyEnvironment(DictLoader({"r": text}), {}, Budget())
    with pytest.raises(TooMuch, match="formats too wide"):
        environment.get_template("r").render()


def test_one_text_may_not_be_larger_than_a_ruleset() -> None:
    Budget().spend(MAX_CHARACTERS)
    with pytest.raises(TooMuch, match="16 MiB"):
        Budget().spend(MAX_CHARACTERS + 1)


LONG = {
    "nested loops": "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
    "a tree of macros": "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "a tree of includes": "{% set n = (n or 0) + 1 %}{% if n < 60 %}{% include 'r' %}{% include 'r' %}{% endif %}",
    "filters": "{% for i in range(100000) %}{{ range(100000)|map('upper')|list|length }}{% endfor %}",
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
def test_time_is_up(text: str) -> None:
    environment = PolicyEnvironment(DictLoader({"r": text}), {}, Budget(seconds=0.2))
    began = time.monotonic()
    with pytest.raises(TooMuch, match=r"longer than 0\.2 s"):
        environment.get_template("r").render(n=0)
    assert time.monotonic() - began < 5


def test_a_large_ruleset_is_not_too_much(tmp_path: Path) -> None:
    (tmp_path / "r.j2").write_text(
        "*filter\n{% for i in range(10000) %}\n-A FORWARD -p tcp --dport {{ i }} -j ACCEPT\n{% endfor %}\nCOMMIT\n"
    )
    rendered = render(tmp_path / "r.j2", {}, {"trim_blocks": True}, {})
    assert len(rendered.sources) == 10002
    assert rendered.sources[5000] == f"{tmp_path.name}/r.j2:3"


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "r.rules").write_text("#" * (16 * 2**20 + 1))
    with pytest.raises(InputError, match="larger than 16 MiB"):
        render(tmp_path / "r.rules", {}, {}, {})
