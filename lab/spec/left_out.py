"""What a row leaves out of its product: the entries of ``not``, resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.spec.cell import Sender, Service, Target
from lab.spec.service import without


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One entry in one family: the addresses it speaks of and its services; None stands for all."""

    senders: frozenset[str] | None
    targets: frozenset[str] | None
    services: Sequence[Service] | None

    def fits(self, sender: Sender, target: Target) -> bool:
        """Whether it speaks of packets between these two."""
        return (self.senders is None or sender.address in self.senders) and (
            self.targets is None or target.address in self.targets
        )


def kept(
    sender: Sender, target: Target, service: Service, exclusions: Sequence[Exclusion], used: set[int]
) -> Service | None:
    """What of the service is left; None when all of it is left out.  The numbers of entries that apply go to ``used``."""
    left: Service | None = service
    for number, entry in enumerate(exclusions):
        if not entry.fits(sender, target):
            continue
        for other in (service,) if entry.services is None else entry.services:
            if _less(service, other) == service:
                continue
            used.add(number)
            left = _less(left, other) if left is not None else None
    return left


def _less(service: Service, other: Service) -> Service | None:
    """The service without what the other covers of it; None when nothing is left."""
    if (other.proto, other.icmp_type, other.icmp_code) != (service.proto, service.icmp_type, service.icmp_code):
        return service
    ports = without(service.ports, other.ports)
    return replace(service, ports=ports) if ports else None
