"""What the kernel takes long to close."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_THREADS = 64  # that wait for the kernel; each waits for what the others wait for


def side_by_side(*closers: Callable[[], None]) -> None:
    """Call all of them at once, and return when all are done.

    For each packet socket and each table of nf_tables that goes the kernel waits until no processor can still be in it: some
    milliseconds, and as long for many at once.
    """
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        for done in [pool.submit(close) for close in closers]:
            done.result()
