"""Work that makes ten thousands of records, without the collector that would walk over all of them again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """No collection while inside.

    A large ruleset or sweep is some 100,000 objects that all stay: looking for garbage among them takes as long as making
    them.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
