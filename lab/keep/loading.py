"""Other rules into a node of a lab that is up, while it is up."""

from __future__ import annotations

from dataclasses import replace

from lab.keep.entry import Entry, keep_anew
from lab.keep.joined import site_of
from lab.kernel.hold.line_map import find_lines
from lab.kernel.hold.state import state_of
from lab.lab import Lab
from lab.record.node_state import Leftover
from lab.ruleset.rulesets import Rulesets
from lab.verdict.restored import left_over


def load_into(entry: Entry, node: str, rulesets: Rulesets) -> tuple[Leftover, ...]:
    """Put ``rulesets`` in the place of what a node holds, whoever put that there; what differs now, line by line.

    Who asks from now on knows their lines.  What the node loads when it boots stays as it is.
    Raises InputError or MachineError when they are refused, MeasurementError; what the node then holds `Lab.load` says.
    """
    entry.require_node(node)
    with site_of(entry) as site, Lab.on(site) as lab:
        lines = find_lines(site.topology, {node: rulesets}, site.backend)[node]
        there = site.network.nodes[node]
        before = state_of(there, site.backend, rulesets.texts())
        lab.load(node, rulesets, lines)
        kept = entry.kept()
        keep_anew(entry, replace(
            kept, policies={**kept.policies, node: rulesets}, lines={**kept.lines, node: lines},
            held={**kept.held, node: site.held.policies[node]},
        ))  # fmt: skip
        return left_over(before, state_of(there, site.backend, rulesets.texts()))
