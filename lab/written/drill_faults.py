"""What breaks a lab when a drill starts, as a drill file writes it: a list of mappings of one key each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from lab.written.fields import WRITTEN
from lab.written.messages import did_you_mean
from lab.written.words import InterfaceName, Mtu, Name, OneOrSeveral, Text, number_of, one_or_more, sysctl_name, text_of

MOST_ENTRIES = 1_000_000
LONGEST_COMMAND = 4_000  # characters: less than a terminal takes in one line (N_TTY's 4,096 bytes)
BOOT_FILES = ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6", "/etc/ipset.conf", "/etc/nftables.conf", "/etc/sysctl.conf")
"""What a node loads when it boots; nothing else is written by a drill."""


def command_line(value: object) -> str:
    """One line as it is typed at a shell; raises ValueError."""
    text = text_of(value).strip()
    if not text:
        raise ValueError("the command is empty")
    if not text.isprintable():
        raise ValueError(f"{text[:40]!r} has a line break or a control character\nwrite a command a line, as it is typed")
    if len(text) > LONGEST_COMMAND:
        raise ValueError(f"a command of {len(text):,} characters: no terminal takes more than {LONGEST_COMMAND:,} in a line")
    return text


def _whole(value: object, least: int, most: int, what: str) -> int:
    """A whole number, which a template may have written as text."""
    if isinstance(value, str):
        try:
            value = number_of(value)
        except ValueError:
            raise ValueError(f"{value!r} is no number of {what}") from None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{value!r} is no number of {what}: it is {least} to {most:,}")
    return value


def _family(value: object) -> str:
    text = str(value) if type(value) is int else text_of(value)
    if text not in ("4", "6", "both"):
        raise ValueError(f"{value!r} is not a family: 4, 6 or both")
    return text


def _sysctls(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError("settings are written {net.ipv4.conf.all.rp_filter: 1}")
    for setting in value.values():
        if isinstance(setting, bool):
            raise ValueError(f"a sysctl is a number or text, not {str(setting).lower()}: write {int(setting)}")
    return {sysctl_name(key): str(one) if isinstance(one, int) else text_of(one) for key, one in value.items()}


def _state(value: object) -> str:
    if (text := text_of(value)) not in ("down", "up"):
        raise ValueError(f"{text!r} is no state of a link: down or up")
    return text


def _boot_file(value: object) -> str:
    if (text := text_of(value)) not in BOOT_FILES:
        raise ValueError(f"{text!r} is nothing that a node boots from\n{did_you_mean(text, BOOT_FILES, 'it is one of')}")
    return text


def _mtu(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6 else value


_NUMBER: dict[str, object] = {"type": ["integer", "string"]}
Command = Annotated[str, PlainValidator(command_line), WithJsonSchema({"type": "string", "maxLength": LONGEST_COMMAND})]
Commands = Annotated[tuple[Command, ...], BeforeValidator(one_or_more), OneOrSeveral()]
_Family = Annotated[str, PlainValidator(_family), WithJsonSchema({"enum": [4, 6, "4", "6", "both"]})]
_Position = Annotated[int, PlainValidator(lambda value: _whole(value, 1, 100_000, "a rule")), WithJsonSchema(_NUMBER)]
_Entries = Annotated[int, PlainValidator(lambda value: _whole(value, 1, MOST_ENTRIES, "entries")), WithJsonSchema(_NUMBER)]
_Settings = Annotated[
    Mapping[str, str],
    PlainValidator(_sysctls),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": ["integer", "string"]}, "minProperties": 1}),
]
_State = Annotated[str, PlainValidator(_state), WithJsonSchema({"enum": ["down", "up"]})]
_BootFile = Annotated[str, PlainValidator(_boot_file), WithJsonSchema({"enum": list(BOOT_FILES)})]
_AnMtu = Annotated[Mtu, BeforeValidator(_mtu)]


class _AtNode(BaseModel):
    model_config = WRITTEN

    node: Name = Field(description="the node")


class RemoveRule(_AtNode):
    """Rules that go, by their comment."""

    comment: Text = Field(description="the comment of the rule")
    family: _Family = Field(default="both", description="4, 6 or both")


class MoveRule(_AtNode):
    """A rule that stands elsewhere in its chain; ``to`` counts from 1."""

    comment: Text = Field(description="the comment of the rule")
    to: _Position = Field(description="its place in the chain, from 1")
    family: _Family = Field(default="both", description="4, 6 or both")


class AddRule(_AtNode):
    """A rule that comes, as iptables takes it: ``-I FORWARD 1 -j ACCEPT``, with ``-t TABLE`` before it or not."""

    rule: Command = Field(description="as iptables takes it: -I FORWARD 1 -j ACCEPT; -t nat -A POSTROUTING …")
    family: _Family = Field(default="both", description="4, 6 or both")


class RunCommands(_AtNode):
    """Commands in the node's world, each by ``sh -c``."""

    run: Commands = Field(description="command lines")


