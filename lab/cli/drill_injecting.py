"""Injects as the command line has them: told when they are due, by whichever command comes first."""

from __future__ import annotations

from lab.drill.follow import Following
from lab.drill.inject import come, give_next, pause, resume, skip_next, states
from lab.drill.played import Played, played
from lab.report.drill import clock
from lab.report.plain import plain
from lab.written.drill_parts import Inject


def tell_due(found: Played) -> None:
    """Print the injects that are due: what a team is told, and nothing that is for the facilitator."""
    for number, one in come(found):
        print(plain(f"inject {number}: {one.text}"), flush=True)


def do_inject(name: str, what: str) -> None:
    """Do what the facilitator says about the injects of a drill."""
    found = played(name)
    if what == "next":
        _tell(*give_next(found))
    elif what == "skip":
        number, one = skip_next(found)
        print(plain(f"inject {number} does not come: {one.text}"))
    elif what == "pause":
        pause(found)
        print("the clock of the injects stands; what happens brings none")
    elif what == "resume":
        resume(found)
        print("the clock of the injects goes on")
    else:
        for number, one in come(found):
            _tell(number, one)
        for number, one, state in states(found):
            print(plain(f"{number:2}  {state:8} {_when(one):28} {one.text}"))


def follow_injects(name: str) -> None:
    """Print each inject as it comes, until none is left or the drill ends."""
    found = played(name)
    with Following(found) as following:
        for number, one in following.injects():
            _tell(number, one)


def _tell(number: int, one: Inject) -> None:
    """An inject as a facilitator needs it."""
    print(plain(f"inject {number}: {one.text}"))
    if one.expected:
        print(plain(f"  expected: {one.expected}"))
    if one.if_not:
        print(plain(f"  if not:   {one.if_not}"))
    print(end="", flush=True)


def _when(one: Inject) -> str:
    parts = [*([] if one.at is None else [f"at {clock(one.at)}"]), *([] if one.when is None else [one.when])]
    return " or when ".join(parts)
