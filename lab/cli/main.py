"""The entry of the command ``lab``: nothing is imported here that takes time, so that Ctrl-C finds it ready at once."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

_MADE = 10_000  # objects between two looks for garbage: what is imported and found out stays, and there is a lot of it
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Run the command line; however it ends, it ends in words and with its exit code."""
    gc.set_threshold(_MADE)
    for one in SIGNALS:
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, leave)
    from lab.cli.ending import run_to_its_end

    code = run_to_its_end()
    gc.freeze()  # all of it goes with the process: nobody looks through it once more before that
    sys.exit(code)


def leave(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """End the process now, with the exit code that shells have for the signal: nothing is begun, or all is written."""
    os.write(2, b"interrupted\n")
    os._exit(128 + signum)
