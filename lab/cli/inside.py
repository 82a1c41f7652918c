"""Commands and shells in the nodes of a lab that is up."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lab.errors import InputError, Problem
from lab.keep.entry import find
from lab.keep.shelling import environment, shell
from lab.kernel.stage.door import start_at

_STANDARD = (0, 1, 2)


def run_in(lab: str, node: str, words: Sequence[str]) -> None:
    """Run a command in a node with this process's own channels, and end with its exit code."""
    entry = find(lab)
    command = list(words[1:] if words[:1] == ["--"] else words)
    if not command:
        raise InputError(Problem("no command", mend=f"lab exec {lab} {node} -- iptables -S"))
    with start_at(entry.door_of(node), command, _STANDARD, environment()) as running:
        code = running.wait()
    sys.exit(code)


def shell_in(lab: str, node: str) -> None:
    """Open a shell in a node, until it ends; ends with its exit code."""
    sys.exit(shell(find(lab), node))
