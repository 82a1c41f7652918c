"""The matrix of flows as frozen models: what people write, row by row, before anything is resolved."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    model_validator,
)

from lab.errors import Where
from lab.written.burst import BurstSpec
from lab.written.cell import FAMILIES
from lab.written.expect.exception import EXCEPTION
from lab.written.expect.keys import KEYS, OF_DEFAULT, with_keys
from lab.written.expect.known import KNOWN
from lab.written.fields import (
    WRITTEN,
    AnExpect,
    Ends,
    Families,
    Flags,
    Mark,
    OtherExpect,
    Packets,
    Payload,
    Port,
    RowName,
    ServiceTexts,
    Source,
    User,
)
from lab.written.further import Further, Override, misplaced, overridden
from lab.written.packet.layered import Layered
from lab.written.policy import APolicy, PolicySpec
from lab.written.steps.verbs import StepSpec
from lab.written.words import Name, OneOrSeveral, Text, one_or_several
from lab.written.yaml_source import Document

_NOT_TCP = ("icmp", "udp/")
PASSES = "allow"  # what is expected of those of a burst that are not its rest
_PER_FAMILY = {"v4": "keys that hold for IPv4 alone", "v6": "keys that hold for IPv6 alone"}
_FAMILY = "4, 6 or both; without it, each family that both ends have"


class LeftOut(BaseModel):
    """Cells of the product that a row leaves out: those that match every key."""

    model_config = WRITTEN

    sender: Ends | None = Field(default=None, alias="from", description="only from these")
    target: Ends | None = Field(default=None, alias="to", description="only to these")
    service: ServiceTexts | None = Field(default=None, description="only these services; cuts ports out of a range")

    @model_validator(mode="after")
    def _something(self) -> LeftOut:
        if not self.model_fields_set:
            raise ValueError("it leaves out everything: say from, to or service")
        return self


class Row(Further):
    """One flow as written: the product of its senders, targets and services, and what is expected of each."""

    model_config = WRITTEN | ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in ("expect", "steps", "burst")]}
    )

    name: RowName = Field(description="the flow's name, unique in the matrix")
    sender: Ends = Field(alias="from", description="node, node@interface, role:R, net:N, name, address or prefix")
    target: Ends = Field(alias="to", description="as `from`")
    service: ServiceTexts = Field(
        default=(), description="tcp/443, udp/1-1023,8080, icmp/echo-request, https; follows from `packet` where that says it"
    )
    expect: OtherExpect = Field(default=None, description="allow, drop, reject, deny, or {reject: KIND}")
    steps: Annotated[tuple[StepSpec, ...], BeforeValidator(one_or_several), OneOrSeveral()] = Field(
        default=(), description="in place of `expect`: what is sent and done, one after the other"
    )
    family: Families | None = Field(default=None, description=_FAMILY)
    source: Source | None = Field(default=None, description="send from this address, spoofed too")
    sport: Port | None = Field(default=None, description="send from this port")
    flags: Flags = Field(default=(), description="ack, rst, fin or several: one bare segment in place of a handshake")
    mark: Mark | None = Field(default=None, description="send from a socket with this mark")
    uid: User | None = Field(default=None, description="send from a socket of the user with this number")
    leave_out: Annotated[
        tuple[LeftOut, ...], BeforeValidator(one_or_several), OneOrSeveral()
    ] = Field(default=(), alias="not", description="cells of the product that this row leaves out")
    at: Name | None = Field(default=None, description="the node under test, where several have a policy")
    v4: Override | None = Field(default=None, description=_PER_FAMILY["v4"])
    v6: Override | None = Field(default=None, description=_PER_FAMILY["v6"])
    packet: Packets | None = Field(
        default=None, description='one packet by its layers, TCP(flags="FPU", dport=22), or a list of its fragments'
    )
    payload: Payload | None = Field(
        default=None, description="data that is sent: text, 0x4745, or {bytes: 1400} of anything; with it its arrival is proven"
    )
    burst: BurstSpec | None = Field(default=None, description="in place of `expect`: so many packets, of which so many pass")

    @property
    def families(self) -> tuple[int, ...]:
        """The families that the row may have cells in: a source is of one only."""
        source = self.source or (self.packet.source if self.packet is not None else None)
        if source is not None:
            return (ip_address(source).version,)
        return self.family or FAMILIES

    def of_family(self, family: int) -> Row:
        """The row with what ``v4:`` or ``v6:`` says of it."""
        return overridden(self, family)

    @model_validator(mode="after")
    def _sensible(self) -> Row:
        _one_of(self, "expect", "steps", "burst")
        if not self.service and self.packet is None:
            raise ValueError("`service` is missing\nsay what is sent: service: tcp/443, or a `packet` by its layers")
        if self.source is not None and self.family not in (None, self.families):
            what = f"`source` is an IPv{self.families[0]} address, but `family` is {family_word(self.family)}"
            raise ValueError(f"{what}\ntake `family` out, or send from an address of that family")
        _used(self, self.families)
        for family in self.families:
            if problem := _contradiction(self.of_family(family)):
                of_one = self.v4 if family == 4 else self.v6
                back = f" (with what `v{family}:` says)\na key is taken back for IPv{family} by v{family}: {{KEY: null}}"
                raise ValueError(problem + (back if of_one is not None else ""))
        return self


@with_keys(OF_DEFAULT)
class DefaultOverride(BaseModel):
    """Keys of the default for one family; one that is null takes back what the default says."""

    model_config = WRITTEN

    expect: OtherExpect = Field(default=None, description="allow, drop, reject, deny, or {reject: KIND}")


@with_keys(OF_DEFAULT)
class Tried(BaseModel):
    """What the default tries, and what it expects of that."""

    model_config = WRITTEN

    expect: AnExpect = Field(description="allow, drop, reject, deny, or {reject: KIND}")
    between: Ends = Field(description="the nodes and networks, each pair of which is tried")
    services: ServiceTexts = Field(description="what is tried: [tcp/1-65535, udp/1-65535, icmp/echo-request]")
    family: Families | None = Field(default=None, description=_FAMILY)


class Default(Tried):
    """What is expected of everything that no row speaks of."""

    at: Name | None = Field(default=None, description="the node under test, where several have a policy")
    v4: DefaultOverride | None = Field(default=None, description=_PER_FAMILY["v4"])
    v6: DefaultOverride | None = Field(default=None, description=_PER_FAMILY["v6"])

    @property
    def families(self) -> tuple[int, ...]:
        """The families that it may have cells in."""
        return self.family or FAMILIES

    def of_family(self, family: int) -> Default:
        """The default with what ``v4:`` or ``v6:`` says of it."""
        return overridden(self, family)

    @model_validator(mode="after")
    def _sensible(self) -> Default:
        _used(self, self.families)
        return self


class Matrix(BaseModel):
    """A matrix: the flows of a role, with what is expected of each."""

    model_config = WRITTEN | ConfigDict(title="Matrix of netfilter-lab")

    matrix: Name = Field(description="the matrix's name")
    about: Text = Field(default="", description="one sentence on what it says")
    role: Name = Field(alias="for", description="the role under test")
    topology: Text = Field(description="the topology's name")
    policies: dict[Name, APolicy] = Field(default={}, description="{NODE: POLICY}")
    flows: Annotated[tuple[Row, ...], BeforeValidator(one_or_several), OneOrSeveral()] = Field(
        default=(), description="the flows"
    )
    default: Default | None = Field(default=None, description="what no flow says")

    _document: Document | None = PrivateAttr(default=None)

    def remember(self, document: Document) -> None:
        """Keep the file that this was read from, for messages."""
        self._document = document

    def where(self, *path: str | int, key: bool = False) -> Where:
        """The place in the file of a part (``"flows", 3, "from"``); without a file, the matrix's name."""
        return self._document.where(*path, key=key) if self._document else Where(f"matrix {self.matrix}")

    def elsewhere(self, *, topology: str | None = None, policies: Mapping[str, PolicySpec] | None = None) -> Matrix:
        """The matrix on another topology, or with other policies in the place of its own or beside them."""
        update: dict[str, object] = {"policies": {**self.policies, **(policies or {})}}
        return self.model_copy(update=update | ({"topology": topology} if topology else {}))


