"""nft scripts as people have them, and what is repaired in them: never what stands in quotes, and each repair is told."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.ruleset.entities import WHAT
from lab.ruleset.mended import unchanged
from lab.ruleset.nft.form import faults
from lab.ruleset.nft.mend import mend

SCRIPT = (
    "# mine\ntable inet edge { # handle 7\n\tset mail {\n\t\ttype inet_service\n\t\telements = { 25, 587 }\n\t}\n\n"
    '\tchain in {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tiifname "lo" accept\n'
    '\t\ttcp flags & (fin | syn) == syn tcp dport @mail accept comment "the `mail` > all & more; see $ ~ #2"\n\t}\n}\n'
)
COMMANDS = "define mail = { 25, 587 }\nadd table ip edge\nadd chain ip edge in\nip edge in tcp dport 25 accept\n"


@pytest.mark.parametrize(
    "text",
    [SCRIPT, COMMANDS, "", "\n", "hello\n", "*filter\nCOMMIT\n", "#!/usr/sbin/nft -f\nflush ruleset\n" + SCRIPT],
)
def test_what_needs_nothing_stays(text: str) -> None:
    assert mend(text) == unchanged(text)


@pytest.mark.parametrize(
    "messy",
    [
        SCRIPT.replace("\n", "\r\n"),
        "\ufeff" + SCRIPT,
        "\ufeff" + SCRIPT.replace("\n", "\r\n"),
        "".join(f"> {line}\n" for line in SCRIPT.splitlines()),
        "".join(f">> {line}\n" if line else ">>\n" for line in SCRIPT.splitlines()),
        "".join(f"> {line}\r\n" for line in SCRIPT.splitlines()),
        "".join(f"&gt; {line}\n" for line in SCRIPT.splitlines()),
        "".join(f"{number:6}\t{line}\n" for number, line in enumerate(SCRIPT.splitlines(), start=1)),
        "".join(f"{number}:{line}\n" for number, line in enumerate(SCRIPT.splitlines(), start=40)),
        html.escape(SCRIPT.replace("\n\t", "\n  ")).replace("\n  ", "\n\t"),
        SCRIPT.replace('iifname "lo"', "iifname &quot;lo&quot;"),
        SCRIPT.replace("flags & (", "flags &amp; ("),
        SCRIPT.replace('iifname "lo"', "iifname \u201clo\u201d"),
        SCRIPT.replace("tcp dport @mail", "tcp\u00a0dport\u202f@mail"),
        SCRIPT.replace("\tset", "&nbsp;set").replace("\ttype inet", " type inet").replace("&nbsp;set", "\u00a0set"),
    ],
)
def test_a_script_becomes_what_it_was(messy: str) -> None:
    found = mend(messy)
    assert "".join(found.text.split()) == "".join(SCRIPT.split())
    assert '"the `mail` > all & more; see $ ~ #2"' in found.text
    assert found.repairs
    assert found.lines == tuple(range(1, SCRIPT.count("\n") + 2))
    assert faults(found.text) == ()


@pytest.mark.parametrize(
    ("messy", "lines"),
    [
        ("root@edge:~# nft list ruleset\n{}", [1]),
        ("$ sudo nft list ruleset\n{}$ \n", [1, 15]),
        ("```nft\n{}```\n", [1, 15]),
        ("Hello,\nthis is what I have - does it help?\n\n{}", [1, 2]),
        ("{}-- \nBob\n", [14, 15]),
        ("> root@edge:~# nft list ruleset\n" + "{}", []),
    ],
)
def test_what_stands_around_a_script_is_left_out(messy: str, lines: list[int]) -> None:
    found = mend(messy.format(SCRIPT) if "{}" in messy else messy)
    assert [one.line for one in found.repairs] == lines
    assert (found.text.strip("\n") == SCRIPT.strip("\n")) == bool(lines)


def test_listings_of_tables_behind_each_other() -> None:
    text = "$ nft list table ip a\ntable ip a {\n}\n$ nft list table ip b\ntable ip b {\n}\n"
    assert mend(text).text == "\ntable ip a {\n}\n\ntable ip b {\n}\n"


# each may be a part of the script, or may make it another one
UNCERTAIN = {
    "a command that was typed behind it": SCRIPT + "root@edge:~# nft add rule inet edge in drop\n",
    "a file that was loaded behind it": SCRIPT + "$ sudo nft -f more.nft\n",
    "two hosts": f"$ nft list ruleset\n{SCRIPT}$ nft list ruleset\n{COMMANDS}",
    "a rule outside": SCRIPT + "tcp dport 25 accept\n",
    "a chain outside": SCRIPT + "chain out {\n\taccept\n}\n",
    "an excerpt": SCRIPT.replace("\tset mail", "\t...\n\tset mail"),
    "an excerpt before": "...\n" + SCRIPT,
    "an excerpt between": SCRIPT + "(some tables left out)\n" + SCRIPT,
    "prose between": SCRIPT + "and then\n" + COMMANDS,
    "commands of a shell": "iptables -A INPUT -j DROP\n" + SCRIPT,
    "words of nft's": "set up the table\n" + SCRIPT,
    "quoting that is not in every line": "".join(f"> {line}\n" for line in SCRIPT.splitlines()).replace("> \t\ttcp", "\t\ttcp"),
    "a string over lines": SCRIPT.replace('"lo"', '"l\no"').replace("\n", "\r\n"),
    "a quote that stands alone": SCRIPT.replace('iifname "lo"', "iifname &quot;lo"),
    "an open block": "$ nft list ruleset\n" + SCRIPT.removesuffix("}\n"),
}


@pytest.mark.parametrize("text", UNCERTAIN.values(), ids=UNCERTAIN)
def test_what_is_not_certain_stays(text: str) -> None:
    found = mend(text)
    kept = [line for line in found.text.split("\n") if line]
    given_lines = [line for line in text.split("\n") if line]
    removed = [line for line in given_lines if line not in kept]
    assert all(line.startswith(("$ nft list", "```")) for line in removed)
    assert len(removed) < 2


def test_comments_and_strings_stay_as_they_are() -> None:
    text = 'table ip t { # &quot;a\u00a0b&quot; \u201cx\u201d\n\tchain c { comment "&gt; \u201cx\u201d 1\u20132 &amp;"; }\n}\n'
    assert mend(text) == unchanged(text)


def test_each_repair_has_its_line() -> None:
    found = mend(SCRIPT.replace('"lo"', "&quot;lo&quot;").replace("flags & ", "flags &amp; "))
    assert [(one.line, one.what) for one in found.repairs] == [(10, WHAT), (11, WHAT)]


@given(st.text(alphabet='table ip{};\n\r\t >"#&;gtquo$@~`.\ufeff\u00a0\u201c\u201d1', max_size=80))
def test_any_text_is_mended_once_and_for_all(text: str) -> None:
    found = mend(text)
    assert len(found.lines) == found.text.count("\n") + 1
    assert all(1 <= line <= text.count("\n") + 1 for line in found.lines)


@pytest.mark.parametrize(
    "piece", ["&quot;", "\u201c", "> ", "nft list ruleset ", "&", "{", '"', "$ nft ", "1 ", "\u00a0", "xt ", "a\n", "drop;\n"]
)
def test_a_hostile_line_takes_no_time(piece: str) -> None:
    long = piece * (200_000 // len(piece))
    for text in (long, f"$ {long}\n{SCRIPT}", SCRIPT.replace("accept", long)):
        assert mend(text).lines
        faults(text)
