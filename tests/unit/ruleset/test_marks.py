"""Line marks on templates that nobody thought of: each line's source holds the line's first literal text."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.ruleset.template import render

# `@` becomes a word that occurs once, so that a rendered line tells which template line it must have come from.
simple = st.sampled_from([
    "@\n", "  @\n", "@ {{ 1 }} tail\n", "{{ '@' }}\n", "  {{ '@' }} {{ 2 }}\n", "{{ macro() }}\n", "@ {{ macro() }}\n",
    "{% include 'part.j2' %}\n", "\n", "{# note #}\n", "{#- note\n -#}\n", "{{ '' }}@\n", "{{- '@' -}}\n",
    "{% set kept %}\n@\n{% endset %}\n{{ kept }}\n", "{% raw %}@ {{ }}{% endraw %}\n", "{{ empty }}\n",
])
opening, closing = st.sampled_from(["{%", "{%-", "{%+"]), st.sampled_from(["%}", "-%}"])


def wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = st.sampled_from([("for i in [1, 2]", "endfor"), ("if true", "endif"), ("filter trim", "endfilter")])
    built = st.builds(
        lambda block, a, b, c, d, body, end: f"{a} {block[0]} {b}{end}{body}{c} {block[1]} {d}{end}",
        block, opening, closing, opening, closing, st.lists(inner, max_size=4).map("".join), st.sampled_from(["\n", ""]),
    )
    return inner | built


templates = st.lists(st.recursive(simple, wrapped, max_leaves=8), max_size=6).map("".join)


def named(text: str, prefix: str) -> str:
    count = itertools.count(1)
    return re.sub("@", lambda _: f"{prefix}{next(count)}z", text)


@settings(max_examples=300, deadline=None)
@given(templates, templates, st.booleans(), st.booleans())
def test_the_source_of_a_line_holds_its_text(main: str, part: str, trim: bool, lstrip: bool) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place) / "policies"
        folder.mkdir()
        (folder / "m.j2").write_text(named("{% macro macro() %}@\n  @\n{% endmacro %}\n", "m"))
        given_part = part.replace("{% include 'part.j2' %}", "@").replace("{{ macro() }}", "@")
        (folder / "part.j2").write_text(named(given_part, "p"))
        text = "{% from 'm.j2' import macro with context %}{% set empty = '' %}\n" + main
        (folder / "r.j2").write_text(named(text, "r"))
        options = {"trim_blocks": trim, "lstrip_blocks": lstrip}
        rendered = render(folder / "r.j2", {"empty": ""}, options, {})
        files = {path.name: path.read_text().split("\n") for path in folder.iterdir()}
    for line, source in zip(rendered.text.split("\n"), rendered.sources, strict=False):
        word = re.search(r"[mpr]\d+z", line)
        if word is None:
            continue
        assert source is not None
        name, number = source.removeprefix("policies/").split(":")
        told = files[name][int(number) - 1]
        # A trimmed capture has lost the mark of its first line: the line that writes it is told instead.
        assert word[0] in told or re.search(r"macro\(\)|kept|filter", told)
