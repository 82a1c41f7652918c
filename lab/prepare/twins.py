"""From the dumps of hosts that a command line names to their twin, and to the scene that stands on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.errors import InputError, Problem
from lab.prepare.piped import descriptor_of, piped_text
from lab.record.host import Dumped, Host
from lab.twin.build import twin_of
from lab.twin.infer import inferred
from lab.twin.reading import Beside, read_host
from lab.twin.twin import Guess, Twin

_KNOWN_BY = (
    "what is guessed is known from what `ip addr` and `ip route` print on the host: --addr FILE --route FILE; "
    "or from a snapshot, `lab snapshot`"
)


@dataclass(frozen=True, slots=True)
class Dumps:
    """What is said of hosts: a snapshot or rules of each, and what `ip` printed beside them.

    Texts are as on the command line; `Beside.of` says which are right.
    """

    files: tuple[str, ...] = ()
    addr: tuple[str, ...] = ()
    route: tuple[str, ...] = ()
    rule: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files)

    @property
    def beside(self) -> Beside:
        """The files of `ip`; raises InputError for what is none."""
        return Beside.of(self.addr, self.route, self.rule)

    def named(self) -> list[Path]:
        """The files that are read: no report may go over one."""
        beside = self.beside
        files = *beside.addresses, *(file for _, file in beside.routes), *(file for _, file in beside.rules)
        return [Path(text) for text in (*self.files, *map(str, files)) if descriptor_of(text) is None]


def hosts_of(dumps: Dumps) -> tuple[Host, ...]:
    """What the dumps say, before anything is concluded; raises InputError."""
    if len(dumps.files) > 1 and (dumps.addr or dumps.route or dumps.rule):
        what = "--addr, --route and --rule are of one host, and several are named"
        raise InputError(Problem(what, mend="take a snapshot of each host: `lab snapshot` prints the script"))
    return tuple(read_host(_source(text), dumps.beside) for text in dumps.files)


def twin_from(hosts: Sequence[Host], named: str | None = None) -> Twin:
    """The twin of these hosts, the first of which is called ``named``; what no dump says is guessed, and told."""
    completed: list[Host] = []
    guesses: list[Guess] = []
    for host in hosts:
        whole, concluded = inferred(host if named is None or completed else replace(host, name=named), completed)
        completed.append(whole)
        guesses += concluded
    twin = twin_of(completed, guesses)
    return replace(twin, notes=(*twin.notes, _KNOWN_BY)) if any(guess.interface for guess in guesses) else twin


def _source(text: str) -> Path | Dumped:
    descriptor = descriptor_of(text)
    return Path(text) if descriptor is None else piped_text(descriptor)
