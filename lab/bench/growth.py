"""What a deny costs as the ruleset grows: as one chain, as a tree of chains, as a set."""

from __future__ import annotations

from lab.bench.figures import Found, Size, growing
from lab.bench.inputs import grown, policy, topology
from lab.bench.probes import ask
from lab.errors import MachineError
from lab.kernel.ground.tools import find
from lab.lab import Lab
from lab.probe.question import Handshake, Question
from lab.ruleset.rulesets import Rulesets

_LARGEST, _QUICK = 100_000, 1_000
_MOST_PROBES = 500
_BLOCKED = Question("client", "172.17.255.254", "10.2.0.2", Handshake(20_000))


def growth(size: Size) -> Found:
    """The cost of a proven deny by an address list of 10 to 100,000 entries whose last entry decides."""
    notes = [] if find("ipset") is not None else ["ipset is not installed"]
    rows = []
    for entries in size.up_to(growing(10, _LARGEST), _QUICK):
        try:
            rows.append(_row(entries, size))
        except MachineError as error:
            notes.append(f"no more than {entries // 10:,} rules: {error.problems[0].what}")
            break
    return Found({"growth": {"rules": rows or None}}, tuple(notes))


def _row(entries: int, size: Size) -> dict[str, float | None]:
    has_sets = find("ipset") is not None
    return {
        "rules": entries,
        "linear_us": _deny(Rulesets(v4=grown("linear.rules", entries)), size),
        "tree_us": _deny(Rulesets(v4=grown("tree.rules", entries)), size),
        "ipset_us": _deny(Rulesets(v4=policy("set").v4, ipset=grown("set.ipset", entries)), size) if has_sets else None,
    }


def _deny(rulesets: Rulesets, size: Size) -> float:
    with Lab(topology("wide"), {"gateway": rulesets}) as lab:
        return ask(lab, _BLOCKED, "dropped", min(size.probes, _MOST_PROBES))
