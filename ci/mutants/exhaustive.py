"""Small rulesets and their mutants: every flow of a small universe is asked on both sides, and held against the report.

Both ways: what differs lies in a class that is told, and of a class that is whole every flow of the universe differs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ci.mutants.containing import contains
from ci.mutants.small import NODE, PORTS, SITE, Small, address, changed, small
from lab.errors import InputError
from lab.kernel.ground.privileges import enter
from lab.prepare.scene import Scene
from lab.record.difference import Aspect, Difference, DiffReport, Flow
from lab.ruleset.backend import Backend
from lab.study.diff.compare import compare
from lab.study.diff.diff import diff
from lab.study.diff.modelled import modelled
from lab.study.diff.proposer import Proposer
from lab.study.diff.sides import question_for, two_labs


class Outcome(NamedTuple):
    """What is wrong with a report, in words; and how many flows were asked, of which how many differ, in which classes."""

    wrong: tuple[str, ...]
    asked: int
    differing: int
    classes: int


def universe(family: int) -> Iterator[Flow]:
    """All flows of two senders to four targets: eight ports of each protocol, and an echo request."""
    icmp = "icmp/echo-request" if family == 4 else "icmpv6/echo-request"
    for sender, other in (("office", "world"), ("world", "office")):
        for target in ("web", "mail", "own", other):
            for service in (*(f"{proto}/{port}" for proto in ("tcp", "udp") for port in PORTS), icmp):
                yield Flow(sender, address(family, sender), address(family, target), service, family)


def held_against(
    old: Small, new: Small, *, native: tuple[bool, bool] = (False, False), proposer: Proposer = modelled,
    flows: Sequence[Flow] = (), backend: Backend = Backend.NFT,
) -> Outcome:  # fmt: skip
    """The report of both, held against every flow of the universe, or against ``flows``; ``native`` sides are in nft's words.

    A bare segment, and what rests on a source port, is not of the universe.
    """
    scenes = [Scene(SITE, {NODE: side.rulesets(native=in_nft)}, {}) for side, in_nft in zip((old, new), native, strict=True)]
    report = diff(
        scenes[0], scenes[1], NODE, backends=(backend, backend), families=(old.family,), names=("old", "new"),
        progress=lambda *_: None, proposer=proposer,
    )  # fmt: skip
    found = _asked(scenes, flows or tuple(universe(old.family)), backend)
    wrong = [
        *(f"denied {one.flow}: {one.proposed}; {one.found}" for one in report.denied),
        *(f"lost {said}" for said in report.lost), *(problem.what for problem in report.problems),
        *_wrong(report, found),
    ]  # fmt: skip
    differing = [flow for flow, aspect in found.items() if aspect is not None]
    return Outcome(tuple(wrong), len(found), len(differing), len(report.differences))


def _asked(scenes: Sequence[Scene], flows: Sequence[Flow], backend: Backend) -> Mapping[Flow, Aspect | None]:
    """In what every flow differs, by the kernel alone."""
    found: dict[Flow, Aspect | None] = {}
    with two_labs(scenes[0], scenes[1], NODE, (backend, backend)) as sides, sides.batch():
        for flow in flows:
            try:
                question = question_for(sides.old, flow, NODE)
            except InputError:
                continue
            found[flow] = compare(*sides.ask(question), NODE)
    return found


def _wrong(report: DiffReport, found: Mapping[Flow, Aspect | None]) -> Iterator[str]:
    for flow, aspect in found.items():
        told = [one for one in report.differences if contains(one.of, flow.source, flow.destination, flow.service)]
        plain = [one for one in told if not one.flow.flags and one.flow.sport is None and _comes_by(one, flow)]
        if aspect is not None and aspect not in {one.aspect for one in plain}:
            yield f"missed {flow}: {aspect}, told {[str(one.aspect) for one in told]}"
        for one in plain:
            if one.of.whole and not one.rests_on and (aspect is None or aspect.place > one.aspect.place):
                yield f"claimed {flow}: {one.aspect} of {one.of}, is {aspect}"


def _comes_by(one: Difference, flow: Flow) -> bool:
    return not one.of.entered or {"office": "lan0", "world": "up0"}[flow.node] in one.of.entered


def main() -> int:
    """Run what the command line says; 0 when every report was right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", type=int, choices=(4, 6), default=4)
    parser.add_argument("--old", choices=("save", "nft"), default="save", help="dialect of the old side")
    parser.add_argument("--new", choices=("save", "nft"), default="save", help="dialect of the new side")
    chosen = parser.parse_args()
    enter()
    counts: Counter[str] = Counter()
    begun = time.monotonic()
    native = chosen.old == "nft", chosen.new == "nft"
    for number in range(chosen.mutants):
        chance = random.Random(f"{chosen.seed} {number}")
        old = small(chance, chosen.family, native=any(native))
        how, new = changed(chance, old)
        try:
            outcome = held_against(old, new, native=native)
        except InputError as error:
            counts["refused"] += 1
            print(f"seed {chosen.seed}, mutant {number} ({how}): {error}"[:400], file=sys.stderr, flush=True)
            continue
        counts.update(flows=outcome.asked, differing=outcome.differing, classes=outcome.classes, mutants=1)
        counts.update(wrong=bool(outcome.wrong), differs=bool(outcome.classes), seen=bool(outcome.differing))
        if outcome.wrong:
            said = "\n  ".join(outcome.wrong[:4])
            print(f"seed {chosen.seed}, mutant {number} ({how}):\n  {said}", file=sys.stderr, flush=True)
    print(json.dumps({"seed": chosen.seed, "family": chosen.family, "old": chosen.old, "new": chosen.new, **counts,
                      "seconds": round(time.monotonic() - begun, 1)}), flush=True)  # fmt: skip
    return int(counts["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
