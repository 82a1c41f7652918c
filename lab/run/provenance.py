"""What a run is measured on and with, found out."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable

import lab as package
from lab.kernel.ground.tools import version
from lab.lab import Lab
from lab.record.provenance import Loaded, Machine
from lab.ruleset.digest import digest


def machine(backends: Iterable[str] = ()) -> Machine:
    """The kernel, the tools, who the lab is here, and which ``backends`` of iptables it was asked to load with."""
    return Machine(
        lab=package.__version__,
        kernel=platform.release(),
        architecture=platform.machine(),
        python=platform.python_version(),
        iptables=version("iptables-nft-restore"),
        backend=", ".join(dict.fromkeys(backends)),
        nft=version("nft"),
        ipset=version("ipset"),
        processors=len(os.sched_getaffinity(0)),
        rootless=os.environ.get("LAB_ROOTLESS") == "1",
    )


def of_lab(lab: Lab) -> Loaded:
    """The hashes of the loaded rulesets, and the sysctls in which each node differs from the baseline."""
    return Loaded(
        backend=str(lab.backend),
        rulesets={
            node: f"sha256:{digest(''.join(policy.texts.values()))}"
            for node, policy in lab.policies.items()
        },
        texts={
            node: {kind: f"sha256:{digest(text)}" for kind, text in policy.texts.items()}
            for node, policy in lab.policies.items()
        },
        sysctls={name: dict(node.sysctls) for name, node in lab.network.nodes.items()},
    )
