"""What was proven of a drill with one of its seeds: a line of ``lab drill verify --json`` is one of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.report.wire.document import key
from lab.report.wire.parts import Many, Number


@dataclass(frozen=True, kw_only=True)
class ProofOfDrill:
    """One thing that must hold of a drill."""

    name: str = key("the healthy lab passes, the symptom is as told, reboot fails, …")
    holds: bool = key()
    what: str = key("what was seen")


@dataclass(frozen=True, kw_only=True)
class VerifiedDrill:
    """A drill with one seed."""

    version: Literal[1] = key()
    drill: str = key()
    seed: int = key()
    holds: bool = key("whether all of it does")
    seconds: Number = key(of=lambda one: round(one.seconds, 3))
    problem: str = key("why not all could be tried; empty where it could")
    proofs: Many[ProofOfDrill] = key("in the order in which they were made")
