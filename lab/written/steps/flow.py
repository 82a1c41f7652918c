"""A step that is another flow: a row in the midst of a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pydantic import Field, model_validator

from lab.written.cell import Cell, Service
from lab.written.fields import AnExpect, Ends, Flags, Mark, Port, ServiceTexts, Source, User
from lab.written.further import Further, Override, overridden, why_it_is_no_expectation
from lab.written.steps.verb import Verb
from lab.written.words import Name

MOST_ASKED = 256  # packets of one flow in the midst of another


class _Sent(Protocol):
    """What says how a flow is sent: a row, or a flow in the midst of one."""

    @property
    def flags(self) -> tuple[str, ...]: ...
    @property
    def sport(self) -> int | None: ...


class FlowSpec(Further):
    """Another flow, in the keys of a row: the product of its senders, targets and services, each asked in turn."""

    sender: Ends = Field(alias="from", description="node, node@interface, role:R, net:N, name, address or prefix")
    target: Ends = Field(alias="to", description="as `from`")
    service: ServiceTexts = Field(description="tcp/443, udp/53, icmp/echo-request, https")
    expect: AnExpect = Field(description="allow, drop, reject, deny, or {reject: KIND}")
    source: Source | None = Field(default=None, description="send from this address, spoofed too")
    sport: Port | None = Field(default=None, description="send from this port")
    flags: Flags = Field(default=(), description="ack, rst, fin or several: one bare segment in place of a handshake")
    mark: Mark | None = Field(default=None, description="send from a socket with this mark")
    uid: User | None = Field(default=None, description="send from a socket of the user with this number")
    at: Name | None = Field(default=None, description="the node under test, where several have a policy")
    v4: Override | None = Field(default=None, description="keys that hold for IPv4 alone")
    v6: Override | None = Field(default=None, description="keys that hold for IPv6 alone")

    def of_family(self, family: int) -> FlowSpec:
        """The same with what ``v4:`` or ``v6:`` says of it."""
        return overridden(self, family)

    @model_validator(mode="after")
    def _sensible(self) -> FlowSpec:
        for family in (4, 6):
            one = self.of_family(family)
            if why := why_it_is_no_expectation(one, one.expect.action):
                raise ValueError(why)
        return self


def _words(flow: FlowSpec) -> str:
    ends = [",".join(str(getattr(word, "address", word)) for word in side) for side in (flow.sender, flow.target)]
    return " ".join([f"{ends[0]} -> {ends[1]}", ",".join(flow.service), *flow.flags])


FLOW = Verb("flow", FlowSpec, "another flow in the midst, in the keys of a row", asks=True, in_words=_words)


def fits_sending(service: Service, said: _Sent) -> None:
    """A ValueError for a service that cannot be sent in the way that is said."""
    if said.flags and service.proto != "tcp":
        raise ValueError(f"`flags: {' '.join(said.flags)}` is a TCP segment, but {service.text} is {service.proto}")
    if said.sport is not None and not service.ports:
        raise ValueError(f"`sport` has no meaning for {service.text}")


def check_flow_in_midst(cells: Sequence[Cell], family: int) -> None:
    """A ValueError where it comes to nothing, or to more than one step should ask."""
    if not cells:
        raise ValueError(f"this flow has nothing to ask over IPv{family}, in which its row is asked\nsay `family:` of the row")
    asked = sum(cell.service.port_count for cell in cells)
    if asked > MOST_ASKED:
        raise ValueError(f"this flow is {asked:,} packets, and a step asks {MOST_ASKED} at most\nsay what it must show alone")
