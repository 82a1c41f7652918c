"""Asks one lab everything in a row, and a fresh one for each port: both must say the same."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ci.limiters import WINDOW, Asked, Example
from lab.errors import InputError
from lab.kernel.hold.line_map import find_lines
from lab.lab import Lab
from lab.prepare.plan import Choices, make_plan
from lab.prepare.policies import Rendering
from lab.probe.question import NUMBERS, Question, to_port
from lab.record.sweep import OPEN, Gear
from lab.record.verdict import Kind, Verdict
from lab.run.matrix_run import MatrixRun
from lab.written.service import parse_service
from lab.written.topology import Topology

GATEWAY = "gateway"
_NEVER = {"reject": "icmp-net-prohibited"}  # as no ruleset does: only of a cell that fails is each port told
_COMMAND = "from lab.cli.main import main; main()"
_TOPOLOGY = {
    "topology": "corridor",
    "networks": {"left": "10.0.1.0/24", "right": "10.0.2.0/24", "side": "10.0.3.0/24"},
    "nodes": {
        "client": {"role": "client", "interfaces": {"left": "10.0.1.10"}, "via": GATEWAY},
        "other": {"role": "client", "interfaces": {"side": "10.0.3.10"}, "via": GATEWAY},
        GATEWAY: {
            "role": "gateway", "interfaces": {"left": "10.0.1.1", "right": "10.0.2.1", "side": "10.0.3.1"}, "forwards": True,
        },
        "server": {
            "role": "backend", "interfaces": {"right": "10.0.2.10"}, "via": GATEWAY, "services": ["tcp/2000", "udp/2000"],
        },
    },
}  # fmt: skip
TOPOLOGY = Topology.model_validate(_TOPOLOGY)


class Answer(NamedTuple):
    """What must be the same: the kind, how it was rejected, and the rule; None for what a way does not tell."""

    kind: Kind
    reject: str | None
    rule: str | None


Answers = Mapping[tuple[Asked, int], Answer]


@dataclass(frozen=True, slots=True)
class Difference:
    """One way said something else of a port than a fresh node."""

    way: str
    flow: Asked
    port: int
    said: str
    fresh: Answer

    def __str__(self) -> str:
        flow = f"{self.flow.node} > {self.flow.destination} {self.flow.proto}/{self.port}"
        return f"{self.way}: {flow}: {self.said}, but fresh nodes say {self.fresh}"


def compare(given: Example, counts: Counter[str], *, exposure: bool) -> list[Difference]:
    """What differs; ``counts`` is told of answers, of those that are lost or unsettled, and of a refused ruleset."""
    counts["rulesets"] += 1
    try:
        fresh = _fresh(given)
    except InputError:
        counts["refused"] += 1
        return []
    found = [*_in_a_row(given, fresh, counts), *_run(given, fresh, counts)]
    return [*found, *_exposure(given, fresh, counts)] if exposure else found


def _fresh(given: Example) -> Answers:
    """Of each port what a lab says that is asked nothing else."""
    policies = {GATEWAY: given.rulesets}
    lines = find_lines(TOPOLOGY, policies, given.backend)
    found = {}
    for flow in given.flows:
        for port in flow.ports:
            with Lab(TOPOLOGY, policies, lines, backend=given.backend) as lab:
                found[flow, port] = _answer(lab.ask(_question(flow, port), GATEWAY, as_first=False))
    return found


def _question(flow: Asked, port: int) -> Question:
    return Question(flow.node, flow.source, flow.destination, to_port(NUMBERS[flow.proto], port))


def _answer(verdict: Verdict) -> Answer:
    return Answer(verdict.kind, verdict.reject, verdict.rule.place if verdict.rule else None)


def _in_a_row(given: Example, fresh: Answers, counts: Counter[str]) -> Iterator[Difference]:
    """Probes in any order, sweeps in both gears, and the probes again: all of one lab."""
    asked = random.Random(given.seed).sample(list(fresh), len(fresh))
    with Lab(TOPOLOGY, {GATEWAY: given.rulesets}, backend=given.backend) as lab:
        for flow, port in asked:
            yield from _differ("probe", flow, port, _answer(lab.ask(_question(flow, port), GATEWAY)), fresh, counts)
        for gear in (Gear.VERDICT, Gear.RULE):
            for flow in given.flows:
                yield from _swept(lab, gear, flow, fresh, counts)
        for flow, port in reversed(asked):
            yield from _differ("probe again", flow, port, _answer(lab.ask(_question(flow, port), GATEWAY)), fresh, counts)


def _swept(lab: Lab, gear: Gear, flow: Asked, fresh: Answers, counts: Counter[str]) -> Iterator[Difference]:
    sweep = lab.sweep(flow.node, flow.destination, f"{flow.proto}/{WINDOW}", gear=gear, source=flow.source)
    for port in flow.ports:
        group = sweep.of(port)
        counts["unsettled"] += group.unsettled is not None
        answer = _answer(group.verdict)
        if gear is Gear.VERDICT:
            answer = answer._replace(rule=fresh[flow, port].rule)  # this gear need not name it
        yield from _differ(f"sweep, {gear} gear", flow, port, answer, fresh, counts)


def _run(given: Example, fresh: Answers, counts: Counter[str]) -> Iterator[Difference]:
    """The same as a matrix: a cell for each port, and one of a range, which is swept."""
    with tempfile.TemporaryDirectory() as place:
        plan = make_plan(_project(given, Path(place)), Choices(rendering=Rendering(backend=given.backend)))
    rows = {f"row {number}": flow for number, flow in enumerate(given.flows)}
    matrix = MatrixRun(plan)
    try:
        for result in matrix.run(plan.cells):
            flow = rows[result.row.removesuffix(" whole")]
            wanted = parse_service(result.service)
            told = [(parse_service(f"{flow.proto}/{group.ports}"), group.verdict) for group in result.groups]
            for port in flow.ports:
                if not _has(wanted.ports, port):
                    continue
                verdict = next((verdict for service, verdict in told if _has(service.ports, port)), result.verdict)
                yield from _differ(f"run, {result.service}", flow, port, _answer(verdict), fresh, counts)
    finally:
        matrix.close()


def _has(ports: Sequence[tuple[int, int]], port: int) -> bool:
    return any(low <= port <= high for low, high in ports)


def _project(given: Example, root: Path) -> Path:
    """The example as files."""
    suffix = {"v4": "rules", "nft": "nft"}[given.kind]
    rows = [
        {"name": name, "from": flow.node, "to": flow.destination, "service": service, "expect": _NEVER}
        for number, flow in enumerate(given.flows)
        for name, service in (
            (f"row {number}", [f"{flow.proto}/{port}" for port in flow.ports]),
            (f"row {number} whole", f"{flow.proto}/{WINDOW}"),
        )
    ]
    matrix = {
        "matrix": "generated",
        "for": "gateway",
        "topology": "corridor",
        "policies": {GATEWAY: "generated"},
        "flows": rows,
    }
    for file, text in (
        ("topologies/corridor.yaml", json.dumps(_TOPOLOGY)), (f"policies/generated.{suffix}", given.text),
        ("matrices/generated.yaml", json.dumps(matrix)),
    ):  # fmt: skip
        (root / file).parent.mkdir(parents=True)
        (root / file).write_text(text)
    return root / "matrices" / "generated.yaml"


def _exposure(given: Example, fresh: Answers, counts: Counter[str]) -> Iterator[Difference]:
    """`lab exposure` of the same: a port is open exactly where a fresh node lets its packet in."""
    with tempfile.TemporaryDirectory() as place:
        matrix, out = _project(given, Path(place)), Path(place) / "out.json"
        command = [
            sys.executable,
            "-c",
            _COMMAND,
            "exposure",
            str(matrix),
            "--json",
            str(out),
            "--backend",
            given.backend.value,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 3):
            raise RuntimeError(f"`lab exposure` ended with {done.returncode}: {done.stderr}")
        counts["unproven"] += done.returncode == 3
        exposures = json.loads(out.read_text())["exposures"]
    for (flow, port), answer in fresh.items():
        said = [
            one for one in exposures
            if (one["from"], one["address"], one["proto"]) == (flow.node, flow.destination, flow.proto)
            and one.get("source") in (None, flow.source) and _has(one["ports"], port)
        ]  # fmt: skip
        counts["answers"] += 1
        if bool(said) != (answer.kind in OPEN):
            yield Difference("exposure", flow, port, "open" if said else "not open", answer)


def _differ(way: str, flow: Asked, port: int, answer: Answer, fresh: Answers, counts: Counter[str]) -> Iterator[Difference]:
    counts["answers"] += 1
    if Kind.LOST in (answer.kind, fresh[flow, port].kind):
        counts["lost"] += 1
    elif answer != fresh[flow, port]:
        yield Difference(way, flow, port, str(answer), fresh[flow, port])
