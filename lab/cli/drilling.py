"""Drills as the command line has them."""

from __future__ import annotations


def stop_drill(name: str) -> None:
    """End the drill of the team ``name``."""
    from lab.errors import InputError, Problem

    raise InputError(Problem(f"no drill is called {name!r}", mend="lab drill start DRILL --name NAME"))
