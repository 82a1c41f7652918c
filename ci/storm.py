"""Many labs at once beside work that hurts: burning processes, and namespaces that come and go with IPv6 addresses.

Each lab is a process of its own that builds a gateway of which every answer is known, asks it, and tells what it got.  Used
by ``ci/soak --storm``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from lab.errors import LabError, MeasurementError
from lab.kernel.ground.rtnetlink import carry_out, new_address
from lab.kernel.hold.line_map import NodeLines, find_lines
from lab.kernel.stage.network import Network
from lab.lab import Lab
from lab.record.verdict import Kind, Verdict
from lab.ruleset.backend import Backend
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.written.topology import Topology

STAGE = {
    "topology": "storm",
    "networks": {"left": ["10.0.1.0/24", "2001:db8:1::/64"], "right": ["10.0.2.0/24", "2001:db8:2::/64"]},
    "nodes": {
        "client": {"role": "client", "interfaces": {"left": ["10.0.1.10", "2001:db8:1::10"]}, "via": "gateway"},
        "other": {"role": "client", "interfaces": {"left": ["10.0.1.11", "2001:db8:1::11"]}, "via": "gateway"},
        "gateway": {
            "role": "gateway", "forwards": True,
            "interfaces": {"left": ["10.0.1.1", "2001:db8:1::1"], "right": ["10.0.2.1", "2001:db8:2::1"]},
        },
        "server": {"role": "backend", "interfaces": {"right": ["10.0.2.10", "2001:db8:2::10"]}, "via": "gateway"},
    },
}  # fmt: skip
# INPUT is open and FORWARD is not: an address that is not yet the gateway's own would be forwarded, and dropped
RULES = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 113 -j REJECT --reject-with tcp-reset
-A FORWARD -p udp -m udp --dport 161 -j DROP
COMMIT
"""
ANSWERS = (
    ("client", "server", "tcp/443", Kind.ALLOWED, "filter:FORWARD:2"),
    ("other", "server", "tcp/113", Kind.REJECTED, "filter:FORWARD:3"),
    ("client", "server", "udp/161", Kind.DROPPED, "filter:FORWARD:4"),
    ("other", "server", "udp/53", Kind.DROPPED, "filter:FORWARD policy"),
    ("client", "gateway@right", "udp/53", Kind.ALLOWED, "filter:INPUT policy"),
    ("server", "gateway@left", "tcp/22", Kind.ALLOWED, "filter:INPUT policy"),
)
CHURNERS = 2
ADDRESSES = 2000  # that one network of the storm adds at once
OUTCOMES = ("right", "wrong", "lost", "failed", "broken")  # failed: exit 3, broken: any other end


@dataclass(frozen=True, slots=True)
class Built:
    """What every lab is built of, found once; ``lines`` by backend."""

    topology: Topology
    policies: Mapping[str, Rulesets]
    lines: Mapping[Backend, Mapping[str, NodeLines]]


def prepare() -> Built:
    """Read the stage and its rules."""
    topology = Topology.model_validate(STAGE)
    text = Rendered(RULES, tuple(f"storm:{number}" for number in range(1, RULES.count("\n") + 1)), "storm")
    policies = {"gateway": Rulesets(v4=text, v6=text)}
    return Built(topology, policies, {backend: find_lines(topology, policies, backend) for backend in Backend})


def churn(parent: int) -> None:
    """Build and destroy networks until the parent is gone: namespaces, links, and addresses.

    One work queue of the kernel works off the addresses of all namespaces, and those of other labs wait behind these.
    """
    topology = Topology.model_validate(STAGE)
    while os.getppid() == parent:
        try:
            network = Network(topology)
        except LabError:  # it hurts others, and may be hurt
            continue
        client = network.nodes["client"]
        port = client.ports["left"]
        more = (f"2001:db8:1::{number:x}/128" for number in range(0x1000, 0x1000 + ADDRESSES))
        carry_out(client.name, client.namespace, [new_address(port.name, port.index, written) for written in more])
        network.close()


def ask(built: Built, backend: Backend) -> Counter[str]:
    """Build one lab and ask all that is known of it, in both families; the outcomes."""
    counts: Counter[str] = Counter()
    try:
        with Lab(built.topology, built.policies, built.lines[backend], backend=backend) as lab, lab.batch():
            for family in (6, 4):
                for sender, target, service, kind, place in ANSWERS:
                    verdict = lab.probe(sender, target, service, family=family)
                    outcome = judge(verdict, kind, place)
                    counts[outcome] += 1
                    if outcome != "right":
                        print(f"{backend} {service}/{family} {sender} -> {target}: {verdict}: {verdict.proof}", file=sys.stderr)
    except MeasurementError as error:
        counts["failed"] += 1
        print(f"{backend}: {error}", file=sys.stderr)
    return counts


def judge(verdict: Verdict, kind: Kind, place: str) -> str:
    """Whether it is what is known."""
    if verdict.kind is Kind.LOST:
        return "lost"
    named = verdict.rule.place if verdict.rule else None
    return "right" if (verdict.kind, named) == (kind, place) else "wrong"


def start(built: Built, backend: Backend) -> tuple[int, int]:
    """Start one lab; its process, and where its outcomes are read."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        tell(built, backend, write)
    os.close(write)
    return child, read


def tell(built: Built, backend: Backend, write: int) -> NoReturn:
    """What a lab's process does; it ends here."""
    try:
        os.write(write, json.dumps(ask(built, backend)).encode())
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        os._exit(0)


def one_round(built: Built, labs: int) -> Counter[str]:
    """So many labs at once, on both backends by turns; the outcomes of all."""
    backends = list(Backend)
    running = [start(built, backends[number % len(backends)]) for number in range(labs)]
    counts: Counter[str] = Counter()
    try:
        for child, read in running:
            with os.fdopen(read, "rb") as pipe:
                told = pipe.read()
            os.waitpid(child, 0)
            counts.update(json.loads(told) if told else {"broken": 1})
    except BaseException:
        for child, _ in running:
            os.kill(child, signal.SIGKILL)
        raise
    return counts


def soak_storm(*, rounds: int, labs: int, seconds: float) -> dict[str, object]:
    """The counts of ``rounds`` rounds, or of those that began within ``seconds``."""
    built, counts, begin, done = prepare(), Counter[str](), time.monotonic(), 0
    while done < rounds and time.monotonic() - begin < seconds:
        counts += one_round(built, labs)
        done += 1
    return {
        "rounds": done, "labs": done * labs, **{name: counts[name] for name in OUTCOMES},
        "seconds": round(time.monotonic() - begin, 2),
    }  # fmt: skip
