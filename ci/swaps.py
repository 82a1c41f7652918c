"""Rules exchanged again and again under streams of packets: whether all that was sent, captured and counted agrees each time.

Used by ``ci/soak --swaps``.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.tools import run
from lab.lab import Lab
from lab.probe.question import ICMP, Datagram, Echo, Handshake, Question, Sends
from lab.probe.stream.stream import Stream
from lab.probe.stream.streams import Streams
from lab.ruleset.backend import Backend
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.verdict.window import window
from lab.written.topology import Topology

CLIENT, SERVER = "10.0.1.10", "10.0.2.10"
STAGE = {
    "topology": "swaps",
    "networks": {"left": "10.0.1.0/24", "right": "10.0.2.0/24"},
    "nodes": {
        "client": {"role": "client", "interfaces": {"left": CLIENT}, "via": "gateway"},
        "gateway": {"role": "gateway", "interfaces": {"left": "10.0.1.1", "right": "10.0.2.1"}, "forwards": True},
        "server": {
            "role": "backend", "interfaces": {"right": SERVER}, "via": "gateway", "services": ["tcp/80", "udp/53"],
        },
    },
}  # fmt: skip
_RULES = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD {policy} [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -p tcp --syn --dport 80 -j ACCEPT
-A FORWARD -p udp --dport 53 -j ACCEPT
-A FORWARD -p icmp --icmp-type 8 -j ACCEPT
{last}COMMIT
"""
BY_RULE = _RULES.format(policy="ACCEPT", last="-A FORWARD -j DROP\n")
BY_POLICY = _RULES.format(policy="DROP", last="")
_ALLOWED: Sequence[Sends] = (Handshake(80), Datagram(53), Echo(ICMP))
_DENIED: Sequence[Sends] = (Datagram(161), *(Handshake(port) for port in range(8000, 8046)))
_SPARE = 5_000  # pulses that are left over from a stretch: the last ones take their time


def soak_swaps(*, swaps: int, seconds: float) -> dict[str, object]:
    """``swaps`` of each kind, on both backends; what was wrong, and what did not agree (``lost``).

    What a chain's policy alone denies is told apart: nf_tables takes a new chain's policy into force after its rules.
    """
    counts: Counter[str] = Counter(wrong=0, lost=0)
    kinds: dict[str, dict[str, object]] = {}
    until = time.monotonic() + seconds
    for backend in Backend:
        for kind, rules in (("restore", BY_RULE), ("restore, by policy", BY_POLICY), ("flush first", BY_RULE)):
            kinds[f"{backend} {kind}"] = _swaps(backend, kind, rules, swaps, until, counts)
    return {**counts, "kinds": kinds}


def _swaps(
    backend: Backend, kind: str, rules: str, swaps: int, until: float, counts: Counter[str]
) -> dict[str, object]:
    told: Counter[str] = Counter()
    longest = 0.0
    policy = Rendered(rules, tuple(f"swaps:{number}" for number in range(1, rules.count("\n") + 1)), "swaps")
    streams, flows = [_stream(sends) for sends in (*_ALLOWED, *_DENIED)], [_stream(Handshake(80))]
    with Lab(Topology.model_validate(STAGE), {"gateway": Rulesets(v4=policy)}, backend=backend) as lab:
        while told["swaps"] < swaps and time.monotonic() < until:
            try:
                with Streams(lab.stage, "gateway", streams, flows) as on:
                    done = _stretch(on, _works(lab, backend, kind, rules), swaps - told["swaps"], until)
                    found = window(on.end())
            except MeasurementError as error:
                print(f"{backend} {kind}: {error}", file=sys.stderr)
                counts["lost"] += 1
                told["swaps"] += 1
                continue
            told.update(
                swaps=done, packets=found.packets, opened=found.opened.packets, refused=found.refused.packets, lost=found.lost,
                broken=len(found.broken),
            )  # fmt: skip
            longest = max(longest, found.gap_ms)
            if kind == "restore":
                counts["wrong"] += found.opened.packets + found.refused.packets + found.lost + len(found.broken)
            elif kind == "flush first" and not found.opened.packets:
                counts["wrong"] += 1
    return {**told, "gap_ms": longest}


def _stretch(on: Streams, works: Sequence[Callable[[], None]], swaps: int, until: float) -> int:
    """Swap as often as there are pulses for; how often that was."""
    done = 0
    while done < swaps and on.pulses_left > _SPARE and time.monotonic() < until:
        for work in works:
            on.during(work)
        done += 1
    return done


def _stream(sends: Sends) -> Stream:
    question = Question("client", CLIENT, SERVER, sends, receivers=(("server", sends.port),))
    return Stream(f"{sends.proto}/{sends.port}", question)


def _works(lab: Lab, backend: Backend, kind: str, rules: str) -> list[Callable[[], None]]:
    node = lab.network.nodes["gateway"].namespace

    def tool(*argv: str, stdin: str = "") -> None:
        done = run(node, argv, stdin)
        if done.code:
            raise MeasurementError(Problem(done.err))

    restore = [lambda: tool(f"iptables-{backend}-restore", stdin=rules)]
    return [lambda: tool(f"iptables-{backend}", "-F"), *restore] if kind == "flush first" else restore
