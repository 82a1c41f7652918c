"""A sweep as text and as JSON: a line for each verdict, rule and translation, with the ports or sources that got it."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.sweep import Arrived, Ranges, Sweep, SweepGroup
from lab.report.addresses import edges_text
from lab.report.folding import columns
from lab.report.limited import beyond_text
from lab.report.plain import plain
from lab.ruleset.limited import limit_between
from lab.written.service import ports_text

_MOST_RANGES = 12


def sweep_lines(sweep: Sweep, width: int | None = None) -> Iterator[str]:
    """The groups as lines of at most ``width`` columns, what is open first, and a last line with the numbers."""
    rows = [_row(sweep, group) for group in sorted(sweep.groups, key=lambda group: group not in sweep.open)]
    yield from columns(rows, width)
    for group in sweep.groups:
        if group.unsettled:
            why = f"{plain(group.unsettled)} decides by chance, and the next one may fare otherwise"
            yield f"  unsettled: {keys_text(sweep, group.keys)}: {why}"
    for note in sweep.notes:
        yield f"  note: {plain(note)}"
    if 0 < sweep.sent < sweep.count:
        what = "no rule on the way tells the others from them (--every-port sends all)"
        yield f"{sweep.sent:,} of {sweep.count:,} ports were sent: {what}"
    what = "sources, the edges of prefixes," if sweep.sources else "ports"
    lost = f", {sweep.lost:,} of them not proven" if sweep.lost else ""
    lost += f", {sweep.unsettled:,} of them not settled" if sweep.unsettled else ""
    again = f", {sweep.repeats} pieces sent again" if sweep.repeats else ""
    yield f"{sweep.count:,} {what} in {sweep.seconds:.2f} s, {sweep.gear} gear{lost}{again}"


def _row(sweep: Sweep, group: SweepGroup) -> tuple[str, str, str]:
    verdict = group.verdict
    kind = f"{verdict.kind}{f' ({verdict.reject})' if verdict.reject else ''}{', muted' if verdict.muted else ''}"
    decider = plain(str(verdict.rule)) if verdict.rule is not None else f"at {verdict.node}" if verdict.node else ""
    source = f" [{plain(verdict.rule.origin)}]" if verdict.rule is not None and verdict.rule.origin else ""
    asked = group.keys[0][0] if group.count == 1 and not sweep.sources else None
    arrival = f" -> {arrived_text(group.arrived, asked)}" if group.arrived is not None else ""
    more = "" if group.beyond is None else f", {beyond_text(limit_between(verdict, group.beyond), group.beyond)}"
    return keys_text(sweep, group.keys), kind + (", unsettled" if group.unsettled else ""), f"{decider}{source}{arrival}{more}"


def arrived_text(arrived: Arrived, asked: int | None = None) -> str:
    """How packets arrived: ``web 10.0.2.10 port 8443 from 192.0.2.1``; only the node where nothing was translated.

    ``asked`` is the port where it was one alone.
    """
    if arrived.at is None:
        return _nowhere(arrived, asked if arrived.port is None else arrived.port)
    words = [arrived.at]
    if arrived.address is not None:
        words.append(arrived.address)
    if arrived.port is not None:
        words.append(f"port {arrived.port}")
    if arrived.source is not None:
        words.append(f"from {arrived.source}")
    return " ".join(words)


def _nowhere(arrived: Arrived, port: int | None) -> str:
    """Where packets left for that arrived nowhere: ``10.0.2.77:8443, which no node of the topology has``."""
    address = f"[{arrived.address}]" if port is not None and ":" in (arrived.address or "") else arrived.address
    goal = f"{address}{'' if port is None else f':{port}'}"
    way = "" if arrived.missing == arrived.address else f" by way of {arrived.missing}"
    return f"{goal}{way}, which no node of the topology has"


def keys_text(sweep: Sweep, keys: Ranges, most: int = _MOST_RANGES) -> str:
    """Ranges of ports as a person reads them; of sources too, where those next to each other in the list are edges of one."""
    if sweep.sources:
        asked = [text for low, high in keys for text in edges_text(sweep.sources[low : high + 1])]
        return "; ".join(asked[:most]) + (f" and {len(asked) - most} more" if len(asked) > most else "")
    return some_ports(keys, most)


def some_ports(ports: Ranges, most: int = _MOST_RANGES) -> str:
    """Ports as a person writes them, of many ranges the first."""
    return ports_text(ports[:most]) + (f" and {len(ports) - most} more ranges" if len(ports) > most else "")
