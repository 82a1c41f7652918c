"""What a pasted id stands for, whole or in part, before an expression is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError
from lab.prepare.select import Picked, choose
from lab.ruleset.backend import Backend

FILE, OTHER = Path("matrices/edge.yaml"), Path("matrices/mail.yaml")
WEB = "edge::public web[world->web-vip tcp/443]"
SIX = "edge::public web[world->web-vip tcp/443]/6"
BOTH = "edge::web and mail[world->mx@lan tcp/25,443]"
WHY = "edge::this is why (or not), he said: 'not shell'[world->mx tcp/22]"
SHELL = "edge::not shell[partner->gateway tcp/22 ack]"
MAIL = "mail::public web[world->web-vip tcp/443]"
CELLS = [*((FILE, one) for one in (WEB, SIX, BOTH, WHY, SHELL)), (OTHER, MAIL)]


def selected(selection: Picked, backend: Backend = Backend.NFT) -> list[str]:
    return [cell for file, cell in CELLS if selection.takes((file, cell), backend)]


def by(expression: str | None, *pasted: str, backends: tuple[Backend, ...] = (Backend.NFT,)) -> Picked:
    return choose(expression, pasted, CELLS, backends)


@pytest.mark.parametrize("whole", [WEB, SIX, BOTH, WHY, SHELL, MAIL])
@pytest.mark.parametrize(
    "said",
    ["{}", "  {} ", "'{}'", "`{}`", '"{}"', "\u201c{}\u201d", "{}:", "{}: fail-open", "{}: known, suspect", "{}: said: [x]"],
)  # fmt: skip
def test_a_whole_id_is_that_cell_alone(whole: str, said: str) -> None:
    assert selected(by(said.format(whole))) == [whole]
    assert selected(by(None, said.format(whole))) == [whole]


@pytest.mark.parametrize(
    ("part", "cells"),
    [
        ("public web[world->web-vip tcp/443]", [WEB, MAIL]), ("public web[world->web-vip tcp/443]/6", [SIX]),
        ("web-vip tcp/443]", [WEB, MAIL]), ("web-vip tcp/443]/6", [SIX]), ("Public Web", [WEB, SIX, MAIL]),
        ("edge::public", [WEB, SIX]), ("world->mx@lan tcp/25,443", [BOTH]), ("(or not), he", [WHY]), ("'not shell'", [WHY]),
        ("web and mail", [BOTH]), ("not shell", [SHELL]), ("this is why (or not), he said: 'not shell'", [WHY]),
        ("gateway tcp/22 ack", [SHELL]), ("matrices/mail.yaml::public web[world->web-vip tcp/443]", [MAIL]),
        ("FAILED mail.yaml::public web[world->web-vip tcp/443] - fail-open: allowed", [MAIL]),
    ],
)  # fmt: skip
def test_a_part_of_an_id(part: str, cells: list[str]) -> None:
    assert selected(by(part)) == cells


@pytest.mark.parametrize(
    ("expression", "cells"),
    [
        ("web", [WEB, SIX, BOTH, MAIL]), ("mail and web", [BOTH, MAIL]), ("WEB AND MAIL", None), ("not web", [WHY, SHELL]),
        ("world->mx and not lan", [WHY]), ("MX@LAN", [BOTH]), ("not (shell or web)", None),
    ],
)  # fmt: skip
def test_an_expression_is_one_as_ever(expression: str, cells: list[str] | None) -> None:
    if cells is not None:
        assert selected(by(expression)) == cells
    elif expression == "WEB AND MAIL":
        assert selected(by(expression)) == [BOTH]  # no word of the language, but what a row is called
    else:
        with pytest.raises(InputError, match="selects no cell"):
            by(expression)


def test_what_is_read_as_words_of_a_row_and_could_be_an_expression_is_told() -> None:
    assert "was not read as an expression" in by("web and mail").notes[0]
    assert by("mail and web").notes == by(BOTH).notes == ()


def test_a_row_that_is_called_as_an_id_is_not_meant_by_it() -> None:
    cells = [*CELLS, (OTHER, f"mail::{WEB}[a->b tcp/1]")]
    assert choose(WEB, (), cells, [Backend.NFT]).groups[0][0].cells == {(FILE, WEB)}


def test_a_mark_is_a_backend() -> None:
    both = tuple(Backend)
    assert selected(by(f"{WEB}@legacy", backends=both)) == []
    assert selected(by(f"{WEB}@legacy", backends=both), Backend.LEGACY) == [WEB]
    assert selected(by(WEB, backends=both), Backend.LEGACY) == [WEB]
    assert selected(by(f"{SIX}@legacy: fail-open", backends=(Backend.LEGACY,)), Backend.LEGACY) == [SIX]
    with pytest.raises(InputError, match="one of the other backend\n    --backend both"):
        by(f"{WEB}@legacy")


def test_ids_and_an_expression_are_both_to_hold() -> None:
    assert selected(by(None, WEB, MAIL)) == [WEB, MAIL]
    assert selected(by("mail", WEB, MAIL)) == [MAIL]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("edge::public web[world->web-vip tcp/80]", f"near to it: {WEB}"), ("mail and", "is not an expression, nor a part of"),
        ("public wbe[world->web-vip tcp/443]", f"near to it: {WEB}"),
        ("", "is not an expression"), (" ", "is not an expression"),
        ("partnr", "no id has 'partnr': did you mean 'partner'?"), ("zzz", "lists all cells"), ("a b", "is not an expression"),
        ("pub web", "write words with and, or, not"), ("x[a->b", "selects no cell"),
    ],
)  # fmt: skip
def test_what_selects_nothing_is_told_what_is_near(text: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        by(text)
    assert told in str(caught.value)
    assert repr(text) in str(caught.value)


def test_many_ids_are_compared_in_no_time() -> None:
    many = [(FILE, f"edge::row {number}[host{number}->web-vip tcp/{number}]") for number in range(20_000)]
    with pytest.raises(InputError, match="near to it: edge::row 777"):
        choose("edge::row 777[host777->web-vip tcp/778]", (), many, [Backend.NFT])
