"""A twin: a topology that stands for one or several real hosts, the policies that its nodes hold, and what was guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        return self.what + (f", as of `{self.rests_on}`{at}" if self.rests_on else "")


@dataclass(frozen=True, slots=True)
class Twin:
    """``hosts`` are those that it stands for, by node; ``policies`` are what each of them is given in place of a policy.

    ``notes`` are what the reader of every answer must know beside the guesses: what was not captured and rules depend on, what
    became another kind of interface.  ``behind`` are the nodes behind each host's interfaces, by host and interface.
    """

    topology: Topology
    hosts: Mapping[str, Host]
    policies: Mapping[str, tuple[Instead, ...]]
    guesses: tuple[Guess, ...] = ()
    notes: tuple[str, ...] = ()
    behind: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def word(self, text: str, *, sender: bool) -> str:
        """The end of a flow that ``text`` of a command line stands for, as `lab.written.ends` reads it.

        ``self`` is the host, ``@eth0`` who is behind that interface, ``203.0.113.9@eth5`` that address there; all else stays
        as it is.  ``sender`` says which end it is.  Raises InputError for an interface that there is not, and for words that
        need one host where there are several.
        """
        raise NotImplementedError
