"""Templates rendered, each line with the place it was written in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.ruleset.render import Rendered
from lab.ruleset.template import render

TRIMMED = {"trim_blocks": True, "lstrip_blocks": True}


class Policy:
    """A policy's folder, and what renders one of its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def __call__(
        self, text: str, options: Mapping[str, object] | None = None, /, file: str = "r.rules.j2", **variables: object
    ) -> Rendered:
        (self.folder / file).write_text(text, newline="")
        return render(self.folder / file, variables, options or {}, {"name": "stage"})


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    return Policy(tmp_path / "policies")


def places(rendered: Rendered) -> list[tuple[str, str]]:
    lines = rendered.text.split("\n")
    if rendered.text.endswith("\n"):
        lines.pop()
    assert len(lines) == len(rendered.sources)
    return [(line, str(source).removeprefix("policies/")) for line, source in zip(lines, rendered.sources, strict=True)]


MACRO = """{% macro allow(port, who) %}
-A FORWARD -p tcp --dport {{ port }} -m comment --comment "{{ who }}" -j ACCEPT
{% endmacro %}
"""
TEMPLATE = """{% from 'm.j2' import allow %}
*filter
{% for port in ports %}
{{ allow(port, 'x') -}}
{% endfor %}
{{ '-A FORWARD -j LOG' }}
{{ "one\\ntwo" }} three
{%- if ports %}
 four
{% endif %}
{% set kept %}
  -A kept
{% endset %}
{{ kept|upper|trim }}
{% filter lower %}
-A LOW
{% endfilter %}
{% raw %}
{{ raw }}
{% endraw %}
{# a
comment #}
-A FORWARD {{
  ports|join(',')
}} end
    {% include 'sub/tail.j2' %}
COMMIT
"""


def test_every_line_knows_where_it_was_written(policy: Policy) -> None:
    (policy.folder / "m.j2").write_text(MACRO)
    (policy.folder / "sub").mkdir()
    (policy.folder / "sub" / "tail.j2").write_text("\n-A FORWARD -j DROP\n")
    assert places(policy(TEMPLATE, TRIMMED, ports=[80, 443])) == [
        ("*filter", "r.rules.j2:2"),
        ('-A FORWARD -p tcp --dport 80 -m comment --comment "x" -j ACCEPT', "m.j2:2"),
        ('-A FORWARD -p tcp --dport 443 -m comment --comment "x" -j ACCEPT', "m.j2:2"),
        ("-A FORWARD -j LOG", "r.rules.j2:6"),
        ("one", "r.rules.j2:7"),
        ("two three four", "r.rules.j2:7"),
        ("-A KEPT", "r.rules.j2:14"),
        ("-a low", "r.rules.j2:16"),
        ("", "r.rules.j2:18"),
        ("{{ raw }}", "r.rules.j2:19"),
        ("-A FORWARD 80,443 end", "r.rules.j2:23"),
        ("", "sub/tail.j2:1"),
        ("-A FORWARD -j DROP", "sub/tail.j2:2"),
        ("COMMIT", "r.rules.j2:27"),
    ]


def test_a_rendering_that_marks_would_change_is_the_one_without(policy: Policy) -> None:
    rendered = policy("{% set x %}ab{% endset %}\n-A n{{ x|length }}\nlast\n", TRIMMED)
    assert rendered.text == "-A n2\nlast\n"
    assert rendered.sources == (None, "policies/r.rules.j2:3")


def test_trimmed_text_keeps_its_place(policy: Policy) -> None:
    (policy.folder / "m.j2").write_text("{% macro both() %}\n-A one\n-A two\n{% endmacro %}\n")
    rendered = policy("{% from 'm.j2' import both %}\n*filter\n{{ both()|trim }}\nCOMMIT\n", TRIMMED)
    assert places(rendered) == [
        ("*filter", "r.rules.j2:2"), ("-A one", "m.j2:2"), ("-A two", "m.j2:3"), ("COMMIT", "r.rules.j2:4"),
    ]


def test_an_empty_capture_stays_false(policy: Policy) -> None:
    rendered = policy("{% set x %}\n{% endset %}\n{% if x|trim %}\nyes\n{% endif %}\nno\n", TRIMMED)
    assert places(rendered) == [("no", "r.rules.j2:6")]


def test_extends_and_blocks(policy: Policy) -> None:
    (policy.folder / "base.j2").write_text("*filter\n{% block rules %}\n-A base\n{% endblock %}\nCOMMIT\n")
    rendered = policy("{% extends 'base.j2' %}\n{% block rules %}\n{{ super() }}\n-A own\n{% endblock %}\n", TRIMMED)
    assert [pair for pair in places(rendered) if pair[0]] == [
        ("*filter", "base.j2:1"), ("-A base", "base.j2:3"), ("-A own", "r.rules.j2:4"), ("COMMIT", "base.j2:5"),
    ]


