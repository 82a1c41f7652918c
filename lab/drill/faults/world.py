"""Faults that are made in a node's world: commands that leave no history, and the files that its next boot reads."""

from __future__ import annotations

from typing import Any

from lab.drill.grounds import Grounds
from lab.ruleset.rulesets import Rulesets

BOOT_FILES = {
    "v4": "/etc/iptables/rules.v4", "v6": "/etc/iptables/rules.v6", "ipset": "/etc/ipset.conf", "nft": "/etc/nftables.conf",
}  # fmt: skip
_KINDS = {path: kind for kind, path in BOOT_FILES.items()}


def commands(grounds: Grounds, said: Any) -> None:
    """Run commands in a node's world, each by a shell of its own, which notes nothing."""
    for line in said.run:
        grounds.inside(said.node, ["sh", "-c", line])


def boot_file(grounds: Grounds, said: Any) -> None:
    """Have the next boot read another policy."""
    grounds.write(said.node, said.path, text_of(grounds.policies[said.policy], said.path))


def text_of(rulesets: Rulesets, path: str) -> str:
    """What of a policy belongs into the file of this path: nothing where the policy has none of its kind."""
    return rulesets.texts().get(_KINDS.get(path, ""), "")


def keep_boot_files(grounds: Grounds) -> None:
    """Have every node's next boot read what it holds now, as a host whose admins saved it has it.

    What a drill broke is in these files too: else what is otherwise in them would tell the cause.
    """
    for name in grounds.with_rules():
        for kind, text in grounds.held(name).texts.items():
            grounds.write(name, BOOT_FILES[kind], text)
