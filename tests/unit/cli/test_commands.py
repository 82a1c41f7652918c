"""Commands find themselves, share what they share, and cost nothing until they are called."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from lab.cli import commands
from lab.cli.app import COMPLETING, app, commands_there, find_command
from lab.cli.command import Job
from lab.cli.early import REPORTS
from lab.cli.options import A_REPORT
from lab.report import reports

MOST_LINES = 44
HEAVY = ("scapy", "pyroute2", "jinja2", "ruamel", "lab.lab", "lab.run", "lab.kernel", "lab.report")
"""Not pydantic nor rich: the newest typer reads the options of a command with the one, the oldest imports the other."""
HELP = """
import sys
sys.argv[0] = "lab"
from lab.cli.app import app
try:
    app()
except SystemExit:
    print(*sys.modules)
"""
NOT_SHARED = {"--topology", "--matrix", "--evidence", "--json"}
"""In exposure it picks one of the matrices' topologies; one matrix, or several; an audit reads what others write; what goes on
is printed as it happens, line by line."""


def options(name: str) -> list[Any]:
    group: Any = typer.main.get_command(app)
    return [one for one in group.get_command(None, name).params if one.opts[0].startswith("-")]


@pytest.mark.parametrize("name", commands_there())
def test_a_command_is_a_short_file_that_names_itself(name: str) -> None:
    found = find_command(name)
    assert found.function.__name__ == name
    assert found.function.__doc__
    (folder,) = commands.__path__
    if found.group:
        return
    assert len(Path(folder, f"{name}.py").read_text().splitlines()) <= MOST_LINES
    assert len(found.line) <= 66


GROUPS = [name for name in commands_there() if find_command(name).group]


def folder_of(group: str) -> ModuleType:
    return import_module(f"{commands.__name__}.{group}")


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in commands_there(folder_of(group))])
def test_a_command_of_a_group_is_one_too(group: str, name: str) -> None:
    folder = folder_of(group)
    found = find_command(name, folder)
    assert found.name == name
    assert found.function.__doc__
    assert len(Path(*folder.__path__, f"{name}.py").read_text().splitlines()) <= MOST_LINES
    assert len(found.line) <= 66


@pytest.mark.parametrize("group", GROUPS)
def test_the_commands_of_a_group_stand_on_one_screen(group: str) -> None:
    screen = told(group, "--help").splitlines()[:-1]
    assert len(screen) <= 25
    assert all(len(line) <= 80 for line in screen)


def test_each_job_has_commands() -> None:
    assert {find_command(name).job for name in commands_there()} == set(Job)


@pytest.mark.parametrize("name", [name for name in commands_there() if name != "bench"])
def test_a_report_is_begun_whatever_its_option_is_called(name: str) -> None:
    said = {word for option in options(name) if option.metavar == A_REPORT for word in option.opts}
    assert said == set(REPORTS.get(name, {}))
    if said:
        assert set(REPORTS[name].values()) <= set(inspect.signature(getattr(reports, f"{name}_reports")).parameters)


def test_an_option_is_the_same_everywhere() -> None:
    found: dict[str, set[tuple[object, ...]]] = defaultdict(set)
    for name in commands_there():
        for option in options(name):
            for word in set(option.opts) - NOT_SHARED:
                found[word].add((option.metavar, option.is_flag, option.multiple, option.name))
    assert {word: ways for word, ways in found.items() if len(ways) > 1} == {}
    assert {"--family", "--backend", "--markdown", "--policy", "--mend", "--shipped"} <= set(found)


def told(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", HELP, *arguments], capture_output=True, text=True, check=True, timeout=60,
        env=os.environ | environment,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("--version",)])
def test_help_imports_nothing_that_takes_time(arguments: tuple[str, ...]) -> None:
    modules = told(*arguments).splitlines()[-1].split()
    assert [name for name in modules if name in HEAVY] == []
    imported = {name.rpartition(".")[2] for name in modules if name.startswith(f"{commands.__name__}.")}
    assert imported == {"--help": set(commands_there()), "run": {"run"}, "--version": set()}[arguments[0]]


def test_the_screen_of_the_readme_is_the_one_that_is_printed() -> None:
    readme = Path(__file__).parents[3] / "README.md"
    screen = "\n".join(told("--help").splitlines()[:-1])
    assert f"$ lab --help\n{screen}\n```" in readme.read_text()


@pytest.mark.parametrize(
    ("line", "completed"),
    [("lab sw", ["sweep"]), ("lab run --dur", ["--durations"]), ("lab trace a b tcp/1 --backend l", ["legacy"])],
)
def test_a_shell_is_told_how_a_line_goes_on(line: str, completed: list[str]) -> None:
    words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), COMPLETING: "complete_bash"}
    assert told(**words).splitlines()[:-1] == completed
