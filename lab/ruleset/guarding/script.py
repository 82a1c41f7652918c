"""The script that makes a change on the real host: applied, and rolled back by its timer unless it is confirmed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.resources import files

from lab.ruleset.applying.command import Command
from lab.ruleset.guarding.cksum import cksum

_NOT_IN_A_FOLDER = re.compile(r"[^A-Za-z0-9._-]")
_IPTABLES = re.compile(r"(ip6?)tables(?:-(?:nft|legacy))?(-restore)?")
_TABLE = re.compile(r"^\*([a-z]+)", re.MULTILINE)
_LONGEST = 64
FOLDER = "/run/netfilter-guard"
"""What everything that the script keeps lies in, as `guard.sh` has it."""


def guard_script(change: str, commands: Sequence[Command], seconds: int) -> str:
    r"""One file for `sh` that makes ``change`` by ``commands``, and takes it back after ``seconds`` unless it is confirmed.

    The way back it takes from the host itself before it changes anything.  Nothing of what ``commands`` say is read by a shell;
    a text without a line's end at its end is given one.  Raises ValueError for what no command can be told (a null character).

    >>> text = guard_script("CHG-7", [Command(("nft", "-f", "-"), "table ip edge {}\n")], 60)
    >>> text.splitlines()[0]
    '#!/bin/sh'
    """
    if any("\0" in word for command in commands for word in (*command.argv, command.stdin)):
        raise ValueError("a command of the change has a null character, which no command can be told")
    texts = {number: _ended(command.stdin) for number, command in enumerate(commands, 1) if command.stdin}
    parts = {
        "TITLE": f"Makes the change {_printable(change)}, written and tried by netfilter-lab (`lab guard`).",
        "SETTINGS": "\n".join((
            f"change={shlex.quote(_printable(change))}",
            f"folder={shlex.quote(folder_of(change))}",
            f"seconds={seconds}",
            f"commands={len(commands)}",
            f"tables={shlex.quote(' '.join(_tables_of(commands)))}",
            f"programs={shlex.quote(' '.join(dict.fromkeys(_plain_programs(commands))))}",
        )),
        "TEXTS": "\n".join((*_texts(texts), *_steps(commands, texts))),
    }  # fmt: skip
    skeleton = files("lab.ruleset.guarding").joinpath("guard.sh").read_text(encoding="utf-8")
    return re.sub(r"@(TITLE|SETTINGS|TEXTS)@", lambda found: parts[found[1]], skeleton)


def folder_of(change: str) -> str:
    """What the change's folder on the host is called.

    >>> folder_of("CHG-7")
    'CHG-7'
    """
    plain = _NOT_IN_A_FOLDER.sub("_", change)[:_LONGEST]
    if plain == change and change[:1] not in (".", "-", ""):
        return plain
    return f"x{plain}-{sha256(change.encode()).hexdigest()[:8]}"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _tables_of(commands: Sequence[Command]) -> Iterator[str]:
    """The tables of iptables that commands speak of, ``ip:filter``, each once."""
    found: dict[str, None] = {}
    for command in commands:
        tool = _IPTABLES.fullmatch(command.argv[0])
        if tool is None:
            continue
        named = [value for word, value in zip(command.argv, command.argv[1:], strict=False) if word in ("-t", "--table")]
        tables = _TABLE.findall(command.stdin) if tool[2] else named or ["filter"]
        found |= dict.fromkeys(f"{tool[1]}:{table}" for table in tables)
    return iter(found)


def _plain_programs(commands: Sequence[Command]) -> Iterator[str]:
    """What has to be on the host; a program with an odd name is left to `sh` to miss."""
    for command in commands:
        if re.fullmatch(r"[A-Za-z0-9_./+-]+", command.argv[0]):
            yield command.argv[0]


def _texts(texts: dict[int, str]) -> Iterator[str]:
    yield "# What the commands of the change read. No shell reads any of it."
    for number, text in texts.items():
        end = _terminator(text)
        yield f"text_{number}() {{\n    cat <<'{end}'\n{text}{end}\n}}\n"
    yield "# FOLDER: writes them there"
    yield 'write_texts() {\n    mkdir -p "$1" || return 1'
    yield from (f'    text_{number} >"$1/{number}" || return 1' for number in texts)
    yield "}\n"
    yield "# FOLDER: whether they are what was written into this file"
    yield 'check_texts() {\n    [ -d "$1" ] || return 1'
    for number, text in texts.items():
        yield f'    [ "$(cksum <"$1/{number}")" = "{cksum(text.encode())}" ] || return 1'
    yield "}\n"


def _steps(commands: Sequence[Command], texts: dict[int, str]) -> Iterator[str]:
    yield "# The commands of the change, one after the other; false where one fails"
    yield "# shellcheck disable=SC2016  # what stands in them is no shell's"
    yield "change_rules() {"
    for number, command in enumerate(commands, 1):
        given = f'"$state/new/{number}"' if number in texts else "/dev/null"
        yield f"    step {number} {given} {shlex.join(command.argv)} || {':' if command.may_fail else 'return 1'}"
    yield "}\n"
    yield "# FOLDER: whether the tools take the new rules, as far as they can be asked; rules that name sets need these first"
    yield "# shellcheck disable=SC2016"
    yield 'try_change() {\n    [ -d "$1" ] || return 1'
    if not any(command.argv[0] == "ipset" for command in commands):
        for number, command in enumerate(commands, 1):
            test = _test_of(command)
            if test is not None and number in texts:
                yield f'    {shlex.join(test)} <"$1/{number}" || return 1'
    yield "}"


def _test_of(command: Command) -> tuple[str, ...] | None:
    """The same command, only tried; None where there is no such."""
    tool = _IPTABLES.fullmatch(command.argv[0])
    if tool is not None and tool[2]:
        return (command.argv[0], "--test", *command.argv[1:])
    return ("nft", "-c", *command.argv[1:]) if command.argv[:2] == ("nft", "-f") else None


def _terminator(text: str) -> str:
    lines, number = set(text.split("\n")), 0
    while f"END-OF-TEXT-{number}" in lines:
        number += 1
    return f"END-OF-TEXT-{number}"