class SetSysctl(_AtNode):
    """Settings of the node, by name as `sysctl` has it."""

    set: _Settings = Field(description="{net.ipv4.conf.all.rp_filter: 1}")


class SetMtu(_AtNode):
    """The MTU of an interface, in bytes."""

    interface: InterfaceName = Field(description="the interface")
    mtu: _AnMtu = Field(description="bytes")


class SetLink(_AtNode):
    """An interface that goes down."""

    interface: InterfaceName = Field(description="the interface")
    state: _State = Field(default="down", description="down or up")


class FillConntrack(_AtNode):
    """Entries of conntrack that nobody needs."""

    entries: _Entries = Field(description="how many")


class BootFile(_AtNode):
    """What the node's next boot loads: the policy's text in the place of that file."""

    path: _BootFile = Field(description="the file in the node")
    policy: Text = Field(description="the policy's name")


class Fault(BaseModel):
    """One thing that is done to the lab from outside when the drill starts: exactly one key."""

    model_config = WRITTEN | ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    remove_rule: RemoveRule | None = Field(default=None, alias="remove-rule", description="a rule goes")
    move_rule: MoveRule | None = Field(default=None, alias="move-rule", description="a rule stands elsewhere")
    add_rule: AddRule | None = Field(default=None, alias="add-rule", description="a rule comes")
    load: dict[Name, Text] | None = Field(default=None, description="{NODE: POLICY}: another policy is loaded")
    commands: RunCommands | None = Field(default=None, description="commands in the node's world")
    sysctl: SetSysctl | None = Field(default=None, description="settings of the node")
    mtu: SetMtu | None = Field(default=None, description="the MTU of an interface")
    link: SetLink | None = Field(default=None, description="an interface goes down")
    fill_conntrack: FillConntrack | None = Field(default=None, alias="fill-conntrack", description="conntrack gets full")
    boot_file: BootFile | None = Field(default=None, alias="boot-file", description="what the next boot loads")

    @model_validator(mode="after")
    def _one(self) -> Fault:
        if len(self.model_fields_set) != 1 or self.said is None:
            keys = [str(field.alias or name) for name, field in type(self).model_fields.items()]
            raise ValueError(f"a fault is one key, not {len(self.model_fields_set)}\nit is one of {', '.join(keys)}")
        if self.load == {}:
            raise ValueError("`load` gives no node a policy\nwrite load: {NODE: POLICY}")
        return self

    @property
    def _field(self) -> str:
        return next(iter(self.model_fields_set))

    @property
    def kind(self) -> str:
        """Its key, as it is written: ``remove-rule``."""
        return str(type(self).model_fields[self._field].alias or self._field)

    @property
    def said(self) -> Any:
        """What stands behind its key."""
        return getattr(self, self._field)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that it is done to."""
        return tuple(self.load) if self.load is not None else (self.said.node,)

    @property
    def policies(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """The policies that it needs, each with the keys that lead to its name."""
        if self.load is not None:
            return tuple((("load", node), name) for node, name in self.load.items())
        return ((("boot-file", "policy"), self.boot_file.policy),) if self.boot_file is not None else ()
