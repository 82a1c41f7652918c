"""The policy taken out of a node and loaded again: what is left for what cannot be made fresh in place.

A ruleset that is loaded over itself keeps what has a name (``recent``, ``hashlimit``, ``rateest``), so in between nothing of it
is there.  Sets of ipset stay, as rules hold them until the kernel gets to letting go, and are filled again.  The tables are
made as they were the first time, so that nf_tables gives their rules the same handles.
"""

from __future__ import annotations

from dataclasses import replace

from lab.errors import MeasurementError, Problem
from lab.kernel.hold.exchange import exchange
from lab.kernel.hold.held import Held
from lab.kernel.hold.line_map import KnownLines, NodeLines
from lab.kernel.hold.loading import load
from lab.kernel.hold.read_back import read_back
from lab.kernel.hold.renew.channel import NotInPlace
from lab.kernel.hold.renew.sets import renew_ipsets
from lab.kernel.stage.node import Node
from lab.ruleset import ipset
from lab.ruleset.rulesets import Rulesets


def reload(node: Node, held: Held) -> Held:
    """What the node holds afterwards; raises MeasurementError when that is not what it held before, and what `load` raises."""
    rendered = held.rendered
    if rendered is None or held.by_hand:
        why = "they were changed by hand" if held.by_hand else "nobody says how to load them"
        raise MeasurementError(Problem(f"{node.name}: what its rules remember goes with them alone, and {why}"))
    exchange(node, rendered, Rulesets(ipset=rendered.ipset), held.backend, "")
    if rendered.ipset is not None:
        try:
            renew_ipsets(node.namespace, rendered.ipset.text, ipset.names_of(rendered.ipset.text))
        except NotInPlace as error:
            raise MeasurementError(Problem(f"{node.name}: its sets cannot be filled again: {error}")) from error
    load(node, replace(rendered, ipset=None), held.backend)
    now = read_back(node, rendered, held.backend, KnownLines(NodeLines(held.lines)))
    if now.listing != held.listing:
        raise MeasurementError(Problem(f"{node.name}: its rules were loaded again, and are not the same"))
    return now
