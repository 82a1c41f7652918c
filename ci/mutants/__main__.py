"""Changes one rule of a real ruleset at a time, and holds what `lab diff` says of it against what becomes of many flows.

Of every mutant each class that is reported was confirmed by the kernel; here it is asked whether one is missing: flows,
at random and near the rule that was changed, are sent past both rulesets in trains, and one that fares otherwise must lie in a
class that is reported. A flow of a class that is whole must fare otherwise.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ci.mutants.containing import SEEN_FROM_OUTSIDE, told_of
from ci.mutants.operators import Mutant, leading_to, mutant
from ci.mutants.oracle import Asked, Asking, Fates, Flows, fates, unlike
from lab.errors import InputError, LabError
from lab.kernel.ground.privileges import enter
from lab.lab import Lab
from lab.prepare.scene import twin_scene
from lab.prepare.twins import Dumps, hosts_of, twin_from
from lab.probe.question import UDP
from lab.record.difference import Aspect, DiffReport
from lab.record.verdict import Kind
from lab.ruleset.backend import Backend
from lab.study.diff.diff import diff
from lab.study.diff.modelled import modelled
from lab.written.policy import Piped

_IN_TRAINS = {None, "SYN", "datagram", "answer"}
_FAULTS = ("missed", "denied", "overclaimed", "lost", "failed")


def main() -> int:
    """Run what the command line says; 0 when no flow was missed, no proposal denied and no class told that is none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rulesets", nargs="+", type=Path, help="files of iptables-save")
    parser.add_argument("--mutants", type=int, default=20, help="of each ruleset")
    parser.add_argument("--flows", type=int, default=10_000, help="sent past both sides of each mutant")
    parser.add_argument("--near", type=int, default=500, help="more of them, near the rule that was changed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", type=Backend, default=Backend.NFT)
    for option in ("--addr", "--route", "--rule"):
        parser.add_argument(option, action="append", default=[], help="of the one host, as `lab trace` takes it")
    chosen = parser.parse_args()
    enter()
    faults = 0
    for file in chosen.rulesets:
        campaign = _Campaign(file, chosen)
        campaign.run(chosen.mutants)
        faults += campaign.faults
        print(json.dumps(campaign.told()), flush=True)
    return int(faults > 0)


