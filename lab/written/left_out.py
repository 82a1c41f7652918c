"""What ``not`` leaves out of a row's product: whole cells, and ports out of a range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.written.cell import Sender, Service, Target
from lab.written.service import without


@dataclass(frozen=True, slots=True)
class LeftOutCells:
    """One entry of ``not``, resolved: the addresses, of both families, and services that it names; None stands for all."""

    number: int
    senders: frozenset[str] | None
    targets: frozenset[str] | None
    services: tuple[Service, ...] | None

    def fits(self, sender: Sender, target: Target) -> bool:
        """Whether it speaks of this pair."""
        return (self.senders is None or sender.address in self.senders) and (
            self.targets is None or target.address in self.targets
        )


def kept(
    sender: Sender, target: Target, service: Service, left_out: Sequence[LeftOutCells], idle: set[int]
) -> Service | None:
    """What of the service is left; None when all of it is left out.  Entries that apply are no longer ``idle``."""
    left: Service | None = service
    for entry in left_out:
        if not entry.fits(sender, target):
            continue
        for other in (service,) if entry.services is None else entry.services:
            if _less(service, other) == service:
                continue
            idle.discard(entry.number)
            left = _less(left, other) if left is not None else None
    return left


def _less(service: Service, other: Service) -> Service | None:
    """The service without what the other covers of it; None when nothing is left."""
    if (other.proto, other.icmp_type, other.icmp_code) != (service.proto, service.icmp_type, service.icmp_code):
        return service
    ports = without(service.ports, other.ports)
    return replace(service, ports=ports) if ports else None
