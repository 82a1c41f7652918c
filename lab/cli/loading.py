"""``lab load`` as the command line has it."""

from __future__ import annotations

from collections.abc import Sequence

from lab.cli.given import Given
from lab.keep.entry import find
from lab.keep.loading import load_into
from lab.prepare.piped import taken
from lab.prepare.scene import scene_on
from lab.record.node_state import Leftover
from lab.report.plain import plain

_MOST = 40


def load_and_tell(lab: str, node: str, file: str, given: Given) -> None:
    """Load a policy into a node of a lab that is up, and print what differs now."""
    entry = find(lab)
    entry.require_node(node)
    policies = taken({node: (file,)}, given.came)
    scene = scene_on(entry.kept().topology, policies, rendering=given.rendering(entry.backend), shipped=given.shipped)
    changed = [one for one in load_into(entry, node, scene.policies[node]) if not one.carried]
    for note in scene.notes((4, 6)):
        print(plain(f"note: {note}"))
    _tell(lab, node, file, changed)


def _tell(lab: str, node: str, file: str, changed: Sequence[Leftover]) -> None:
    for one in changed[:_MOST]:
        print(plain(one.what))
    if len(changed) > _MOST:
        print(f"and {len(changed) - _MOST:,} more lines")
    what = f"{len(changed):,} {'line differs' if len(changed) == 1 else 'lines differ'}" if changed else "nothing differs"
    print(plain(f"{lab}: {node} holds {file} now; {what}"))
