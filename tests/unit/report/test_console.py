from __future__ import annotations

import io

import pytest
from rich.console import Console

from lab.record.hint import Hint
from lab.record.result import Outcome, RunResult
from lab.report.console import MOST_DETAILS, MOST_ROWS, print_run
from tests.unit.report import make


def printed(result: RunResult, *, width: int = 80, terminal: bool = False, verbose: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system="standard" if terminal else None)
    print_run(result, console, verbose=verbose)
    return stream.getvalue()


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_numbers_are_the_last_line() -> None:
    result = make.run([make.cell(), make.fail_open(), make.cell(suspect=True)])
    last = printed(result).splitlines()[-1]
    assert last == "3 cells: 2 passed, 1 fail-open; 1 suspect; 0.81 s"


def test_fail_open_comes_before_all_else() -> None:
    cells = [
        make.cell(Outcome.ERROR, make.lost(), row="d"),
        make.cell(Outcome.MISMATCH, row="c"),
        make.fail_closed(row="b"),
        make.fail_open(row="a"),
    ]
    text = printed(make.run(cells))
    order = [text.index(f" {row}  [matrices") for row in "abcd"]
    assert order == sorted(order)


def test_a_failure_is_told_in_six_lines() -> None:
    hint = Hint("web-vip:443 is made 10.0.2.10:8443, which no rule of FORWARD accepts", "accept tcp dport 8443 in from-wan")
    assert printed(make.run([make.fail_closed(hints=(hint,))])).splitlines() == [
        "FAIL-CLOSED public web  [matrices/web-edge.yaml:14]",
        "  world 192.0.2.7 -> web-vip 198.51.100.1 tcp/443: expected allow, is dropped",
        "  by      gateway filter:FORWARD policy dropped it  [policies/edge.rules.j2:9]",
        "  nat     destination changed by gateway nat:PREROUTING:2 (dnat-web)  [policies/edge.rules.j2:31]",
        "  why     web-vip:443 is made 10.0.2.10:8443, which no rule of FORWARD accepts",
        "  mend    accept tcp dport 8443 in from-wan",
        "",
        "1 cell: 0 passed, 1 fail-closed; 0.81 s",
    ]


def test_the_evidence_and_the_list_of_cells_come_with_verbose() -> None:
    result = make.run([make.fail_closed(), make.cell(row="inside")])
    brief, full = printed(result), printed(result, verbose=True)
    for words in ("  path\n", "  sent        tcp 192.0.2.7:40000", "inside: allow  [matrices/web-edge.yaml:14]"):
        assert words not in brief
        assert words in full


def test_failures_with_one_cause_are_told_once() -> None:
    cells = [make.fail_closed(service=f"tcp/{port}") for port in (22, *range(80, 121))]
    text = printed(make.run([*cells, make.fail_closed(sender="office", service="tcp/22")]))
    assert text.count("FAIL-CLOSED") == 1
    assert "  and 42 more: world -> web-vip tcp/80-120; office -> web-vip tcp/22" in text


def test_a_sentence_is_folded_on_a_terminal_and_whole_in_a_log() -> None:
    why = "the answer " + "goes another way " * 8 + "home"
    result = make.run([make.fail_closed(hints=(Hint(why),))])
    assert f"  why     {why}\n" in printed(result)
    shown = printed(result, terminal=True)
    assert max(map(len, shown.splitlines())) <= 80
    assert "\n          another" in shown or "\n          goes" in shown or "\n          way" in shown
    assert why in words(shown)


def test_passed_cells_are_listed_only_when_asked() -> None:
    result = make.run([make.cell(service="tcp/4711")])
    assert "tcp/4711" not in printed(result)
    assert "tcp/4711" in printed(result, verbose=True)


def test_suspect_and_known_cells_are_listed_though_they_passed() -> None:
    cells = [make.cell(suspect=True, row="s", service="tcp/1"), make.cell(known=True, row="k", service="tcp/2")]
    text = words(printed(make.run(cells)))
    assert "suspect?" in text
    assert "known" in text
    assert "tcp/1" in text
    assert "tcp/2" in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_table_fits_the_terminal(width: int) -> None:
    long = "an-uncommonly-long-name-that-somebody-gave-to-a-node"
    text = printed(make.run([make.cell(suspect=True, sender=long, target=long)]), width=width)
    table = text[: text.index("note:")]
    assert max(len(line) for line in table.splitlines()) <= width
    assert "".join(table.split()).count(long) == 2


def test_no_control_character_reaches_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"
    result = make.run(
        [
            make.fail_open(row=evil, sender=evil, differences=(evil,), hints=(Hint(evil, evil),), warnings=(evil,)),
            make.cell(suspect=True, target=evil, expected=evil, matrix=evil),
        ],
        problems=make.problems(evil),
    )
    text = printed(result)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert r"\x1b[2J" in text


def test_markup_in_names_is_shown_as_it_is() -> None:
    text = printed(make.run([make.fail_open(row="[red]x[/red] :warning:", sender="[bold]")], problems=make.problems("[/]")))
    assert "[red]x[/red] :warning:" in text
    assert "[bold]" in text
    assert "problem: [/]" in text


def test_colour_only_on_a_terminal() -> None:
    result = make.run([make.fail_open()])
    assert "\x1b[" not in printed(result)
    assert "\x1b[1;31m" in printed(result, terminal=True)


def test_many_failures_are_cut_and_say_so() -> None:
    cells = [make.fail_open(row=f"row{number}") for number in range(MOST_ROWS + 7)]
    text = printed(make.run(cells))
    told = [line for line in text.splitlines() if line.startswith("FAIL-OPEN")]
    assert len(told) == MOST_ROWS
    assert text.count("  by      ") == MOST_DETAILS
    assert told[MOST_DETAILS] == (
        f"FAIL-OPEN row{MOST_DETAILS}  [matrices/web-edge.yaml:14]: world -> web-vip tcp/443: expected drop, is allowed "
        "(gateway filter:from-wan:1 (publish-web))"
    )
    assert "7 more failures are in --json" in text


def test_a_warning_is_told_once_with_its_count() -> None:
    cells = [make.cell(service=f"tcp/{port}", warnings=("overdue since 2026-01-01",)) for port in (1, 2, 3)]
    text = printed(make.run(cells))
    assert text.count("overdue since") == 1
    assert "and 2 more" in text


@pytest.mark.parametrize(("kind", "word"), [("notes", "note: nft is not loaded"), ("problems", "problem: nft is not loaded")])
def test_what_stopped_nothing_is_a_note(kind: str, word: str) -> None:
    assert word in printed(make.run([make.cell()], **{kind: ("nft is not loaded",)}))


def test_an_interrupted_run_says_so() -> None:
    assert "interrupted" in printed(make.run([make.cell()], interrupted=True, exit_code=130))
