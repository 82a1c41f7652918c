"""``lab pytest``: pytest where labs can be built, also for an ordinary user."""

from __future__ import annotations

import os
import sys

import typer

from lab.cli.command import Job, command


@command(Job.SERVE, "Run pytest where labs can be built, without root too.", passes_on=True)
def pytest(context: typer.Context) -> None:
    """Enter a user namespace if that is needed, then run pytest with the arguments that follow."""
    from lab.kernel.ground.privileges import enter

    # before pytest runs: its workers have threads, and a process with threads cannot enter one
    enter()
    # a program that this process becomes keeps its namespaces, and finds nothing of ours imported
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *context.args])
