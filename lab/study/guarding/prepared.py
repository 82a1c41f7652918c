"""A change made ready to be guarded: the commands that make it, and the path that its admin comes by."""

from __future__ import annotations

from lab.errors import InputError, Problem
from lab.prepare.sides import Sides
from lab.probe.question import Question
from lab.ruleset.applying.ways import BARE, commands
from lab.ruleset.backend import Backend
from lab.run.questions import first_question
from lab.study.guarding.trials import Guarded
from lab.written.cell import Cell
from lab.written.change import Change, Window
from lab.written.intended import admin_cells_at


def guarded(change: Change, sides: Sides, backend: Backend, *, allow_commands: bool) -> Guarded:
    """What changes ``sides.node``; raises InputError for what the change does not say, or what cannot be guarded."""
    window, seconds = _window(change, allow_commands=allow_commands)
    old, new = sides.old.policies[sides.node], sides.new.policies[sides.node]
    topology = sides.new.topology
    cells = admin_cells_at(change, topology, sides.node)
    if any(cell.sender.node == sides.node for cell in cells):
        what = f"an admin who sits on {sides.node} itself proves nothing of the way in"
        mend = "say from where the admin comes, or leave `admin` out"
        raise InputError(Problem(what, change.where("window", "admin", "from"), mend))
    question = _question(change, cells[0]) if cells else None
    made = commands(window.apply, old, new, backend)
    if not made:
        raise InputError(Problem(f"{change.change}: both sides of {sides.node} are the same: no command changes anything"))
    known = None if window.apply.how == "run" else new
    return Guarded(change.change, topology, sides.old.policies, sides.node, known, made, seconds, backend, question)


def _window(change: Change, *, allow_commands: bool) -> tuple[Window, int]:
    window = change.said_window()
    if window.rollback_after is None:
        what = f"{change.change} does not say when the rules of before come back"
        raise InputError(Problem(what, change.where("window"), "rollback-after: 60s"))
    if window.apply.how == BARE:
        what = "a host that starts has no rules of before to go back to"
        raise InputError(Problem(what, change.where("window", "apply"), "guard a change that is made while the host is up"))
    require_allowed(change, allow_commands=allow_commands)
    return window, window.rollback_after


def require_allowed(change: Change, *, allow_commands: bool) -> None:
    """Raise InputError for a change that is made by a command of its own, which nobody allowed."""
    if change.window is not None and change.window.apply.how == "run" and not allow_commands:
        what = f"the change runs the command {change.window.apply.run[0]!r}, which was not allowed"
        mend = "allow it with --allow-commands, if you trust this project"
        raise InputError(Problem(what, change.where("window", "apply"), mend))


def _question(change: Change, cell: Cell) -> Question:
    ports = cell.service.ports
    if cell.service.proto != "tcp" or not ports or ports[0][0] != ports[-1][1]:
        what = f"the admin's path is one port of tcp, and not {cell.service.text}"
        raise InputError(Problem(what, change.where("window", "admin", "service"), "service: tcp/22"))
    return first_question(cell)