def family_word(families: tuple[int, ...] | None) -> str:
    """How a matrix writes these families: ``4``, ``6`` or ``both``."""
    return str(families[0]) if families is not None and len(families) == 1 else "both"


def _used(written: Row | Default, families: tuple[int, ...]) -> None:
    """A ValueError for keys of a family that there can be no cells of."""
    for family in FAMILIES:
        if family not in families and (written.v4 if family == 4 else written.v6) is not None:
            raise ValueError(f"`v{family}:` has no meaning here: there are IPv{families[0]} cells only")


def _contradiction(row: Row) -> str | None:
    if row.expect is None and row.burst is None:
        return _beside_steps(row)
    if row.expect is not None and (row.steps or row.burst is not None):  # as `v4:` or `v6:` may have it
        return f"`expect` and `{'steps' if row.steps else 'burst'}` are of different rows"
    if row.expect is not None:
        wrong = misplaced(row, row.expect.action)
    else:
        wrong = misplaced(row, PASSES, "it is expected of those of the burst that pass")
    if wrong is None and row.packet is not None:
        wrong = _beside_packet(row, row.packet)
    if wrong is None and row.payload is not None:
        wrong = _with_payload(row)
    if wrong is not None:
        return wrong
    services = row.service
    portless = next((text for text in services if text.startswith("icmp")), None)
    if row.sport is not None and portless:
        return f"`sport` has no meaning for {portless}"
    kind = None if row.expect is None else row.expect.reject_with
    if kind == "tcp-reset" and (other := next((t for t in services if t.startswith(_NOT_TCP)), None)):
        return f"tcp-reset answers TCP alone, but the service is {other}"
    if row.flags and (other := next((text for text in services if text.startswith(_NOT_TCP)), None)):
        return f"`flags: {' '.join(row.flags)}` is a TCP segment, but the service is {other}"
    return None


