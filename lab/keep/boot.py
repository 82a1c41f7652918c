"""What a node of a lab that is up boots into: the files that a real host of its kind would load its rules from."""

from __future__ import annotations

from collections.abc import Mapping

from lab.ruleset.rulesets import Rulesets
from lab.written.topology import Topology

BOOT_FILES = {
    "v4": "/etc/iptables/rules.v4", "v6": "/etc/iptables/rules.v6", "ipset": "/etc/ipset.conf", "nft": "/etc/nftables.conf",
}  # fmt: skip
"""By the kind of ruleset, as `Rulesets` has them."""


def boot_files(topology: Topology, policies: Mapping[str, Rulesets]) -> dict[str, dict[str, str]]:
    """Path to text, for each node: its rules, and its sysctls over the lab's baseline."""
    return {name: of_node(policies.get(name, Rulesets()), spec.sysctls) for name, spec in topology.nodes.items()}


def of_node(rulesets: Rulesets, sysctls: Mapping[str, str]) -> dict[str, str]:
    """The same of one node."""
    files = {BOOT_FILES[kind]: text for kind, text in rulesets.texts().items()}
    if sysctls:
        files["/etc/sysctl.conf"] = "".join(f"{key} = {value}\n" for key, value in sysctls.items())
    return files
