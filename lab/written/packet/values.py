"""What may stand behind a field of a layer: each kind reads a literal, or raises a ValueError that says what belongs there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Protocol, TypeAlias

from lab.written.messages import did_you_mean

Literal: TypeAlias = "int | str | bytes | tuple[Any, ...] | Layer | None"
MOST_BYTES = 65_535  # of a datagram (RFC 791)
_FIRST_OF_CANARIES, _CANARIES = 240, "100::"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer as written: its name in scapy, and its fields with their values."""

    name: str
    fields: tuple[tuple[str, Literal], ...] = ()

    def get(self, name: str) -> Literal:
        """The value of a field; None where it is not written."""
        return dict(self.fields).get(name)

    def says(self, name: str) -> bool:
        """Whether a field is written."""
        return any(name == field for field, _ in self.fields)


class Kind(Protocol):
    """How the value of a field is read; ``says`` tells it in the documentation."""

    @property
    def says(self) -> str:
        """What belongs there."""

    def read(self, value: Literal) -> Literal:
        """The value as scapy is given it; raises ValueError."""


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number of so many bits; ``words`` may stand in the place of some."""

    bits: int
    words: Mapping[str, int] | None = None

    @property
    def says(self) -> str:
        """What belongs there."""
        return f"0-{(1 << self.bits) - 1}" + (f", or a word: {', '.join(self.words)}" if self.words else "")

    def read(self, value: Literal) -> Literal:
        """The number."""
        if self.words and isinstance(value, str):
            if value not in self.words:
                raise ValueError(f"{value!r} is not one of its words\n{did_you_mean(value, self.words)}")
            return self.words[value]
        if not isinstance(value, int) or not 0 <= value < 1 << self.bits:
            raise ValueError(f"{shown(value)} is not a number from 0 to {(1 << self.bits) - 1}")
        return value


@dataclass(frozen=True, slots=True)
class Flags:
    """Flags by their names, the lowest bit first, joined by ``joint``; or their number."""

    names: Sequence[str]
    joint: str = ""
    bits: int = 0

    @property
    def says(self) -> str:
        """What belongs there."""
        return f"any of {' '.join(self.names)}, joined by '{self.joint}'" if self.joint else f"letters of {''.join(self.names)}"

    def read(self, value: Literal) -> Literal:
        """Their number."""
        if isinstance(value, str):
            words = ([*value] if not self.joint else value.split(self.joint)) if value else []
            for word in words:
                if word not in self.names:
                    raise ValueError(f"{word!r} of {value!r} is no flag\nthe flags: {', '.join(self.names)}")
            return sum({1 << self.names.index(word) for word in words})
        return Number(self.bits or len(self.names)).read(value)


@dataclass(frozen=True, slots=True)
class Address:
    """An address of one family that packets of a lab may bear."""

    family: int

    @property
    def says(self) -> str:
        """What belongs there."""
        return f"an IPv{self.family} address"

    def read(self, value: Literal) -> Literal:
        """The address in its canonical form."""
        try:
            if not isinstance(value, str) or "%" in value or (address := ip_address(value)).version != self.family:
                raise ValueError
        except ValueError:
            raise ValueError(f"{shown(value)} is not an IPv{self.family} address") from None
        if (self.family == 4 and address.packed[0] >= _FIRST_OF_CANARIES and address.packed != b"\xff" * 4) or (
            self.family == 6 and address.packed[:8] == ip_address(_CANARIES).packed[:8]
        ):
            raise ValueError(f"{value!r} is one that the lab sends its canaries from")
        return str(address)


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes, or text that becomes bytes in UTF-8."""

    most: int = MOST_BYTES

    @property
    def says(self) -> str:
        """What belongs there."""
        return "text or bytes"

    def read(self, value: Literal) -> Literal:
        """The bytes."""
        if isinstance(value, str):
            try:
                value = value.encode()
            except UnicodeEncodeError:
                raise ValueError(f"{shown(value)} is no text\nwrite bytes: b'\\xff'") from None
        if not isinstance(value, bytes):
            raise ValueError(f"{shown(value)} is neither text nor bytes")
        if len(value) > self.most:
            raise ValueError(f"{len(value):,} bytes are more than {self.most:,}")
        return value


@dataclass(frozen=True, slots=True)
class Several:
    """A list of at most ``most`` items."""

    item: Kind
    most: int = 40

    @property
    def says(self) -> str:
        """What belongs there."""
        return f"a list of {self.item.says}"

    def read(self, value: Literal) -> Literal:
        """The items."""
        if not isinstance(value, tuple):
            raise ValueError(f"{shown(value)} is not a list")
        if len(value) > self.most:
            raise ValueError(f"a list of {len(value)} is longer than {self.most}")
        return tuple(map(self.item.read, value))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several layers, as an option of IP is."""

    names: Sequence[str]

    @property
    def says(self) -> str:
        """What belongs there."""
        return "/".join(self.names)

    def read(self, value: Literal) -> Literal:
        """The layer."""
        if not isinstance(value, Layer) or value.name not in self.names:
            named = value.name if isinstance(value, Layer) else shown(value)
            raise ValueError(f"{named} cannot stand here\n{did_you_mean(named, self.names)}")
        return value


@dataclass(frozen=True, slots=True)
class Pair:
    """An option of TCP, ``("MSS", 1460)``: a name with what belongs to it."""

    values: Mapping[str, Kind | None]

    @property
    def says(self) -> str:
        """What belongs there."""
        return "(name, value), the name one of " + " ".join(self.values)

    def read(self, value: Literal) -> Literal:
        """The pair; a name without a value has None, or b""."""
        if not isinstance(value, tuple) or len(value) != 2:
            raise ValueError(f'{shown(value)} is no option\nwrite ("MSS", 1460), or ("NOP", None)')
        name, said = value
        if isinstance(name, int):
            return (Number(8).read(name), Data(38).read(said))
        if not isinstance(name, str) or name not in self.values:
            raise ValueError(f"{shown(name)} is no option of TCP\n{did_you_mean(str(name), self.values)}")
        kind = self.values[name]
        if kind is None:
            if said not in (None, b"", ""):
                raise ValueError(f'{name} has no value\nwrite ("{name}", None)')
            return (name, b"" if name == "SAckOK" else None)
        return (name, kind.read(said))


@dataclass(frozen=True, slots=True)
class Numbers:
    """A tuple of so many numbers (None: an even number of them, from 2) of so many bits each."""

    count: int | None
    bits: int

    @property
    def says(self) -> str:
        """What belongs there."""
        return f"{self.count or 'pairs of'} numbers in brackets"

    def read(self, value: Literal) -> Literal:
        """The numbers."""
        fits = isinstance(value, tuple) and (
            len(value) == self.count if self.count else 2 <= len(value) <= 8 and len(value) % 2 == 0
        )
        if not fits:
            raise ValueError(f"{shown(value)}: {self.says} belong here")
        assert isinstance(value, tuple)
        return tuple(map(Number(self.bits).read, value))


def shown(value: Literal) -> str:
    """A value in a message: short, whatever was written."""
    if isinstance(value, Layer):
        return f"{value.name}()"
    try:
        text = repr(value)
    except ValueError:  # a number of more digits than Python prints
        return "a number of very many digits"
    return text if len(text) <= 40 else text[:37] + "…"

