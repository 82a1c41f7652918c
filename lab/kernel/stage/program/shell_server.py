"""A shell for each connection, as an SSH server gives it: on a terminal of its own, hung up when the connection breaks.

It is a program by itself, `shell_server.py PORT`, and knows only the standard library; `lab.kernel.stage.shell` starts it.
Each connection has a process of its own, whose child the shell is, and which tells it SSH_CONNECTION.  A console is at the
abstract name `lab-console`, which no rule can touch: the same without a connection, but for what its first line says in its
place.  Who asks at `lab-ends` for a process by its number hears nothing until that has ended.  A number between two of the
character 0x1d is a moment: it is passed on with the time, in nanoseconds since the epoch, as who hears of it may be kept from
listening.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket as sockets
import sys
import termios
import time
from contextlib import suppress

CONSOLE, ENDS = "\0lab-console", "\0lab-ends"
READY = "shells are to be had"
_SHELL = ("/bin/sh", "sh", "-i")
_MOST = 64 << 10  # bytes at once
_MOMENT = re.compile(rb"\x1d(\d+)\x1d")


def main(port: int | None = None) -> None:
    """Serve until it is ended."""
    listeners = [_abstract(CONSOLE), _abstract(ENDS), *(_at(port) if port is not None else ())]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that serve
    print(READY, flush=True)
    waiting = select.poll()
    for listener in listeners:
        waiting.register(listener, select.POLLIN)
    while True:
        for descriptor, _ in waiting.poll():
            listener = next(one for one in listeners if one.fileno() == descriptor)
            try:
                channel, peer = listener.accept()
            except OSError:  # whoever it was has left again
                continue
            if os.fork() == 0:
                for one in listeners:
                    one.close()
                os._exit(_wait(channel) if listener is listeners[1] else _serve(channel, peer))
            channel.close()


def _abstract(name: str) -> sockets.socket:
    """What listens at a name that belongs to the network namespace (unix(7)), and is no file."""
    listener = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    listener.bind(name)
    listener.listen()
    return listener


def _at(port: int) -> list[sockets.socket]:
    """What listens on every address of both families, where the node has both."""
    found = []
    for family, address in ((sockets.AF_INET6, "::"), (sockets.AF_INET, "0.0.0.0")):
        listener = sockets.socket(family, sockets.SOCK_STREAM)
        listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        if family == sockets.AF_INET6:
            listener.setsockopt(sockets.IPPROTO_IPV6, sockets.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen()
        found.append(listener)
    return found


def _serve(channel: sockets.socket, peer: tuple[str, int]) -> int:
    """One connection, until it breaks or its shell ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    environment = {name: value for name, value in os.environ.items() if name != "XTABLES_LOCKFILE"}  # it has a /run of its own
    environment |= {"PS1": "", "PS2": "", "TERM": "dumb", "HOME": "/tmp"}
    if channel.family == sockets.AF_UNIX:
        if said := _first_line(channel):
            environment["SSH_CONNECTION"] = said
    else:
        channel.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
        own = channel.getsockname()
        environment["SSH_CONNECTION"] = f"{peer[0]} {peer[1]} {own[0]} {own[1]}"
    shell, terminal = pty.fork()
    if shell == 0:
        channel.close()
        os.execve(_SHELL[0], _SHELL[1:], environment)
    _raw(terminal)
    _pass_on(channel, terminal)
    os.close(terminal)  # which hangs up: the kernel tells the shell's session
    with suppress(OSError):
        channel.shutdown(sockets.SHUT_WR)
    os.waitpid(shell, 0)
    return 0


def _first_line(channel: sockets.socket) -> str:
    said = b""
    while not said.endswith(b"\n") and (one := channel.recv(1)):
        said += one
    return said.decode().rstrip("\n")


def _wait(channel: sockets.socket) -> int:
    """Until the process that is asked for has ended; its asker then hears that this end is closed."""
    with suppress(ProcessLookupError):
        ended = os.pidfd_open(int(_first_line(channel)))
        waiting = select.poll()
        waiting.register(ended, select.POLLIN)
        waiting.poll()
    return 0


def _raw(terminal: int) -> None:
    """Neither an echo nor other line ends: what is said is what is heard."""
    settings = termios.tcgetattr(terminal)
    settings[1] &= ~termios.OPOST
    settings[3] &= ~(termios.ECHO | termios.ECHOE | termios.ECHOK | termios.ECHONL)
    termios.tcsetattr(terminal, termios.TCSANOW, settings)


def _with_time(moment: re.Match[bytes]) -> bytes:
    return b"\x1d%s %d\x1d" % (moment[1], time.time_ns())


def _pass_on(channel: sockets.socket, terminal: int) -> None:
    """Pass on what either says, until the connection ends or nobody has the terminal any more."""
    waiting = select.poll()
    for descriptor in (channel.fileno(), terminal):
        waiting.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in waiting.poll()}
        with suppress(OSError):  # a reset, a terminal without a shell
            if terminal in ready:
                if (said := os.read(terminal, _MOST)) == b"":
                    return
                channel.sendall(_MOMENT.sub(_with_time, said))
            elif channel.fileno() in ready:
                if (said := channel.recv(_MOST)) == b"":
                    return
                while said:
                    said = said[os.write(terminal, said) :]
            continue
        return


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
