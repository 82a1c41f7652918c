"""Shells in a node, to be reached by a connection through the rules, and by a console past them."""

from __future__ import annotations

import socket as sockets
from collections.abc import Mapping
from pathlib import Path

from lab.errors import MeasurementError, Problem
from lab.kernel.stage.node import Node
from lab.kernel.stage.program import shell_server
from lab.kernel.stage.program.process import THIS_PYTHON, Process
from lab.kernel.stage.program.witness import Prints

_PROGRAM = "/run/lab/shell_server.py"


def start_shells(
    node: Node, port: int | None, files: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> Process:
    """Give whoever connects to tcp ``port`` of the node a shell, as an SSH server does, from now until it is stopped.

    Without a port there are consoles alone.

    All that these shells start lives in one world of its own (`Process`): its processes, and a /run and a /tmp, where ``files``
    (path to text) lie from the start; ``environment`` is that of all of them.  It goes with the node.  Raises as `Process`.
    """
    source = Path(shell_server.__file__).read_text(encoding="utf-8")
    command = [THIS_PYTHON, "-I", "-S", "-B", _PROGRAM, *([] if port is None else [str(port)])]
    files = {**(files or {}), _PROGRAM: source}
    return node.start(command, ready=Prints(shell_server.READY), files=files, environment=environment)


def console_of(node: Node, connection: str = "") -> sockets.socket:
    """A new shell of those that `start_shells` gives, by no connection that a rule could touch; it blocks.

    ``connection`` is what it is told that it came by, as SSH_CONNECTION.
    """
    return _channel(node, shell_server.CONSOLE, connection)


def ending_of(node: Node, process: int) -> sockets.socket:
    """What is readable once a process in the world of those shells has ended, by the number that it has there."""
    return _channel(node, shell_server.ENDS, str(process))


def _channel(node: Node, name: str, first_line: str) -> sockets.socket:
    channel = node.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    try:
        channel.setblocking(True)  # noqa: FBT003 - the system's own call
        channel.connect(name)
        channel.sendall(f"{first_line}\n".encode())
    except OSError as error:
        channel.close()
        raise MeasurementError(Problem(f"{node.name}: nobody gives a shell there: {error.strerror}")) from error
    return channel
