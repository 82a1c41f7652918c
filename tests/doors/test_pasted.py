"""An id that was printed is taken as it was printed: behind -k, in the place of a file, and by pytest."""

from __future__ import annotations

import pytest

from tests.doors.project import Project
from tests.doors.test_command_line import CELLS

pytestmark = pytest.mark.kernel

MATRIX = "matrices/small.yaml"
WEB, SHELL = "small::public web[world->web-vip tcp/443]", "small::no shell[world->web-vip tcp/22]"


def collected(project: Project, *arguments: str) -> list[str]:
    return project.lab("run", "--collect", *arguments).ended(0).out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "cells"),
    [
        (["-k", WEB], [WEB]), ([WEB], [WEB]), ([SHELL, WEB], [WEB, SHELL]), (["-k", "no shell"], [SHELL]),
        ([f"{MATRIX}::{SHELL.removeprefix('small::')}"], [SHELL]),
        (["-k", f"{WEB}@legacy", "--backend", "both"], [f"{WEB}@legacy"]),
        (["--matrix", MATRIX, f"'{SHELL}': fail-open"], [SHELL]), ([WEB, "-k", "shell or web"], [WEB]),
    ],
)  # fmt: skip
def test_a_pasted_id_is_that_cell(project: Project, arguments: list[str], cells: list[str]) -> None:
    assert collected(project, *arguments) == cells


def test_each_id_that_is_listed_selects_itself(project: Project) -> None:
    assert [collected(project, "-k", cell) for cell in CELLS[:3]] == [[cell] for cell in CELLS[:3]]


def test_a_pasted_id_is_run(project: Project) -> None:
    assert [cell["id"] for cell in project.results(WEB)["cells"]] == [WEB]


def test_an_id_that_is_none_is_told_with_the_nearest(project: Project) -> None:
    told = project.lab("run", WEB.replace("443", "444")).ended(2).err
    assert told.splitlines()[0].endswith("tcp/444]' selects no cell")
    assert f"near to it: {WEB}\n" in told
    assert "did you mean 'public'?" in project.lab("run", "-k", "publik").ended(2).err
