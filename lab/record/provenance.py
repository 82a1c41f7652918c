"""What a run was measured on and with: it goes into every report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

Plain = dict[str, object]  # as JSON has it: strings, numbers, true and false, mappings of these


@dataclass(frozen=True, slots=True)
class Machine:
    """The kernel, the tools with their versions, and who the lab is here.

    ``iptables``, ``nft`` and ``ipset`` are what these print of their version, None where they are not there.  ``backend`` is
    which iptables was asked to load rulesets: ``nft``, ``legacy``, or ``nft, legacy`` one after the other.  ``processors`` is
    how many the process may use.
    """

    lab: str
    kernel: str
    architecture: str
    python: str
    iptables: str | None
    backend: str
    nft: str | None
    ipset: str | None
    processors: int
    rootless: bool

    def plain(self) -> Plain:
        """As reports write it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the lab of one matrix had loaded, by node.

    ``rulesets`` are the hashes (``sha256:…``) of all that a node's policy loads, ``texts`` those of each kind of it;
    ``sysctls`` are what the lab wrote there.
    """

    backend: str
    rulesets: Mapping[str, str]
    texts: Mapping[str, Mapping[str, str]]
    sysctls: Mapping[str, Mapping[str, str]]

    def plain(self) -> Plain:
        """As reports write it."""
        return {"backend": self.backend, "rulesets": self.rulesets, "texts": self.texts, "sysctls": self.sysctls}


@dataclass(frozen=True, slots=True)
class Provenance:
    """The machine, and what was loaded for each matrix; one whose lab could not be built is not among ``matrices``.

    ``begun`` is whether any matrix came as far as to be given a lab.
    """

    machine: Machine
    matrices: Mapping[str, Loaded] = field(default_factory=dict)
    begun: bool = True

    def plain(self) -> Plain:
        """As reports write it."""
        matrices = {name: loaded.plain() for name, loaded in self.matrices.items()}
        return {**self.machine.plain(), **({"matrices": matrices} if self.begun else {})}
