"""A host of the lab that the script lies on, as its admin has it: sessions through the rules, a console past them, a clock."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.syscalls import readable
from lab.kernel.stage.shell import ending_of, start_shells
from lab.lab import Lab
from lab.probe.question import Question
from lab.probe.session.shell import AdminSession, Console, How, Ran, Shell
from lab.record.verdict import Verdict
from lab.ruleset.guarding.script import FOLDER, folder_of
from lab.verdict.prove import prove

SCRIPT = "/run/guard.sh"
_CLOCK = "/run/clock"
_ENVIRONMENT = {
    "NETFILTER_GUARD_WAIT": f'mkfifo "{_CLOCK}.$token" 2>/dev/null; read -r _ <"{_CLOCK}.$token"',
    "NETFILTER_GUARD_KEEP": "/run/keep",
}
"""The script as it is, but that its timer waits for the lab's clock, and that its copies are in the node's own folder."""
_TOKEN = re.compile(r"confirm ([0-9a-f]+)")
_DEADLINE_S = 60.0  # for a process that nothing keeps from ending


@dataclass(frozen=True, slots=True)
class AdminPath:
    """The flow that the change is made by: ``question`` asks for it, and it ends at a ``port`` of the node ``target``."""

    question: Question
    target: str
    port: int


@dataclass(frozen=True, slots=True)
class Entered:
    """A session of the admin's, and what its first packet proves; ``verdict`` None of a console."""

    shell: Shell
    verdict: Verdict | None = None
    session: AdminSession | None = None

    def goes_on(self) -> bool:
        """Whether its connection still carries what is said, there and back; a console always does."""
        return self.session is None or self.session.shell.run(":").how is How.DONE


class LockedOut(Exception):
    """The admin could not come in; ``verdict`` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict


class GuardedHost:
    """The node ``name`` of a lab, with the script of ``change``; without ``path`` its admin sits at the console."""

    def __init__(self, lab: Lab, name: str, change: str, script: str, path: AdminPath | None) -> None:
        self.lab, self.name, self._path = lab, name, path
        self.node = lab.network.nodes[name]
        self.folder = f"{FOLDER}/{folder_of(change)}"
        self.copy = f"{self.folder}/guard.sh"
        port = path.port if path is not None else None
        start_shells(self.node, port, {SCRIPT: script}, _ENVIRONMENT)
        if path is not None and path.target != name:
            start_shells(lab.network.nodes[path.target], port)

    @contextmanager
    def entered(self) -> Iterator[Entered]:
        """A new session: by a connection through the rules, where the admin has one; raises `LockedOut`.

        Where the connection ends at another node, that is where the admin goes on from: the shell is one that was told of it.
        """
        if self._path is None:
            with Console(self.node) as console:
                yield Entered(console)
            return
        with self.lab.batch(), AdminSession(self.lab.stage, self._path.question) as session:
            verdict = prove(session.open(), self.name)
            if not verdict.allowed or session.arrival is None:
                raise LockedOut(verdict)
            if session.arrival.at == self.name:
                yield Entered(session.shell, verdict, session)
                return
            came = session.arrival
            with Console(self.node, f"{came.source} {came.sport} {came.address} {came.port}") as onward:
                yield Entered(onward, verdict, session)

    def at_console(self, line: str) -> Ran:
        """A line in a shell that no rule keeps anybody from."""
        with Console(self.node) as console:
            return console.run(line)

    def kept(self, name: str) -> str:
        """What the script keeps under this name; "" where it keeps nothing."""
        return self.at_console(f"cat {shlex.quote(f'{self.folder}/{name}')} 2>/dev/null").output.strip()

    def timer(self) -> int | None:
        """The timer that was armed last; None where it has ended."""
        number = self.kept("timer").split(" ")[0]
        running = number and self.at_console(f"kill -0 {number}").code == 0
        return int(number) if running else None

    def ring(self) -> None:
        """The time of the timer that was armed last is over: returns when it has done what it does then."""
        timer = self.timer()
        if timer is None:
            raise MeasurementError(Problem(f"{self.name}: the script has no timer that waits"))
        clock = f"{_CLOCK}.{self.kept('token')}"
        self.at_console(f"mkfifo {clock} 2>/dev/null; echo over >{clock}")
        self.wait_for(timer)

    def wait_for(self, process: int) -> None:
        """Return when a process there has ended."""
        with ending_of(self.node, process) as ending:
            if not readable(ending.fileno(), _DEADLINE_S):
                raise MeasurementError(Problem(f"{self.name}: process {process} did not end within {_DEADLINE_S:g} s"))

    def wait_until_idle(self) -> None:
        """Return when no script is at work there, but for the timer that waits."""
        holder = self.at_console(f"cat {FOLDER}/turn.*").output.split()
        if holder[:1] not in ([], ["0"]):
            self.wait_for(int(holder[0]))


def token_in(ran: Ran) -> str | None:
    """The token that the script printed."""
    found = _TOKEN.search(ran.output)
    return found[1] if found is not None and ran.how is How.DONE else None
