"""Faults that are made in a node's world: commands that leave no history, and the files that its next boot reads."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from lab.drill.grounds import Grounds
from lab.keep.boot import BOOT_FILES
from lab.ruleset.rulesets import Rulesets

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


def boot_from(grounds: Grounds, node: str, rulesets: Rulesets) -> None:
    """Have the next boot of a node load these."""
    texts = rulesets.texts()
    for kind, path in BOOT_FILES.items():
        if kind in texts:
            grounds.write(node, path, texts[kind])


def keep_boot_files(grounds: Grounds, but: Collection[tuple[str, str]] = ()) -> None:
    """Have every node's next boot read what it holds now, as a host whose admins saved it has it; ``but`` are (node, file).

    What a drill broke is in these files too: else what is otherwise in them would tell the cause.
    """
    for name in grounds.site.held.policies:
        for kind, text in grounds.held(name).texts.items():
            if (name, BOOT_FILES[kind]) not in but:
                grounds.write(name, BOOT_FILES[kind], text)
