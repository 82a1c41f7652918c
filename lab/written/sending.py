"""How a flow is sent, beside from where and to where: what a command or a call says of the sending socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lab.errors import InputError, Problem
from lab.written.cell import Service
from lab.written.fields import flags_of, mark_of, user_of

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Sending:
    """``sport`` None lets the lab choose; ``flags`` are those of a bare segment, ``mark`` and ``uid`` the socket's."""

    sport: int | None = None
    flags: tuple[str, ...] = ()
    mark: int = 0
    uid: int | None = None

    def fits(self, service: Service) -> None:
        """Raise InputError for a service that cannot be sent so."""
        if service.port_count > 1:
            raise InputError(Problem(f"{service.text!r} is more than one port", mend="probe one port at a time"))
        if self.flags and service.proto != "tcp":
            what = f"a bare segment ({' '.join(self.flags)}) is one of TCP, but {service.text!r} is {service.proto}"
            raise InputError(Problem(what))


PLAIN = Sending()


def sending(
    *, sport: int | None = None, ack: bool = False, flags: str | Sequence[str] = (), mark: int | str = 0, uid: int | None = None
) -> Sending:
    """What is said, if it can be; raises InputError.  ``ack`` is short for the flags of a bare ACK."""
    if sport is not None and not 1 <= sport <= 65535:
        raise InputError(Problem(f"source port {sport} is not between 1 and 65535"))
    words = flags.replace(",", " ").split() if isinstance(flags, str) else list(flags)
    said = [*words, *(["ack"] if ack else [])]
    return Sending(
        sport, _read(flags_of, said) if said else (), _read(mark_of, mark), None if uid is None else _read(user_of, uid)
    )


def _read(read: Callable[[V], T], value: V) -> T:
    try:
        return read(value)
    except ValueError as error:
        raise InputError(Problem(str(error))) from None
