"""Changes one rule of a real ruleset at a time, and holds what `lab diff` says of it against what becomes of many flows.

Of every mutant each class that is reported was confirmed by the kernel; here it is asked whether one is missing: random flows
are sent past both rulesets in trains, and one that fares otherwise must lie in a class that is reported.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path

from ci.mutants.operators import Mutant, mutant
from ci.mutants.oracle import Asked, Fates, Flows, fates, unlike
from lab.errors import LabError
from lab.kernel.ground.privileges import enter
from lab.lab import Lab
from lab.prepare.scene import Scene, twin_scene
from lab.prepare.twins import Dumps, hosts_of, twin_from
from lab.probe.question import NUMBERS
from lab.record.difference import DiffReport, FlowClass
from lab.ruleset.backend import Backend
from lab.study.diff.diff import diff
from lab.study.diff.modelled import modelled
from lab.sweep.train import Aim
from lab.written.policy import Piped


def main() -> int:
    """Run what the command line says; 0 when no flow was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rulesets", nargs="+", type=Path, help="files of iptables-save")
    parser.add_argument("--mutants", type=int, default=20, help="of each ruleset")
    parser.add_argument("--flows", type=int, default=10_000, help="sent past both sides of each mutant")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", type=Backend, default=Backend.NFT)
    chosen = parser.parse_args()
    enter()
    missed = 0
    for file in chosen.rulesets:
        counts, seconds, found = _of(file, chosen)
        missed += counts["missed"]
        print(json.dumps({"ruleset": file.name, **counts, "seconds": round(seconds, 1), "mutants": found}), flush=True)
    return int(missed > 0)


def _of(file: Path, chosen: argparse.Namespace) -> tuple[Counter[str], float, dict[str, dict[str, int]]]:
    chance = random.Random(f"{chosen.seed} {file.name}")
    lines = file.read_text(encoding="utf-8").split("\n")
    scene = twin_scene(twin_from(hosts_of(Dumps((str(file),)))), {})
    (node,) = scene.policies
    counts: Counter[str] = Counter()
    by: dict[str, Counter[str]] = {}
    begun = time.monotonic()
    trains = Flows(scene.topology, node, ["\n".join(lines)], chance).trains(chosen.flows)
    with Lab(scene.topology, scene.policies, backend=chosen.backend) as base:
        before = fates(base, trains, node)
        for _ in range(chosen.mutants):
            one = mutant(lines, chance)
            outcome = _one(scene, node, one, trains, before, chosen)
            counts[outcome] += 1
            by.setdefault(one.operator, Counter())[outcome] += 1
    counts["flows"] = len(before)
    return counts, time.monotonic() - begun, {name: dict(found) for name, found in sorted(by.items())}


def _one(
    scene: Scene, node: str, one: Mutant, trains: Sequence[Asked], before: Fates, chosen: argparse.Namespace
) -> str:
    """``differs``, ``the same``, ``refused`` by the tool, ``denied`` by the kernel; ``missed``: a flow in no class."""
    assert scene.twin is not None
    text = "\n".join(one.lines)
    try:
        changed = twin_scene(scene.twin, {node: (Piped("v4", text, "mutant"),)})
        report = diff(
            scene, changed, node, backends=(chosen.backend, chosen.backend), families=(4,), names=("old", "new"),
            proposer=modelled, progress=lambda *_: None,
        )  # fmt: skip
        with Lab(changed.topology, changed.policies, backend=chosen.backend) as lab:
            after = fates(lab, trains, node)
    except LabError as error:
        print(f"{one.operator} in line {one.line}: {error}"[:300], file=sys.stderr)
        return "refused"
    outside = list(_outside(report, before, after))
    if outside or report.denied or report.lost:
        print(f"{one.operator} in line {one.line}: {one.lines[one.line - 1]}", file=sys.stderr)
        for flow in outside[:3]:
            print(f"  missed {flow}: {before[flow]} then {after[flow]}", file=sys.stderr)
        for denied in report.denied[:3]:
            print(f"  denied {denied.flow}: {denied.proposed}; {denied.found}", file=sys.stderr)
        for lost in report.lost[:3]:
            print(f"  lost {lost}", file=sys.stderr)
    return "missed" if outside else "denied" if report.denied else "differs" if report.differences else "the same"


def _outside(report: DiffReport, before: Fates, after: Fates) -> Iterator[tuple[str, int, Aim]]:
    for flow in unlike(before, after):
        if not any(_contains(one.of, flow) for one in report.differences):
            yield flow


def _contains(of: FlowClass, flow: tuple[str, int, Aim]) -> bool:
    _, proto, aim = flow
    return _in(of.sources, aim.source) and _in(of.destinations, aim.destination) and any(
        _serves(service, proto, aim.port) for service in of.services
    )


def _in(words: tuple[str, ...], address: str) -> bool:
    wanted = ip_address(address)
    for word in words:
        first, dash, last = word.partition("-")
        if wanted in ip_network(word, strict=False) if not dash else ip_address(first) <= wanted <= ip_address(last):  # type: ignore[operator]
            return True
    return False


def _serves(service: str, proto: int, port: int) -> bool:
    name, _, ports = service.partition("/")
    if name == "any":
        return True
    if NUMBERS.get(name) != proto:
        return False
    ranges = [one.partition("-") for one in ports.split(",") if one]
    return not ranges or any(int(low) <= port <= int(high or low) for low, _, high in ranges)


if __name__ == "__main__":
    sys.exit(main())
