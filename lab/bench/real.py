"""Rulesets as people have them, with limiters and many networks; where it is said, beside the same without their limiters."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence

from lab.bench.figures import Found, Size
from lab.bench.inputs import policy, project_of, topology, topology_of
from lab.bench.probes import ask
from lab.bench.processes import run_lab
from lab.lab import Lab
from lab.probe.question import Handshake, Question

_PATIENCE_S = 300  # for one command: what takes longer is told by a note
_RUN = ("run", "--json", os.devnull)
_EXPOSURE = ("exposure", "--json", os.devnull)
_REACH = ("reach", "--service", "tcp/22", "--json", os.devnull)
_MANY = 49
_MOST_PROBES = 300
_LIBRARY = Question("world", "198.51.100.254", "10.80.200.10", Handshake(443), receivers=(("library", 443),))
_OF_THREE = ("client", "10.1.0.2", "10.2.0.2", "10.2.0.99")
_OF_MANY = ("host0", "10.0.0.10", "10.2.0.10", "10.2.0.99")


def real(size: Size) -> Found:
    """A gateway with ufw and Docker, a company's router, a campus, OpenWrt's stock set, a firewall that counts."""
    found = [
        _beside("openwrt_default", "openwrt", _RUN, size.few(3)),
        _beside("ufw_docker_run", "ufw-docker", _RUN, size.few(3)),
        Found(_probes(size)),
    ]
    if not size.quick:
        found += [
            _beside("ufw_docker_exposure", "ufw-docker", _EXPOSURE, 1),
            _beside("branches_exposure", "branches", _EXPOSURE, 1),
            _beside("counting_exposure", "counting", _EXPOSURE, 1),
            _alone("campus_zone_exposure", "campus", (*_EXPOSURE, "--from", "wan")),
            _alone("counting_reach", "counting", _REACH),
            _alone("campus_reach", "campus", _REACH),
        ]
    return Found({key: value for one in found for key, value in one.figures.items()}, sum((one.notes for one in found), ()))


def _beside(key: str, name: str, command: Sequence[str], runs: int) -> Found:
    """The command with the limiters and without, in turn; the median of each, and the first as a multiple of the second."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(runs):
        for limits, taken in took.items():
            seconds, note = _seconds(name, command, limits=limits)
            if seconds is None:
                return Found(
                    {f"{key}_s": None, f"{key}_ratio": None} if limits else {f"{key}_s": took[True][0], f"{key}_ratio": None},
                    (note,),
                )
            taken.append(seconds)
    limited, plain = (statistics.median(taken) for taken in took.values())
    return Found({f"{key}_s": limited, f"{key}_ratio": limited / plain})


def _alone(key: str, name: str, command: Sequence[str]) -> Found:
    seconds, note = _seconds(name, command, limits=True)
    return Found({f"{key}_s": seconds}, (note,) if note else ())


def _seconds(name: str, command: Sequence[str], *, limits: bool) -> tuple[float | None, str]:
    """How long the command takes; None, with a note, where it takes too long or does not end with 0."""
    with project_of(name, limits=limits) as matrix:
        ended = run_lab(*command, str(matrix), patience_s=_PATIENCE_S)
    if ended.code == 0:
        return ended.seconds, ""
    said = f"`lab {command[0]}` of {name}{'' if limits else ' without limiters'}"
    how = f"was not done after {_PATIENCE_S} s" if ended.seconds >= _PATIENCE_S else f"ended with {ended.code}"
    return None, f"{said} {how}"


def _probes(size: Size) -> dict[str, float]:
    """An allow past 5,500 rules; the worst of two kinds of probe in a lab of 49 nodes beside the same in a lab of three."""
    count = min(size.probes, _MOST_PROBES)
    with Lab(topology("campus"), {"core": policy("campus", limits=True)}) as lab:
        campus = ask(lab, _LIBRARY, "allowed", count, at="core")
    rules = policy("all-accept")
    with Lab(topology("three"), {"gateway": rules}) as three, Lab(topology_of(_MANY), {"gateway": rules}) as many:
        small, large = _to_somebody_and_nobody(three, count, *_OF_THREE), _to_somebody_and_nobody(many, count, *_OF_MANY)
    return {"campus_probe_ms": campus / 1e3, "probe_49_nodes_ratio": max(of / to for of, to in zip(large, small, strict=True))}


def _to_somebody_and_nobody(lab: Lab, count: int, node: str, source: str, somebody: str, nobody: str) -> Sequence[float]:
    """Microseconds of a probe that a closed port answers, and of one to an address that no node has: there the lab waits."""
    asked = ((somebody, "closed", count), (nobody, "unrouted", max(1, count // 10)))
    return [ask(lab, Question(node, source, to, Handshake(443)), kind, times) for to, kind, times in asked]
