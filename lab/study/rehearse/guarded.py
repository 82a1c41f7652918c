"""The guard script at work in a node of the lab, by the lab's clock: its shells, its timer, and what it says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from select import select
from types import TracebackType
from typing import Self

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.tools import DEADLINE_S
from lab.kernel.stage.node import Node
from lab.kernel.stage.shell import console_of, ending_of, start_shells
from lab.probe.session.shell import Ran, Shell
from lab.ruleset.applying.command import Command
from lab.ruleset.guarding.script import folder_of, guard_script

_SCRIPT, _CLOCK = "/run/lab/guard.sh", "/run/lab/clock"
_WAIT = {"NETFILTER_GUARD_WAIT": f"read -r _ <{_CLOCK}", "NETFILTER_GUARD_KEEP": "/tmp/kept"}
_TOKEN = re.compile(r"confirm (\w+)")


class Guarded:
    """The script for ``change`` in ``node``, which nobody has called yet; its timer waits until `time_is_up`.

    A shell there came by the connection that it is told of, which the lab has made and proven by itself.
    """

    def __init__(self, node: Node, change: str, commands: Sequence[Command], seconds: int) -> None:
        self._node = node
        self._folder = f"/run/netfilter-guard/{shlex.quote(folder_of(change))}"
        script = guard_script(change, commands, seconds)
        self._program = start_shells(node, None, files={_SCRIPT: script}, environment=_WAIT)
        self._console = self.shell("")
        self._console.run(f"mkfifo {_CLOCK}")

    def shell(self, connection: str) -> Shell:
        """A shell that came by ``connection`` (as SSH_CONNECTION has it), or by none."""
        return Shell(console_of(self._node, connection), f"the shell of {self._node.name}")

    def line(self, *words: str) -> str:
        """The line that calls the script so."""
        return shlex.join(("sh", _SCRIPT, *words))

    def call(self, connection: str, *words: str) -> Ran:
        """Call the script in a shell of its own, and wait until it has ended."""
        with self.shell(connection) as shell:
            return shell.run(self.line(*words))

    @staticmethod
    def token_in(said: str) -> str:
        """The token that an apply told."""
        found = _TOKEN.search(said)
        if found is None:
            raise MeasurementError(Problem(f"the script told no token: {said[-400:]}"))
        return found[1]

    def time_is_up(self) -> None:
        """Have the timer's time be over, and return once the timer has done what it does, and ended."""
        timer = self._console.run(f"cat {self._folder}/timer").output.split()
        if not timer:
            raise MeasurementError(Problem("the script has armed no timer"))
        with ending_of(self._node, int(timer[0])) as ending:
            self._console.run(f"echo >{_CLOCK}")
            if not select([ending], [], [], DEADLINE_S)[0]:
                raise MeasurementError(Problem(f"the timer did not end within {DEADLINE_S:g} s"))

    @property
    def log(self) -> str:
        """What the script wrote down."""
        return self._console.run(f"cat {self._folder}/log").output

    def close(self) -> None:
        """End all of it, the timer too."""
        self._console.close()
        self._program.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
