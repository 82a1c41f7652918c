"""From what dumps say of hosts to a topology that stands for them."""

from __future__ import annotations

from collections.abc import Sequence

from lab.record.host import Host
from lab.twin.twin import Guess, Twin


def twin_of(hosts: Sequence[Host], guesses: Sequence[Guess] = ()) -> Twin:
    """The twin of ``hosts``, joined where they share a network; ``guesses`` are those that were made to have them.

    Raises InputError where rules are of another host, or what was dumped cannot be built.
    """
    raise NotImplementedError
