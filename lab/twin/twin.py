"""A twin: a topology that stands for one or several real hosts, the policies that its nodes hold, and what was guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.errors import Where
from lab.record.host import Host
from lab.written.policy import Instead
from lab.written.topology import Topology


@dataclass(frozen=True, slots=True)
class Guess:
    """What was concluded and no dump says: ``what`` in a sentence, ``rests_on`` the line as it is written, ``where`` it is.

    ``rests_on`` is empty where no rule says anything of it.  ``about`` is the interface, the address or the network that it
    tells of, as text.
    """

    what: str
    rests_on: str
    where: Where | None = None
    about: str = ""

    def __str__(self) -> str:
        at = f"  [{self.where}]" if self.where is not None else ""
        return f"guessed: {self.what}" + (f", as of `{self.rests_on}`{at}" if self.rests_on else "")


@dataclass(frozen=True, slots=True)
class Twin:
    """``hosts`` are those that it stands for, by node; ``policies`` are what each of them is given in place of a policy.

    ``notes`` are what the reader of every answer must know beside the guesses: what was not captured and rules depend on, what
    became another kind of interface.
    """

    topology: Topology
    hosts: Mapping[str, Host]
    policies: Mapping[str, tuple[Instead, ...]]
    guesses: tuple[Guess, ...] = ()
    notes: tuple[str, ...] = ()
