"""Sets of ipset in the place of others: what rules name stays there, or comes before they name it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lab.ruleset import ipset
from lab.ruleset.applying.command import Command
from lab.ruleset.ipset_statements import words_of
from lab.ruleset.render import Rendered

_ASIDE = "lab-aside-"
"""What a set is called until it takes the place of another."""
_LISTS = "list:set"
_MOST_SINGLE = 1000  # statements: nobody fills larger sets one command after another
_STATEMENT = re.compile(r"(\s*(?:(?:-!|-exist)\s+)?\S+\s+)(\S+)(.*)")


def held(rendered: Rendered | None) -> Mapping[str, str]:
    """The sets that a text leaves, each with its type."""
    return {} if rendered is None else {name: kind for name, (kind, _) in ipset.entries(rendered.text).items()}


def swapped(old: Rendered | None, new: Rendered) -> Command:
    """All sets of ``new`` in one go: one that is held already is filled under another name, and swapped.

    A set of another type than that which is held is refused by the kernel.  The text keeps its lines.
    """
    there = held(old)
    names = {name: f"{_ASIDE}{number}" for number, name in enumerate(ipset.names_of(new.text)) if name in there}
    lines = (
        *(_renamed(line, names) for line in new.text.removesuffix("\n").split("\n")),
        *(f"swap {other} {name}" for name, other in names.items()),
        *(f"{verb} {other}" for verb in ("flush", "destroy") for other in names.values()),
        "",
    )
    return Command(("ipset", "restore"), "\n".join(lines), "ipset")


def _renamed(line: str, names: Mapping[str, str]) -> str:
    """A statement about another set; a set that is added to a list keeps its name."""
    found = _STATEMENT.fullmatch(line)
    return line if found is None or found[2] not in names else f"{found[1]}{names[found[2]]}{found[3]}"


def destroyed(sets: Mapping[str, str]) -> Iterator[Command]:
    """Sets that no rule names any more, by name with their types, are taken away: lists before what is in them."""
    lists = [name for name, kind in sets.items() if kind == _LISTS]
    for name in lists:
        yield Command(("ipset", "flush", name))
    for name in (*lists, *(name for name in sets if name not in lists)):
        yield Command(("ipset", "destroy", name))


def gone(old: Rendered | None, new: Rendered | None) -> Mapping[str, str]:
    """The sets that only ``old`` has."""
    left = held(new)
    return {name: kind for name, kind in held(old).items() if name not in left}


def same(old: Rendered | None, new: Rendered | None) -> bool:
    """Whether the sets are written alike, so that they stay with what rules have put into them."""
    return old is not None and new is not None and old.text == new.text


def scripted(old: Rendered | None, new: Rendered) -> Sequence[Command]:
    """Single commands: a set that is there is emptied and filled again, if all are made as before; else all are swapped."""
    before, after = _made(old), _made(new)
    if new.text.count("\n") > _MOST_SINGLE or any(before.get(name, how) != how for name, how in after.items()):
        return [swapped(old, new)]
    commands: list[Command] = []
    for number, line in enumerate(new.text.split("\n"), start=1):
        words = words_of(line.strip())
        if not words or words[0].startswith("#") or words == ["COMMIT"]:
            continue
        name = next(iter(ipset.names_of(line)), None)
        if name in before:
            commands.append(Command(("ipset", "flush", str(name)), kind="ipset", line=number))
        else:
            commands.append(Command(("ipset", *words), kind="ipset", line=number))
    return commands


def _made(rendered: Rendered | None) -> dict[str, str]:
    """How each set is made: its line, without blanks that say nothing."""
    found: dict[str, str] = {}
    for line in rendered.text.split("\n") if rendered is not None else ():
        for name in ipset.names_of(line):
            found[name] = " ".join(line.split())
    return found
