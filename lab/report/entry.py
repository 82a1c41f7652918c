"""An entry of conntrack as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.observation import Conntrack


def further_words(entry: Conntrack) -> Iterator[str]:
    """What it bears beside its state: mark, zone, helper, labels, each where it has one."""
    if entry.mark:
        yield f"mark {entry.mark:#x}"
    if entry.zone:
        yield f"zone {entry.zone}" if entry.zone_orig == entry.zone_reply else f"zone {entry.zone_orig}/{entry.zone_reply}"
    if entry.helper:
        yield f"helper {entry.helper}"
    if entry.labels:
        yield f"labels {','.join(map(str, entry.labels))}"
