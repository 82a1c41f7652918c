"""Steps that send a packet beside what the session's own ends say: one by its layers, and an ICMP error about the flow."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from lab.written.fields import Packets
from lab.written.messages import did_you_mean
from lab.written.packet.error_kinds import ERROR_KINDS, LEAST_MTU, TOO_BIG
from lab.written.steps.spoken import Spoken
from lab.written.steps.verb import About, Verb
from lab.written.words import MOST_MTU, Name, text_of

_ENDS = ("client", "server")
_DIRECTIONS = ("request", "answer")


def _one_of(known: tuple[str, ...]) -> PlainValidator:
    def read(value: object) -> str:
        text = text_of(value)
        if text not in known:
            raise ValueError(f"{text!r} cannot stand here\n{did_you_mean(text, known)}")
        return text

    return PlainValidator(read)


def _mtu(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not LEAST_MTU[4] <= value <= MOST_MTU:
        raise ValueError(f"{value!r} is no MTU: a number of bytes from {LEAST_MTU[4]} to {MOST_MTU}")
    return value


_Kind = Annotated[str, _one_of(tuple(ERROR_KINDS)), WithJsonSchema({"enum": list(ERROR_KINDS)})]
_End = Annotated[str, _one_of(_ENDS), WithJsonSchema({"enum": list(_ENDS)})]
_Direction = Annotated[str, _one_of(_DIRECTIONS), WithJsonSchema({"enum": list(_DIRECTIONS)})]
_Mtu = Annotated[int, PlainValidator(_mtu), WithJsonSchema({"type": "integer", "minimum": LEAST_MTU[4], "maximum": MOST_MTU})]


class SpokenPacket(Spoken):
    """A packet by its layers; addresses, ports and TCP's numbers are those of the session where it says none."""

    layers: Packets = Field(description='TCP(flags="A"); seq and ack are counted from where the session is')
    end: _End = Field(default="client", description="which end of the session it is from: client, or server")

    @model_validator(mode="after")
    def _of_the_session(self) -> SpokenPacket:
        if self.layers.source is not None:
            raise ValueError("`layers` says where it is from: in a step that is an end of the session\nask another `flow`")
        return self


class SpokenError(Spoken):
    """An ICMP error about the session."""

    kind: _Kind = Field(description=", ".join(ERROR_KINDS))
    sent_from: Name = Field(alias="from", description="the node that says it")
    mtu: _Mtu | None = Field(default=None, description="of frag-needed: what would fit, 1400 by default")
    quotes: _Direction = Field(default="request", description="which packet it is about: the request, or its answer")

    @model_validator(mode="after")
    def _sensible(self) -> SpokenError:
        if self.mtu is not None and self.kind not in TOO_BIG:
            raise ValueError(f"`mtu` belongs to {TOO_BIG[0]}, and this is {self.kind}")
        return self


def _known(said: SpokenError, about: About) -> SpokenError:
    about.node(said.sent_from, "from")
    return said


PACKET = Verb(
    "packet", SpokenPacket, "a packet by its layers, in the midst of the session", speaks=True,
    in_words=lambda said: " ".join(filter(None, (said.layers.name, "from the server" if said.end == "server" else ""))),
)  # fmt: skip
ICMP_ERROR = Verb(
    "icmp-error", SpokenError, "an ICMP error about the session, as a node on its way says it", speaks=True, resolved=_known,
    in_words=lambda said: f"{said.kind} from {said.sent_from}",
)  # fmt: skip