def test_without_j2_the_text_is_taken_as_it_is(policy: Policy) -> None:
    rendered = policy("*filter\r\n{{ x }}\nCOMMIT", file="as.rules")
    assert rendered.text == "*filter\r\n{{ x }}\nCOMMIT"
    assert rendered.sources == ("policies/as.rules:1", "policies/as.rules:2", "policies/as.rules:3")
    assert rendered.file == "policies/as.rules"


@pytest.mark.parametrize(("options", "text"), [
    ({}, "\na\n\n"), ({"trim_blocks": True}, "a\n"), ({"keep_trailing_newline": False}, "\na\n"),
])
def test_jinja_options_are_the_teams_own(policy: Policy, options: dict[str, object], text: str) -> None:
    assert policy("{% if 1 %}\na\n{% endif %}\n", options).text == text


def test_delimiters(policy: Policy) -> None:
    options = {"variable_start_string": "<<", "variable_end_string": ">>"}
    assert places(policy("a\n<< x >> {{ y }}\n", options, x=1)) == [("a", "r.rules.j2:1"), ("1 {{ y }}", "r.rules.j2:2")]


def test_topology_is_there_unless_a_variable_has_its_name(policy: Policy) -> None:
    assert policy("{{ topology.name }}\n").text == "stage\n"
    assert policy("{{ topology }}\n", topology="own").text == "own\n"


def test_the_digest_is_that_of_the_text(policy: Policy) -> None:
    assert policy("{{ 1 }}\n").digest == policy("1\n").digest != policy("2\n").digest


WRONG = [
    ("a\n{{ port }}\n", 2, "'port' is undefined", "`port: VALUE`"),
    ("a\n{{ given.port }}\n", 2, "no attribute 'port'", "vars"),
    ("a\n{% for x in [1] %}\n{{ x }}\n{{ absent }}\n{% endfor %}\n", 4, "'absent'", "vars"),
    ("a\n{% if absent %}{% endif %}\n", 2, "'absent'", "vars"),
    ("a\n{% iff %}\n", 2, "not Jinja2", "iff"),
    ("a\n\n{{ a b }}\n", 3, "not Jinja2", "'b'"),
    ("a\n{% if 1 %}\n", 2, "not Jinja2", "endif"),
    ("a\n{{ 1/0 }}\n", 2, "division by zero", "ZeroDivisionError"),
    ("a\n{% include 'no.j2' %}\n", 2, "no template 'no.j2'", "folder"),
    ("a\n{% include '../out.j2' %}\n", 2, "outside", "folder"),
    ("a\n{% include '/etc/hosts' %}\n", 2, "outside", "folder"),
    ("a\n{% include 'link.j2' %}\n", 2, "outside", "folder"),
    ("a\n{{ ''.__class__ }}\n", 2, "unsafe", "__class__"),
    ("a\n{{ given.clear() }}\n", 2, "unsafe", "clear"),
]


@pytest.mark.parametrize(("text", "line", "said", "word"), WRONG)
def test_what_is_wrong_is_told_with_its_line(policy: Policy, text: str, line: int, said: str, word: str) -> None:
    (policy.folder.parent / "out.j2").write_text("secret")
    (policy.folder / "link.j2").symlink_to(policy.folder.parent / "out.j2")
    with pytest.raises(InputError) as refused:
        policy(text, given={})
    [problem] = refused.value.problems
    assert str(problem.where) == f"policies/r.rules.j2:{line}"
    assert said in problem.what
    assert word in str(problem)


def test_a_problem_in_an_import_names_the_imported_file(policy: Policy) -> None:
    (policy.folder / "m.j2").write_text("{% macro m() %}\n{{ absent }}\n{% endmacro %}\n")
    with pytest.raises(InputError, match=r"^policies/m\.j2:2: .*'absent'"):
        policy("{% from 'm.j2' import m %}\n{{ m() }}\n")


@pytest.mark.parametrize("options", [
    {"autoescape": True}, {"extensions": []}, {"trim_blocks": "yes"}, {"block_start_string": ""},
    {"variable_start_string": "{%"},
])
def test_options_that_are_not_possible(policy: Policy, options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"(?i)option") as refused:
        policy("a\n", options)
    assert str(refused.value).startswith("policies/r.rules.j2: ")


@pytest.mark.parametrize("name", ["no.rules", "no.rules.j2"])
def test_a_policy_that_is_not_there(policy: Policy, name: str) -> None:
    with pytest.raises(InputError, match=f"policies/{name}: "):
        render(policy.folder / name, {}, {}, {})


@pytest.mark.parametrize("name", ["l.rules", "l.rules.j2"])
def test_a_policy_that_is_not_utf8(policy: Policy, name: str) -> None:
    (policy.folder / name).write_bytes(b"\xe9")
    with pytest.raises(InputError, match="UTF-8"):
        render(policy.folder / name, {}, {}, {})
