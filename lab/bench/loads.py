"""How long rulesets take to load, on each backend, beside the bare tool."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from lab.bench.figures import Found, Size, seconds
from lab.bench.inputs import grown, text_of
from lab.errors import MeasurementError, Problem
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.tools import find, run
from lab.kernel.hold.kinds import restore
from lab.kernel.hold.line_map import LineMap
from lab.kernel.hold.loading import load
from lab.kernel.hold.read_back import read_back
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets

_ONE_BY_ONE = 1000


@dataclass(frozen=True, slots=True)
class _Load:
    """A load by the lab as a multiple of the bare tool's, the bare one and the read-back in seconds, all medians."""

    ratio: float
    bare_s: float
    back_s: float
    whole_ratio: float


def _measure(kind: str, text: Rendered, backend: Backend, runs: int) -> _Load:
    """Load ``text`` by the bare tool and by the lab, one after the other, and read it back with every rule's line.

    The whole is a load with its read-back as a lab does it: the lines are found beside the load.
    """
    rulesets, home = Rulesets(**{kind: text}), Home()
    bares: list[float] = []
    loads: list[float] = []
    backs: list[float] = []
    wholes: list[float] = []
    for _ in range(runs):
        bare, loaded = Node("bare", home), Node("loaded", home)
        bares.append(seconds(lambda node=bare: run(node.namespace, restore(kind, backend), text.text)))  # type: ignore[misc]
        loads.append(seconds(lambda node=loaded: load(node, rulesets, backend)))  # type: ignore[misc]
        if kind != "ipset":
            backs.append(seconds(lambda node=loaded: _read_back(node, rulesets, home, backend)))  # type: ignore[misc]
            whole = Node("whole", home)
            wholes.append(seconds(lambda node=whole: _whole(node, rulesets, home, backend)))  # type: ignore[misc]
            whole.close()
        bare.close()
        loaded.close()
    home.close()
    ratio = statistics.median(one / other for one, other in zip(loads, bares, strict=True))
    back = statistics.median(backs) if backs else 0.0
    whole_ratio = statistics.median(one / other for one, other in zip(wholes, bares, strict=True)) if wholes else ratio
    return _Load(ratio, statistics.median(bares), back, whole_ratio)


def _read_back(node: Node, rulesets: Rulesets, home: Home, backend: Backend) -> None:
    lines = LineMap(home, rulesets, backend)
    read_back(node, rulesets, backend, lines)
    lines.close()


def _whole(node: Node, rulesets: Rulesets, home: Home, backend: Backend) -> None:
    lines = LineMap(home, rulesets, backend, accept=False)
    load(node, rulesets, backend)
    read_back(node, rulesets, backend, lines)
    lines.close()


def loads(size: Size) -> Found:
    """10,000 rules in 1,000 chains on nft, legacy and native nft; 100,000 rules and addresses; 1,000 rules one by one."""
    runs = size.runs
    ten = _measure("v4", text_of("ten-thousand.rules"), Backend.NFT, runs)
    native = _measure("nft", text_of("ten-thousand.nft"), Backend.NFT, runs)
    hundred = None if size.quick else _measure("v4", text_of("hundred-thousand.rules"), Backend.NFT, 1)
    legacy = sets = None
    if find("iptables-legacy-restore") is not None:
        legacy = _measure("v4", text_of("ten-thousand.rules"), Backend.LEGACY, runs)
    if find("ipset") is not None:
        sets = _measure("ipset", text_of("hundred-thousand.ipset"), Backend.NFT, runs)
    return Found({
        "load_ratio": ten.ratio,
        "load_bare_s": ten.bare_s,
        "readback_s": ten.back_s,
        "load_legacy_ratio": legacy.ratio if legacy else None,
        "load_nft_ratio": native.ratio,
        "load_100k_ratio": hundred.whole_ratio if hundred else None,
        "load_100k_bare_s": hundred.bare_s if hundred else None,
        "ipset_100k_s": sets.bare_s * sets.ratio if sets else None,
        "ipset_100k_ratio": sets.ratio if sets else None,
        **({} if size.quick else _one_by_one()),
    })


def _one_by_one() -> Mapping[str, float]:
    """1,000 rules by as many calls of iptables, and the same rules by one of iptables-restore."""
    text = grown("linear.rules", _ONE_BY_ONE).text
    rules = [shlex.split(line) for line in text.splitlines() if line.startswith("-A")]
    home = Home()
    single, whole = Node("one by one", home), Node("whole", home)

    def one_by_one() -> None:
        for rule in rules:
            done = run(single.namespace, ["iptables-nft", *rule])
            if done.code != 0:
                raise MeasurementError(Problem(f"iptables refused a rule: {done.err.strip()}"))

    bare = seconds(lambda: run(whole.namespace, restore("v4", Backend.NFT), text))
    took = seconds(one_by_one)
    for node in (single, whole):
        node.close()
    home.close()
    return {"load_one_by_one_s": took, "load_one_by_one_bare_s": bare}