def _one_of(row: Row, *names: str) -> None:
    """A ValueError for a row that says nothing that could be right or wrong, or in two ways."""
    said = [name for name in names if name in row.model_fields_set]
    if not said:
        instead = "say what must become of it, or write its `steps`, or a `burst`"
        raise ValueError(f"`expect` is missing in flow {row.name!r}\n{instead}")
    if len(said) > 1:
        raise ValueError(f"`{said[0]}` and `{said[1]}` cannot both be said: `{said[1]}` stands in its place")
    if not getattr(row, said[0]):
        raise ValueError(f"`{said[0]}` has nothing in it")


def _beside_steps(row: Row) -> str | None:
    """What a row cannot say beside the steps that say it."""
    said = next((key.name for key in KEYS if key.of(row) is not None and key not in (EXCEPTION, KNOWN)), None)
    if said is not None:
        return f"`{said}` belongs to the step that it is expected of\nwrite {{expect: allow, {said}: …}} after the step's verb"
    if row.payload is not None:
        return "`payload` belongs to the step that sends it\nwrite {send: {expect: allow, payload: …}}"
    if row.packet is not None:
        return "`packet` is one packet, and `steps` are several\nwrite the step {packet: {layers: …, expect: …}}"
    return "a bare segment (`flags`) has no steps" if row.flags else None


def _with_payload(row: Row) -> str | None:
    """What cannot carry data."""
    if row.flags:
        return "`payload` beside `flags`: a bare segment has no data\nwrite packet: TCP(flags=…)/Raw(…)"
    if row.packet is not None:
        return "`packet` says what it carries\nwrite …/Raw(…)" if row.packet.exact or row.packet.holds_data else None
    other = next((text for text in row.service if text.startswith("icmp") and not text.endswith("/echo-request")), None)
    return f"`payload` has no meaning for {other}" if other else None


def _beside_packet(row: Row, packet: Layered) -> str | None:
    """What a row cannot say beside the packet that says it."""
    if row.flags:
        return "`flags` is a bare segment, and `packet` another\nwrite TCP(flags=…)"
    if packet.source is not None and row.source is not None:
        return "`packet` says where it is from, and `source` too\nsay it once"
    if row.sport is not None and (packet.sport is not None or not packet.has_ports):
        return "`sport` has no meaning here: " + ("`packet` says its own" if packet.has_ports else "`packet` has no ports")
    return None
