"""One policy in three ways, and what would mend a verdict of it: for tests of whole sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.lab import Lab
from lab.record.verdict import Verdict
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.run.after.why import hints
from lab.written.cell import Expectation
from lab.written.topology import Topology
from tests.kernel.scenes import rendered

KINDS = ("nft", "legacy", "native")


def native(script: str, helper: str) -> Rulesets:
    """A script of nft with its helper, or without one, where it says HELPER."""
    return Rulesets(nft=rendered(script.replace("HELPER", helper)))


@contextmanager
def lab_in(kind: str, topology: Topology, policy: Rulesets) -> Iterator[Lab]:
    """The lab with the gateway's policy, loaded as its kind wants it."""
    backend = Backend.LEGACY if kind == "legacy" else Backend.NFT
    with Lab(topology, {"gateway": policy}, backend=backend) as lab:
        yield lab


def mend_of(lab: Lab, verdict: Verdict) -> str:
    """All hints on a verdict that was to be an allow."""
    return "\n".join(map(str, hints(lab, verdict, Expectation("allow"), "gateway")))
