"""Commands read from recordings: as the prompt showed them, whatever keys they came from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.drill.typed.commands import commands_in, commands_of
from lab.record.cast import NODE
from tests.unit.drill.casting import PROMPT, cast, typed

ASK = ("o", "\x1b[?2004h" + PROMPT)


def lines(*events: tuple[str, str], width: int = 80) -> list[str]:
    return [one.line for one in commands_in(cast(*events, width=width))]


def test_a_command_has_the_time_of_its_enter_and_its_node() -> None:
    (one,) = commands_in(cast(ASK, *typed("ss")))
    assert one == (1006.0, "gateway", "ss")


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ([("i", "ipx"), ("o", "ipx"), ("i", "\x7f"), ("o", "\b\x1b[K"), ("i", " r"), ("o", " r")], "ip r"),
        ([("i", "nonsense"), ("o", "nonsense"), ("i", "\x15"), ("o", "\b" * 8 + "\x1b[K"), ("o", "ss")], "ss"),
        ([("i", "\x1b[A"), ("o", "iptables -L"), ("i", "\x1b[A"), ("o", "\b" * 11 + "dmesg\x1b[K")], "dmesg"),
        ([("i", "pt"), ("o", "pt"), ("i", "\x01i"), ("o", "\b\b"), ("o", "\x1b[1@i")], "ipt"),
        ([("i", "a\tb"), ("o", "a\x07"), ("o", "\x1b[1mb\x1b[0m\x1b]0;title\x07")], "ab"),
        ([("i", "\x12"), ("o", "\r(reverse-i-search)`': \x1b[K"), ("o", f"\r{PROMPT}nft monitor\x1b[K")], "nft monitor"),
    ],
    ids=["backspace", "kill-line", "history", "insert", "escapes", "search"],
)  # fmt: skip
def test_what_the_prompt_finally_shows_is_the_command(events: list[tuple[str, str]], line: str) -> None:
    assert lines(ASK, *events, ("i", "\r"), ("o", "\r\n")) == [line]


def test_a_line_that_is_wider_than_the_terminal_is_whole() -> None:
    long = "iptables -I FORWARD 3 -p tcp -d 10.3.1.30 --dport 443 -j ACCEPT"
    assert lines(ASK, *typed(long), width=40) == [long]


def test_sequences_cut_in_two_are_read_as_one() -> None:
    assert lines(ASK, ("i", "ss"), ("o", "s\x1b"), ("o", "[1"), ("o", "ms"), ("i", "\r"), ("o", "\r\n")) == ["ss"]


def test_lines_that_nobody_ended_are_none() -> None:
    abandoned = [ASK, ("i", "reboot"), ("o", "reboot"), ("i", "\x03"), ("o", "^C\r\n")]
    printed = [ASK, *typed("cat notes"), ("o", "root@x:~# rm -rf /\r\n")]
    assert lines(*abandoned, *printed) == ["cat notes"]


def test_what_is_typed_ahead_is_given_to_the_prompt_that_takes_it() -> None:
    both = [ASK, ("i", "ss\rip r\r"), ("o", "ss\r\nip r\r\nNetid State\r\n"), ("o", f"{PROMPT}ip r\r\n")]
    assert lines(*both) == ["ss", "ip r"]


def test_a_pager_has_a_screen_of_its_own() -> None:
    pager = [("o", "\x1b[?1049h\x1b[Hfoo# bar\r\n"), ("i", "\r"), ("o", "x# y\r\n\x1b[?1049l")]
    assert lines(ASK, *typed("man nft"), *pager, ASK, *typed("ss")) == ["man nft", "ss"]


def test_a_text_that_goes_on_is_one_command() -> None:
    assert lines(ASK, *typed("cat <<E"), ("o", "> "), *typed("one"), ("o", "> "), *typed("E"), ASK) == ["cat <<E\none\nE"]


def test_without_keys_the_lines_of_a_prompt_are_taken() -> None:
    assert lines(ASK, ("o", "ss\r\nNetid\r\n"), ASK) == ["ss"]


def test_several_terminals_are_told_in_the_order_of_time() -> None:
    late, early = cast(ASK, *typed("ss"), at=2000), cast(ASK, *typed("ip r"), node="web")
    assert [(one.node, one.line) for one in commands_of([late, early])] == [("web", "ip r"), ("gateway", "ss")]


def test_lines_that_a_shell_was_given_by_a_pipe_are_its_commands() -> None:
    piped = cast(("i", "ss\nip"), ("i", " r\n\n"))
    bare = replace(piped, header=replace(piped.header, env={NODE: "web"}))
    assert [(one.at, one.node, one.line) for one in commands_in(bare)] == [(1001.0, "web", "ss"), (1002.0, "web", "ip r")]
