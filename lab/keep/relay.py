"""What a node's ``dmesg`` holds: a line for each packet that met a LOG rule there, as the node's kernel would write it.

The kernel writes nothing of a namespace into the machine's log, which no node sees; so a process beside the keeper looks at
the nodes that have LOG rules and writes into /run/lab/dmesg of their worlds.  It ends with the keeper.  Of ip_tables one
process alone can look, and that is left to people: there it writes nothing.
"""

from __future__ import annotations

import os
import pickle
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import lab
from lab.errors import LabError
from lab.keep.entry import Entry
from lab.keep.live import Live
from lab.keep.view import live_view
from lab.kernel.ground.syscalls import die_with_parent
from lab.kernel.hold.held import Held
from lab.record.told import LoggedBy, Told
from lab.report.told import kernel_line
from lab.ruleset.backend import Backend

_RELAY = "import sys; sys.path[:] = sys.argv[1:]; from lab.keep.relay import main; main()"
_FOLDERS, _FILE = ("run", "lab"), "dmesg"
_LONGEST = 1 << 20  # bytes; of what is longer the later half stays


class NodeLog:
    """The file below ``root`` that a node's ``dmesg`` prints.

    The node's own users may do with it what they like, so no link is followed, and what is no file is left alone.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, lines: Iterable[str]) -> None:
        """Append these lines; nothing where the file cannot be had."""
        with suppress(OSError):
            descriptor = self._open()
            try:
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    _shorten(descriptor)
                    os.write(descriptor, "".join(f"{line}\n" for line in lines).encode())
            finally:
                os.close(descriptor)

    def _open(self) -> int:
        at = os.open(self._root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in _FOLDERS:
                outer, at = at, os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
                os.close(outer)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            return os.open(_FILE, flags, 0o644, dir_fd=at)
        finally:
            os.close(at)


def _shorten(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if size > _LONGEST:
        kept = os.pread(descriptor, _LONGEST // 2, size - _LONGEST // 2)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, kept[kept.find(b"\n") + 1 :])


def relay(live: Live, roots: Mapping[str, Path]) -> None:
    """Write what rules log into the worlds of their nodes, of which these are the roots, until there is no more news."""
    logs = {node: NodeLog(root) for node, root in roots.items()}
    for news in live.news():
        if isinstance(news, Told) and (lines := log_lines(news, time.monotonic())):
            logs[news.node].write(lines)


def log_lines(told: Told, seconds: float) -> Sequence[str]:
    """The lines of one packet, those of NFLOG rules not among them; ``seconds`` is the kernel's clock."""
    return [kernel_line(one, told.raw, seconds) for one in told.logged if _to_the_kernel(one)]


def _to_the_kernel(logged: LoggedBy) -> bool:
    return logged.rule.log is not None and logged.rule.log.group is None


def logs_to_the_kernel(_name: str, held: Held | None) -> bool:
    """Whether a node that holds these has a LOG rule."""
    return held is not None and any(rule.log is not None and rule.log.group is None for rule in held.index.logging)


def start_relay(entry: Entry, path: Sequence[str]) -> subprocess.Popen[bytes] | None:
    """Begin to relay, in a process that ends with this one, which keeps the lab; ``path`` is Python's.

    None where nothing can be relayed.
    """
    if entry.backend is Backend.LEGACY:
        return None
    found = [one for one in dict.fromkeys((*path, str(Path(lab.__file__).parents[1]))) if one.startswith("/")]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", _RELAY, *found],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(pickle.dumps(entry))
        process.stdin.close()
    return process


def main() -> None:
    """What the process does."""
    die_with_parent(signal.SIGKILL)
    for one in (signal.SIGINT, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    entry: Entry = pickle.loads(sys.stdin.buffer.read())
    os.chdir("/")
    if os.getppid() != entry.keeper:  # it died before the kernel could be told to send a signal
        return
    with suppress(LabError), live_view(entry, logs_to_the_kernel) as live:
        relay(live, {node: entry.world_of(node) for node in entry.nodes})


if __name__ == "__main__":
    main()
