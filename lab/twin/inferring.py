"""What was concluded of a host, as guesses in an operator's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.twin.kinds import is_point_to_point
from lab.twin.own_addresses import Addressing
from lab.twin.placing import Placing
from lab.twin.told import Told
from lab.twin.twin import Guess
from lab.twin.uplink import Uplink


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told: interface by interface, what it is, what is behind it, and which address the host has there."""

    placing: Placing
    addressing: Addressing
    uplinks: Sequence[Uplink]
    has_routes: bool

    def guesses(self) -> tuple[Guess, ...]:
        """Every conclusion that matters, with the rule that it rests on."""
        found: list[Guess] = []
        for name in self.placing.interfaces:
            found += self._interface(name)
            found += self._networks(name)
            found += self._addresses(name)
            found += self._default_routes(name)
        found += self._ports()
        return tuple(found)

    def _interface(self, name: str) -> Iterator[Guess]:
        evidence = self.placing.evidence
        if name in self.placing.made:
            told, why = self.placing.made[name]
            yield _guess(f"{name} is there: {why}", told, name, name, f"made up, as {why}")
        elif name in evidence.interfaces and name not in evidence.concrete:
            told = evidence.interfaces[name]
            what = f"{name} is there, as no rule names another for such a word"
            yield _guess(what, told, name, name, "no rule names it in full")
        for place, uplink in enumerate(self.uplinks):
            if uplink.name == name:
                what = "is there, and the uplink" if uplink.is_made else "is another uplink" if place else "is the uplink"
                brief = "made up as the uplink" if uplink.is_made else what.removeprefix("is ")
                yield _guess(f"{name} {what}: {uplink.why}", uplink.told, name, name, f"{brief} ({uplink.why})")

    def _networks(self, name: str) -> Iterator[Guess]:
        for one in self.placing.placed:
            if one.interface == name:
                why, because = (f": {one.why}", f" ({one.why})") if one.why else ("", "")
                brief = f"{one.network} is behind it{because}"
                yield _guess(f"{one.network} is behind {name}{why}", one.told, str(one.network), name, brief)

    def _addresses(self, name: str) -> Iterator[Guess]:
        for one in self.addressing.addressed:
            if one.interface != name or one.is_known:
                continue
            if one.said is not None:
                own, brief = str(one.address.ip), f"this host is {one.address.ip} there"
                yield _guess(f"{own} is this host's own address on {name}", one.said, own, name, brief)
            else:
                why = "no rule names a network there" if one.invented else "no rule names its address there"
                line = is_point_to_point(name) and name in self.placing.uplinks
                at, own = str(one.address.ip), str(one.address.ip if line else one.address)
                brief = f"this host is {own if one.invented else at} there (invented)"
                yield _guess(f"this host has {own} on {name}, invented: {why}", one.of, at, name, brief)

    def _default_routes(self, name: str) -> Iterator[Guess]:
        first = self.uplinks[0]
        for family in (4, 6) if name == first.name and not self.has_routes else ():
            gateway = self.addressing.gateway_by(name, family)
            if gateway is not None:
                what = f"the default route is by {name}, to {gateway}, which is invented"
                yield _guess(what, first.told, name, name, f"its next hop is {gateway} (invented)")

    def _ports(self) -> Iterator[Guess]:
        for name, told in self.placing.evidence.ports.items():
            yield _guess(f"{name} is a port of a bridge", told, name, name, "a port of a bridge")


def _guess(what: str, told: Told | None, about: str, interface: str, brief: str) -> Guess:
    line, where = ("", None) if told is None else (told.line, told.where)
    return Guess(what, line, where, about, interface=interface, brief=brief)
