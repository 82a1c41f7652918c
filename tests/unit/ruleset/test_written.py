"""What a template may write: text, numbers and truth values; a list or an object has no form in a ruleset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.ruleset.template import render

GIVEN: Mapping[str, object] = {"hosts": ["192.0.2.1", "192.0.2.2"], "ports": {"web": 80}, "name": "edge", "nested": [["a"]]}

AS_PYTHON_WRITES_IT = {
    "a list": "{{ hosts }}",
    "a mapping": "{{ ports }}",
    "a tuple": "{{ (1, 2) }}",
    "a view": "{{ ports.items() }}",
    "a method": "{{ name.upper }}",
    "a range": "{{ range(3) }}",
    "bytes": "{{ name.encode() }}",
    "a generator": "{{ hosts | map('upper') }}",
    "by ~": "{{ '-s ' ~ hosts }}",
    "by the filter string": "{{ hosts | string }}",
    "by the filter pprint": "{{ hosts | pprint }}",
    "by a filter of text": "{{ hosts | replace('[', '') }}",
    "by upper": "{{ hosts | upper }}",
    "by the filter format": "{{ '-s %s' | format(hosts) }}",
    "by %": "{{ '-s %s' % hosts }}",
    "by % among others": "{{ '%s %s' % (name, hosts) }}",
    "by % and a name": "{{ '%(ports)s' % {'ports': ports} }}",
    "by str.format": "{{ '-s {}'.format(hosts) }}",
    "by str.format and a name": "{{ '-s {x}'.format(x=hosts) }}",
    "by join, inside": "{{ nested | join(',') }}",
    "by str.join": "{{ ','.join(nested) }}",
    "captured": "{% set x %}{{ hosts }}{% endset %}{{ x }}",
}


@pytest.mark.parametrize("expression", AS_PYTHON_WRITES_IT.values(), ids=AS_PYTHON_WRITES_IT.keys())
def test_it_is_refused_with_its_line(tmp_path: Path, expression: str) -> None:
    (tmp_path / "edge.rules.j2").write_text(f"*filter\n\n-A INPUT {expression}\n")
    with pytest.raises(InputError) as refused:
        render(tmp_path / "edge.rules.j2", GIVEN, {}, {})
    assert str(refused.value).startswith(f"{tmp_path.name}/edge.rules.j2:3: the template ")


def test_the_message_says_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "edge.rules.j2").write_text("{{ hosts }}\n")
    with pytest.raises(InputError, match="writes a list as text") as refused:
        render(tmp_path / "edge.rules.j2", GIVEN, {}, {})
    assert "join(',')" in refused.value.problems[0].mend


IN_ORDER = {
    "{{ hosts | join(',') }}": "192.0.2.1,192.0.2.2",
    "{{ ','.join(hosts) }}": "192.0.2.1,192.0.2.2",
    "{{ ports | join(',') }}": "web",
    "{{ [{'a': 1}, {'a': 2}] | join(',', attribute='a') }}": "1,2",
    "{{ [{'a': 1}, {'a': 2}] | map(attribute='a') | join(',') }}": "1,2",
    "{{ hosts[0] }} {{ ports.web }} {{ 1.5 }} {{ true }} {{ none }}": "192.0.2.1 80 1.5 True None",
    "{{ '%s:%d' % (name, 80) }} {{ '%(a)s' % {'a': 1, 'b': hosts} }}": "edge:80 1",
    "{{ '{0[1]}'.format(hosts) }} {{ '{}'.format(name) }}": "192.0.2.2 edge",
    "{{ hosts | first }} {{ hosts | length }} {{ ports | tojson }}": '192.0.2.1 2 {"web": 80}',
    "{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(1) ~ m('a') }}": "<1><a>",
    "{% for host in hosts %}{{ loop.index }}{{ host }} {% endfor %}": "1192.0.2.1 2192.0.2.2 ",
}


@pytest.mark.parametrize(("text", "written"), IN_ORDER.items())
def test_what_is_in_order(tmp_path: Path, text: str, written: str) -> None:
    (tmp_path / "edge.rules.j2").write_text(text)
    assert render(tmp_path / "edge.rules.j2", GIVEN, {}, {}).text == written


@pytest.mark.parametrize("expression", ["{{ 10 ** 5000 }}", "{{ (10 ** 5000) | string }}", "{{ '' ~ 10 ** 5000 }}"])
def test_a_number_of_thousands_of_digits(tmp_path: Path, expression: str) -> None:
    (tmp_path / "edge.rules.j2").write_text(f"\n{expression}\n")
    with pytest.raises(InputError, match="a number of more than 4,300 digits") as refused:
        render(tmp_path / "edge.rules.j2", {}, {}, {})
    assert str(refused.value).startswith(f"{tmp_path.name}/edge.rules.j2:2: ")