class _Campaign:
    """The mutants of one ruleset; ``counts`` what became of them, ``by`` operator."""

    def __init__(self, file: Path, chosen: argparse.Namespace) -> None:
        self.file, self._chosen = file, chosen
        self._chance = random.Random(f"{chosen.seed} {file.name}")
        self._lines = file.read_text(encoding="utf-8").split("\n")
        dumps = Dumps((str(file),), tuple(chosen.addr), tuple(chosen.route), tuple(chosen.rule))
        self._scene = twin_scene(twin_from(hosts_of(dumps)), {})
        (self._node,) = self._scene.policies
        self._flows = Flows(self._scene.topology, self._node, ["\n".join(self._lines)], self._chance)
        self.counts: Counter[str] = Counter()
        self.by: dict[str, Counter[str]] = {}
        self.flows = self._differing = self._seen = self._errors = 0
        self.seconds = 0.0

    @property
    def faults(self) -> int:
        """Mutants of which the report was wrong; one where no flow could be sent at all."""
        return sum(self.counts[name] for name in _FAULTS) + (self.flows == 0)

    def told(self) -> dict[str, object]:
        """The numbers: ``flows`` that were compared, ``differing`` ones, and mutants that these alone would have found.

        ``errors of udp alone`` are mutants of which flows differ in no class, by the error of a closed port, and it is said.
        """
        by = {name: dict(found) for name, found in sorted(self.by.items())}
        return {
            "ruleset": self.file.name, **self.counts, "flows": self.flows, "differing": self._differing, "seen": self._seen,
            "errors of udp alone": self._errors, "seconds": round(self.seconds, 1), "mutants": by,
        }  # fmt: skip

    def run(self, mutants: int) -> None:
        """Try so many."""
        begun = time.monotonic()
        trains = self._flows.trains(self._chosen.flows)
        with Lab(self._scene.topology, self._scene.policies, backend=self._chosen.backend) as base:
            before = fates(base, trains, self._node)
            for number in range(mutants):
                one = mutant(self._lines, self._chance)
                outcome = self._one(base, one, trains, before)
                self.counts[outcome] += 1
                self.by.setdefault(one.operator, Counter())[outcome] += 1
                self.seconds = time.monotonic() - begun
                if number % 50 == 49:
                    print(json.dumps(self.told()), file=sys.stderr, flush=True)

    def _one(self, base: Lab, one: Mutant, trains: Sequence[Asked], before: Fates) -> str:
        """``differs``, ``the same``, or ``refused`` by the tool; else what is wrong with the report."""
        scene, node = self._scene, self._node
        assert scene.twin is not None
        near = self._flows.trains(
            self._chosen.near, [self._lines[one.line - 1], one.lines[one.line - 1], *leading_to(self._lines, one.line)]
        )
        try:
            changed = twin_scene(scene.twin, {node: (Piped("v4", "\n".join(one.lines), "mutant"),)})
            report = diff(
                scene, changed, node, backends=(self._chosen.backend,) * 2, families=(4,), names=("old", "new"),
                proposer=modelled, progress=lambda *_: None,
            )  # fmt: skip
            with Lab(changed.topology, changed.policies, backend=self._chosen.backend) as lab:
                after = fates(lab, [*trains, *near], node)
        except InputError as error:
            self._say(one, [str(error)[:300]])
            return "refused"
        except LabError as error:
            self._say(one, [str(error)[:300]])
            return "failed"
        return self._judged(one, report, {**before, **fates(base, near, node)}, after)

    def _judged(self, one: Mutant, report: DiffReport, before: Fates, after: Fates) -> str:
        differing = list(unlike(before, after))
        self.flows += len(after.keys() & before.keys())
        self._differing += len(differing)
        self._seen += bool(differing)
        untold = [flow for flow in differing if not any(_told(report, flow))]
        # what tells of a closed port of UDP is RELATED: a report that says that it could not send such has not missed it
        errors = [flow for flow in untold if _in_errors_alone(flow, before, after)] if _leaves_out_related(report) else []
        self._errors += bool(errors)
        missed = [flow for flow in untold if flow not in errors]
        wrong = {
            "missed": [f"{flow}: {before[flow]} then {after[flow]}" for flow in missed],
            "denied": [f"{denied.flow}: {denied.proposed}; {denied.found}" for denied in report.denied],
            "overclaimed": [f"{flow}: {after[flow]}, {of}" for flow, of in self._overclaimed(report, before, after)],
            "lost": list(report.lost), "failed": [problem.what for problem in report.problems],
        }  # fmt: skip
        for name, words in wrong.items():
            if words:
                self._say(one, [f"{name} {what}" for what in words[:3]])
        found = next((name for name, words in wrong.items() if words), None)
        return found or ("differs" if report.differences else "the same")

    def _overclaimed(self, report: DiffReport, before: Fates, after: Fates) -> Iterator[tuple[Asking, object]]:
        """Flows that fare the same and lie in a class all flows of which are said to be opened or closed."""
        nodes = self._scene.topology.nodes
        for flow in before.keys() & after.keys():
            if before[flow] != after[flow] or _is_udp_that_passed(flow, before):
                continue
            for one in told_of(report, flow[2].source, flow[2].destination, _service(flow), (Aspect.ALLOW,)):
                ways = {nodes[self._node].interfaces[name].network for name in one.of.entered}
                enters = not ways.isdisjoint(port.network for port in nodes[flow[0]].interfaces.values())
                stopped = {side.verdict.packet for side in (one.old, one.new)}
                # a train has no packets behind a flow's first and its answer
                plain = not one.flow.flags and one.flow.sport is None and not one.rests_on and stopped <= _IN_TRAINS
                if one.of.whole and plain and enters and "…" not in (*one.of.sources, *one.of.destinations):
                    yield flow, one.of

    def _say(self, one: Mutant, words: Sequence[str]) -> None:
        line = one.lines[one.line - 1]
        print(f"{self.file.name}: {one.operator} in line {one.line}: {line}", *words, sep="\n  ", file=sys.stderr, flush=True)


def _told(report: DiffReport, flow: Asking) -> Iterator[object]:
    return told_of(report, flow[2].source, flow[2].destination, _service(flow), SEEN_FROM_OUTSIDE)


def _in_errors_alone(flow: Asking, before: Fates, after: Fates) -> bool:
    """Whether a flow fares otherwise only in that the error of a closed port of UDP comes back, or does not."""
    kinds = {before[flow][0], after[flow][0]}
    return flow[1] == UDP and kinds == {Kind.CLOSED, Kind.UNANSWERED} and before[flow][1:] == after[flow][1:]


def _is_udp_that_passed(flow: Asking, before: Fates) -> bool:
    """Whether a datagram came through: nobody answers in a train, so that nothing is known of answers."""
    return flow[1] == UDP and before[flow][0] in (Kind.CLOSED, Kind.UNANSWERED)


def _leaves_out_related(report: DiffReport) -> bool:
    return any(said.startswith("RELATED") for said in report.reached.unsendable)


def _service(flow: Asking) -> str:
    return f"{'udp' if flow[1] == UDP else 'tcp'}/{flow[2].port}"


if __name__ == "__main__":
    sys.exit(main())
