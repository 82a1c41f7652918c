"""What goes through a door: requests and answers with descriptors; and, as a program, a command at another node's door.

It knows only the standard library, since inside of a world it is a file by itself: ``door_client.py DOOR CMD…`` does the
command there with its own descriptors or, where those are a terminal, on a terminal there, and ends with the command's code.
A message is a JSON object behind its length in four bytes.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket as sockets
import struct
import sys
import termios
import tty
from collections.abc import Mapping, Sequence
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from typing import Any

_MOST = 4 << 20  # bytes of a message
_AT_ONCE = 64 << 10
_NO_ANSWER = 255
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def connect(door: str) -> sockets.socket:
    """A channel to a door, whose path may be longer than a socket's address (unix(7)); raises OSError."""
    folder, name = os.path.split(door)
    held = os.open(folder or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    channel = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    try:
        channel.connect(f"/proc/self/fd/{held}/{name}")
    except BaseException:
        channel.close()
        raise
    finally:
        os.close(held)
    return channel


def tell(channel: sockets.socket, what: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one message; raises OSError."""
    body = json.dumps(what).encode()
    message = len(body).to_bytes(4, "big") + body
    sent = sockets.send_fds(channel, [message], list(descriptors)) if descriptors else 0
    if sent < len(message):  # who has heard all of it may have answered and gone by now: to send nothing would fail
        channel.sendall(message[sent:])


def hear(channel: sockets.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next message and its descriptors; None when the other has gone, or says what is no message."""
    descriptors: list[int] = []
    with suppress(OSError, ValueError):
        head = _exactly(channel, 4, descriptors)
        length = int.from_bytes(head, "big")
        if len(head) == 4 and length <= _MOST:
            body = _exactly(channel, length, descriptors)
            if len(body) == length and isinstance(said := json.loads(body), dict):
                return said, descriptors
    for descriptor in descriptors:
        os.close(descriptor)
    return None


def _exactly(channel: sockets.socket, length: int, descriptors: list[int]) -> bytes:
    found = b""
    while len(found) < length:
        part, given, _, _ = sockets.recv_fds(channel, length - len(found), 3)
        for descriptor in given:
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - the system's own call
        descriptors += given
        if not part:
            break
        found += part
    return found


def relay(terminal: int, ended: int) -> None:
    """Be the screen and the keyboard of a terminal elsewhere, until it hangs up or ``ended`` has something to read.

    Descriptors 0 and 1 are a terminal of ours, which is raw in the meantime; its size is passed on.
    """
    before = termios.tcgetattr(0)
    waking, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    previous = signal.signal(signal.SIGWINCH, lambda *_: None)
    try:
        tty.setraw(0)
        _copy(terminal, ended, waking)
    finally:
        signal.signal(signal.SIGWINCH, previous)
        signal.set_wakeup_fd(-1)
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        os.close(waking)
        os.close(woken)


def _copy(terminal: int, ended: int, resized: int) -> None:
    waiting = select.poll()
    for descriptor in (0, terminal, ended, resized):
        waiting.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in waiting.poll()}
        if resized in ready:
            os.read(resized, 4096)
            rows, columns = size_of(0)
            resize(terminal, rows, columns)
        if terminal in ready:
            with suppress(OSError):  # EIO: nobody has it open any more
                if said := os.read(terminal, _AT_ONCE):
                    write_all(1, said)
                    continue
            return
        if ended in ready:
            return
        if 0 in ready:
            if not (typed := os.read(0, _AT_ONCE)):
                return
            write_all(terminal, typed)


def write_all(descriptor: int, said: bytes) -> None:
    """Write all of it; raises OSError."""
    while said:
        said = said[os.write(descriptor, said) :]


def size_of(terminal: int) -> tuple[int, int]:
    """Rows and columns of a terminal; raises OSError."""
    rows, columns, _, _ = struct.unpack("4H", ioctl(terminal, termios.TIOCGWINSZ, bytes(8)))
    return rows, columns


def resize(terminal: int, rows: int, columns: int) -> None:
    """Give a terminal another size, which those in its foreground are told (SIGWINCH); raises OSError."""
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))


def main(door: str, argv: Sequence[str]) -> int:
    """Do a command at a door; returns its exit code."""
    node = door.rpartition("/")[2]
    try:
        channel = connect(door)
    except OSError:
        print(f"{node}: no such node in this lab; `ip netns list` names them", file=sys.stderr)
        return 1
    environment = {name: value for name, value in os.environ.items() if name not in ("PS1", "ENV", "PWD", "OLDPWD")}
    asked: dict[str, Any] = {"argv": list(argv), "environment": environment}
    with suppress(OSError):
        asked["cwd"] = str(Path.cwd())
    on_terminal = all(os.isatty(descriptor) for descriptor in (0, 1, 2))
    if on_terminal:
        asked["terminal"] = size_of(0)
    try:
        tell(channel, asked, () if on_terminal else (0, 1, 2))
        return _on_terminal(channel) if on_terminal else _with_signals(channel)
    except OSError as error:
        print(f"{node}: {error.strerror}", file=sys.stderr)
        return _NO_ANSWER


def _on_terminal(channel: sockets.socket) -> int:
    if (given := hear(channel)) and given[1]:
        relay(given[1][0], channel.fileno())
        return _code(channel)
    return _NO_ANSWER


def _with_signals(channel: sockets.socket) -> int:
    def pass_on(signum: int, _: object) -> None:
        with suppress(OSError):
            tell(channel, {"signal": signum})

    for signum in _PASSED_ON:
        signal.signal(signum, pass_on)
    return _code(channel)


def _code(channel: sockets.socket) -> int:
    answer = hear(channel)
    return int(answer[0].get("code", _NO_ANSWER)) if answer else _NO_ANSWER


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
