"""A reverse path filter that a row counts on, and that let the packet by (ip-sysctl, rp_filter)."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import Path
from lab.why.case import Case
from lab.written.expect.by import BY

_ASKS = "`-t raw -A PREROUTING -m rpfilter --invert -j DROP` (nft: `fib saddr . iif oif missing drop`)"


def reverse_path(case: Case) -> Iterator[Hint]:
    """Why the filter did not drop it: IPv6 has none, it is off, it is loose, or the way back is that by which it came."""
    if case.should_pass or case.expect.get(BY) != "rp_filter" or not case.verdict.passed_node:
        return
    came = next((path for path in case.verdict.path if path.node == case.at and path.entered is not None), None)
    if came is not None and (found := _why(case, came)) is not None:
        yield found._replace(why=f"no reverse path filter of {case.at} kept it: {found.why}")


def _why(case: Case, came: Path) -> Hint | None:
    if case.family == 6:
        return Hint("IPv6 has none but that of rules", f"{_ASKS} in its IPv6 ruleset")
    of_node, source = case.sysctls.get(case.at, {}), came.entry.source
    keys = [f"net.ipv4.conf.{scope}.rp_filter" for scope in ("all", came.entered)]
    found = [of_node.get(key, of_node.get("net.ipv4.conf.default.rp_filter", "0")) for key in keys]
    lead = case.ask_route(case.at, source, None, 0)
    way = "" if lead is None or lead.dev is None else f", and {source} has one by {lead.dev}"
    if max(found) == "0":
        return Hint(f"rp_filter is 0 at {came.entered}", f"`{keys[0]}: 1` in its `sysctls`, or {_ASKS}")
    if max(found) == "2":  # of both the greater one holds
        loose = " and ".join(f"`{key}: 1`" for key, value in zip(keys, found, strict=True) if value == "2")
        what = f"rp_filter is 2 (loose) at {came.entered}: it asks for any route to the source{way}"
        return Hint(what, f"{loose} in its `sysctls`, or {_ASKS}")
    if lead is not None and lead.dev == came.entered:
        return Hint(f"the way back to {source} is by {came.entered}, by which it came")
    return None
