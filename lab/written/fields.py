"""The values in a matrix: how an expectation, an end, a mark, a date and the like are read, and their JSON Schemas."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from lab.written.cell import FAMILIES
from lab.written.interface import STRICT
from lab.written.messages import did_you_mean
from lab.written.packet.layered import Layered, layered
from lab.written.packet.payload import MOST_PAYLOAD, payload_of
from lab.written.reject import REJECT_KINDS
from lab.written.tables import table_number
from lab.written.words import LIMITED_BROADCAST, Name, Text, is_address, number_of, one_or_more, parse_address, several, text_of

WRITTEN = STRICT | ConfigDict(populate_by_name=True)
FLAGS = {"none": 0x00, "fin": 0x01, "syn": 0x02, "rst": 0x04, "psh": 0x08, "ack": 0x10, "urg": 0x20}  # RFC 9293
NO_USER = 0xFFFFFFFF
ACTIONS = ("allow", "drop", "reject", "deny")
# What cannot be sent from: see also lab.kernel.watch.trace_table.
_NO_SOURCES = tuple(
    (ip_network(text), why)
    for text, why in (
        ("240.0.0.0/4", "the lab's own canaries come from 240.0.0.0/4"),
        ("100::/64", "the lab's own canaries come from 100::/64"),
        ("::/128", "the kernel puts another address in its place"),
        ("224.0.0.0/4", "the kernel puts another address in its place"),
        ("ff00::/8", "the kernel puts another address in its place"),
        ("fe80::/10", "it is link-local, and means another host on each link"),
        ("::ffff:0:0/96", "it is IPv4-mapped: write the IPv4 address itself"),
    )
)
_PLACE_FORM = "a place is written {at: NODE, address: ADDRESS}"
_ROW_NAME = r"^[^\[\]\x00-\x1f\x7f]+$"


class Expect(BaseModel):
    """What is expected: allow, drop, reject or deny; ``reject_with`` narrows a reject to one kind of answer."""

    model_config = STRICT

    action: str
    reject_with: str | None = None


class Place(BaseModel):
    """An address and the node that it is at, where several nodes could own it."""

    model_config = STRICT

    at: Name = Field(description="the node")
    address: Text = Field(description="an address")


def _expect(value: object) -> Expect:
    if isinstance(value, Expect):
        return value
    if isinstance(value, str):
        if value in ACTIONS:
            return Expect(action=value)
        hint = "write {reject: " + value + "}" if value in REJECT_KINDS else did_you_mean(value, ACTIONS)
        raise ValueError(f"{value!r} cannot be expected\n{hint}")
    if isinstance(value, Mapping) and tuple(value) == ("reject",):
        kind = text_of(value["reject"])
        if kind not in REJECT_KINDS:
            raise ValueError(f"{kind!r} is no answer that REJECT can give\n{did_you_mean(kind, REJECT_KINDS)}")
        return Expect(action="reject", reject_with=kind)
    raise ValueError("it is written allow, drop, reject, deny, or {reject: tcp-reset}")


def mark_of(value: object) -> int:
    """A packet's mark, as a number or as text; raises ValueError."""
    if isinstance(value, str):
        try:
            value = number_of(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a mark: write a number like 2 or 0x10") from None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0xFFFFFFFF:
        raise ValueError(f"{value!r} is not a mark: a number of 32 bits")
    return value


def _table(value: object) -> str:
    """A routing table, by number or name: as it is written."""
    word = str(value) if isinstance(value, int) and not isinstance(value, bool) else text_of(value)
    try:
        table_number(word)
    except ValueError:
        raise ValueError(f"{word!r} is no routing table\nsay its number (102) or its name (main)") from None
    return word


def _port(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a port: one number belongs here")
    if not 1 <= value <= 65535:
        raise ValueError(f"{value} is not between port 1 and 65535")
    return value


def _date(value: object) -> datetime.date:
    if isinstance(value, datetime.date):
        return value
    text = text_of(value)
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f'{text!r} is not a date: write "2027-01-31", in quotes') from None


def _families(value: object) -> tuple[int, ...]:
    """The families that ``family:`` names."""
    if value == FAMILIES or value == "both":
        return FAMILIES
    if value in ("4", "6") or (value in FAMILIES and isinstance(value, int)):
        return (int(value),)
    raise ValueError(f"{value!r} is not a family: 4, 6 or both")


def flags_of(value: object) -> tuple[str, ...]:
    """The flags of one bare segment, each once, in the order of `FLAGS`; raises ValueError."""
    words = value if isinstance(value, (list, tuple)) else (value,)
    if not words or any(not isinstance(word, str) or word not in FLAGS for word in words):
        raise ValueError(f"{value!r}: the flags that can be sent in a bare segment are {', '.join(FLAGS)}, or several of them")
    if "none" in words and set(words) != {"none"}:
        raise ValueError(f"{value!r}: a segment without flags has none beside: write `none` alone")
    if set(words) == {"syn"}:
        raise ValueError("'syn' alone is how a handshake begins\nleave `flags` out; [syn, fin] is none")
    return tuple(flag for flag in FLAGS if flag in words)


def user_of(value: object) -> int:
    """The number of a user; raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < NO_USER:
        raise ValueError(f"{value!r} is not a user's number: a node has no names of users")
    return value


def _source(value: object) -> str:
    text = text_of(value)
    if not is_address(text):
        raise ValueError(f"{text!r} is not an address to send from")
    address = parse_address(text)
    if str(address) == LIMITED_BROADCAST:
        raise ValueError(f"{text!r} cannot be sent from: it is everybody's")
    if why := next((why for network, why in _NO_SOURCES if address in network), None):
        raise ValueError(f"{text!r} cannot be sent from: {why}")
    return str(address)


def _row_name(value: object) -> str:
    text = text_of(value)
    if not re.match(_ROW_NAME, text) or not text.strip():
        raise ValueError(f"{text!r} cannot name a row: it may not be empty, or contain [ ] or control characters")
    return text


def _end(value: object) -> str | Place:
    if isinstance(value, (str, Place)):
        return value
    if not isinstance(value, Mapping):
        return text_of(value)
    if set(value) != {"at", "address"} or not all(isinstance(text, str) for text in value.values()):
        raise ValueError(_PLACE_FORM)
    return Place(at=value["at"], address=value["address"])


def end_of_text(value: object) -> str | Place:
    """An end as ``from`` and ``to`` read it, of which ``{at: NODE, address: ADDRESS}`` may be text; raises ValueError."""
    if not isinstance(value, str) or not value.startswith("{"):
        return _end(value)
    parts = [part.partition(":") for part in value.removeprefix("{").removesuffix("}").split(",")]
    written = {key.strip(" \"'"): text.strip(" \"'") for key, _, text in parts}
    if not value.endswith("}") or len(parts) != len(written) or not all(written.values()):
        raise ValueError(_PLACE_FORM)
    return _end(written)


def _service_text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{value} is a number, not a service: say tcp/{value} or udp/{value}")
    return text_of(value)


_STRING: dict[str, object] = {"type": "string"}
_PLACE: dict[str, object] = {
    "type": "object",
    "properties": {"at": _STRING, "address": _STRING},
    "required": ["at", "address"],
    "additionalProperties": False,
}
_EXPECT: dict[str, object] = {
    "anyOf": [
        {"enum": list(ACTIONS)},
        {
            "type": "object",
            "properties": {"reject": {"enum": list(REJECT_KINDS)}},
            "required": ["reject"],
            "additionalProperties": False,
        },
    ]
}
AnExpect = Annotated[Expect, PlainValidator(_expect), WithJsonSchema(_EXPECT)]
OtherExpect = Annotated[Expect | None, PlainValidator(_expect), WithJsonSchema(_EXPECT)]
End = Annotated[str | Place, PlainValidator(_end)]
Ends = Annotated[tuple[End, ...], BeforeValidator(one_or_more), several({"anyOf": [_STRING, _PLACE]})]
ServiceText = Annotated[str, PlainValidator(_service_text)]
ServiceTexts = Annotated[tuple[ServiceText, ...], BeforeValidator(one_or_more), several(_STRING)]
Mark = Annotated[int, PlainValidator(mark_of), WithJsonSchema({"type": ["integer", "string"]})]
Table = Annotated[str, PlainValidator(_table), WithJsonSchema({"type": ["integer", "string"]})]
Port = Annotated[int, PlainValidator(_port), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 65535})]
Date = Annotated[datetime.date, PlainValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
Families = Annotated[tuple[int, ...], PlainValidator(_families), WithJsonSchema({"enum": [4, 6, "4", "6", "both"]})]
Flags = Annotated[tuple[str, ...], PlainValidator(flags_of), several({"enum": list(FLAGS)})]
User = Annotated[int, PlainValidator(user_of), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": NO_USER - 1})]
Packets = Annotated[Layered, PlainValidator(layered), several(_STRING)]
_PAYLOAD: dict[str, object] = {
    "anyOf": [
        _STRING,
        {
            "type": "object",
            "properties": {"bytes": {"type": "integer", "minimum": 1, "maximum": MOST_PAYLOAD}},
            "required": ["bytes"],
            "additionalProperties": False,
        },
    ]
}
Payload = Annotated[bytes, PlainValidator(payload_of), WithJsonSchema(_PAYLOAD)]
RowName = Annotated[str, PlainValidator(_row_name), WithJsonSchema({"type": "string", "pattern": _ROW_NAME})]
Source = Annotated[str, PlainValidator(_source), WithJsonSchema(_STRING)]
