"""``lab`` itself: finds its commands by their files, and lists them by job on one screen; those of a group likewise."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from enum import StrEnum
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from lab.cli import commands
from lab.cli.command import Command

COMPLETING = "_LAB_COMPLETE"
"""What the shell sets to be told how a line goes on."""
_OPTIONS = "lab COMMAND --help: its options.  And: --version, --completion bash|zsh|fish"
_UsageError: Any = typer.BadParameter.__base__  # which library it is from, depends on the version of typer
_WIDTH = 8
"""Of the commands' names, in all groups."""


def commands_there(folder: ModuleType = commands) -> list[str]:
    """The names of all commands in a folder; none is imported."""
    return [module.name for module in iter_modules(folder.__path__)]


def find_command(name: str, folder: ModuleType = commands) -> Command:
    """What the file of a command says of it."""
    module = import_module(f"{folder.__name__}.{name}")
    found = getattr(module, name, None) or getattr(module, f"{name}_")
    assert isinstance(found, Command)
    return found


class _Late(MutableMapping[str, Any]):
    """The commands by name, as typer has them; a command's file is imported when it is asked for."""

    def __init__(self, folder: ModuleType) -> None:
        self._folder = folder
        self._made: dict[str, Any] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(commands_there(self._folder))

    def __len__(self) -> int:
        return len(commands_there(self._folder))

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            if name not in commands_there(self._folder):
                raise KeyError(name)
            found = find_command(name, self._folder)
            self._made[name] = _made_of_many(name, found, self._folder) if found.group else _made(name, found)
        return self._made[name]

    def __setitem__(self, name: str, made: Any) -> None:
        self._made[name] = made

    def __delitem__(self, name: str) -> None:
        del self._made[name]


def _made(name: str, found: Command) -> Any:
    """The command as typer runs it."""
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    settings = {"allow_extra_args": True, "ignore_unknown_options": True} if found.passes_on else None
    alone.command(name, cls=_Told, short_help=found.line, context_settings=settings)(found.function)
    return typer.main.get_command(alone)


def _made_of_many(name: str, found: Command, folder: ModuleType) -> Any:
    """The group as typer runs it."""
    inside = type("Inside", (Commands,), {"folder": import_module(f"{folder.__name__}.{name}"), "closing": ""})
    many = typer.Typer(
        cls=inside, callback=found.function, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )  # fmt: skip
    made = typer.main.get_command(many)
    made.name, made.short_help = name, found.line
    return made


class _Told(TyperCommand):
    """A command that says what was probably meant, where its words are not those that it takes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer does it."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except _UsageError as error:
            if self.name in ("trace", "sweep"):
                from lab.cli.meant import flow_meant

                meant = flow_meant(self.name, words)
                error.message = f"{error.message or ''}\n{meant}".strip() if meant else error.message
            raise


class Commands(TyperGroup):
    """The group of all commands of a ``folder``; ``closing`` is the last line of its help."""

    folder: ClassVar[ModuleType] = commands
    closing: ClassVar[str] = _OPTIONS

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Late(self.folder)
        if COMPLETING in os.environ:
            from typer.completion import completion_init  # type: ignore[attr-defined]

            completion_init()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's
        """All commands, in the order of the help."""
        return sorted(commands_there(self.folder), key=lambda name: find_command(name, self.folder).place)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The commands by job, one line each; the options in one line."""
        formatter.write_paragraph()
        found = [find_command(name, self.folder) for name in self.list_commands(ctx)]
        for job in dict.fromkeys(one.job for one in found):
            formatter.write_heading(job)
            with formatter.indentation():
                formatter.write_dl([(f"{one.name:{_WIDTH}}", one.line) for one in found if one.job is job])
        formatter.write_paragraph()
        formatter.write_text(self.closing)


class Shell(StrEnum):
    """``--completion``."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def _tell_version(asked: bool) -> None:
    if asked:
        from lab import __version__

        print(f"netfilter-lab {__version__}")
        raise typer.Exit


def _print_completion(shell: Shell | None) -> None:
    if shell is not None:
        from typer.completion import get_completion_script  # type: ignore[attr-defined]

        print(get_completion_script(prog_name="lab", complete_var=COMPLETING, shell=shell.value))
        raise typer.Exit


def _lab(
    version: Annotated[bool, typer.Option("--version", callback=_tell_version, is_eager=True)] = False,
    completion: Annotated[Shell | None, typer.Option(callback=_print_completion, is_eager=True)] = None,
) -> None:
    """Proven verdicts on real firewall rulesets: what passes, and by which rule."""


app = typer.Typer(
    name="lab", cls=Commands, callback=_lab, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode=None,
)  # fmt: skip
