"""Steps that send a packet of the session: what stands after them is expected of that packet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from lab.written.cell import Service
from lab.written.fields import AnExpect
from lab.written.further import Further, Override, overridden, why_it_is_no_expectation
from lab.written.steps.verb import Verb
from lab.written.words import ShortForm


class Spoken(Further):
    """What is expected of what a step sends, in the keys of a row."""

    expect: AnExpect = Field(description="allow, drop, reject, deny, or {reject: KIND}")
    v4: Override | None = Field(default=None, description="keys that hold for IPv4 alone")
    v6: Override | None = Field(default=None, description="keys that hold for IPv6 alone")

    def of_family(self, family: int) -> Spoken:
        """The same with what ``v4:`` or ``v6:`` says of it."""
        return overridden(self, family)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for family in (4, 6):
            one = self.of_family(family)
            if why := why_it_is_no_expectation(one, one.expect.action):
                raise ValueError(why)
        return self


class SpokenByOne(Spoken):
    """The same of what either end may send."""

    end: Literal["client", "server"] = Field(default="client", alias="from", description="which end sends it: client, server")


def _short(value: object) -> object:
    bare = not isinstance(value, Mapping) or tuple(value) == ("reject",)
    return {"expect": value} if bare and not isinstance(value, Spoken) else value


_SHORT_FORM = ShortForm({"type": "string", "description": "its action"})
_EXPECTED = Annotated[Spoken, BeforeValidator(_short), _SHORT_FORM]
_BY_ONE = Annotated[SpokenByOne, BeforeValidator(_short), _SHORT_FORM]


def _shakes_hands(service: Service) -> None:
    if service.proto != "tcp":
        raise ValueError(f"{service.text} has no connection: it begins with `send`, and is not closed")


def _has_ports(service: Service) -> None:
    if not service.ports:
        raise ValueError(f"{service.text} is answered by the receiver's kernel: `send` sees the answer too")


OPEN = Verb("open", _EXPECTED, "the handshake", speaks=True, fits=_shakes_hands)
SEND = Verb("send", _EXPECTED, "a packet with data from client to server", speaks=True)
ANSWER = Verb("answer", _EXPECTED, "a packet with data from server to client", speaks=True, fits=_has_ports)
CLOSE = Verb("close", _EXPECTED, "the orderly close, in which the server is first", speaks=True, fits=_shakes_hands)
RESET = Verb(
    "reset", _BY_ONE, "a reset, with which one end breaks off", speaks=True, fits=_shakes_hands,
    in_words=lambda said: "by the server" if said.end == "server" else "",
)  # fmt: skip
