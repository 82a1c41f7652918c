"""What the counts of a sweep prove, where no packet was traced.

>>> from lab.record.observation import Milestone, Refusal
>>> from lab.record.packet import Packet
>>> syn = Packet(4, 6, "10.0.1.10", 32768, "10.0.2.10", 443, flags=2)
>>> sent = Observation(syn, Milestone.SENT)
>>> answered = Observation(syn, Milestone.SENT, refusal=Refusal("tcp-reset", None))
>>> [str(verdict.kind) for verdict in (counted_out(sent, "gateway"), delivered(answered, "web"))]
['dropped', 'closed']
>>> agree([counted_out(sent, "gateway"), counted_out(sent, "second")])
False
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lab.record.observation import Observation
from lab.record.sweep import Counts
from lab.record.verdict import Kind, Verdict


def eater(counts: Mapping[str, Counts], denied: int, answered: int | None = None) -> str | None:
    """The one node whose rules ate all of the ``denied`` packets; None when that is not proven.

    Not proven: packets that died elsewhere than in a hook, in two nodes, or answers that died too.  ``answered`` are those that
    the sender was told of: as many as rules rejected, or some of their answers got lost outside the hooks; None where no
    rule rejects.

    >>> eater({"gateway": Counts(marked=1000, all=1000), "second": Counts(0, 0)}, denied=1000)
    'gateway'
    """
    if answered is not None and sum(of_node.rejected for of_node in counts.values()) != answered:
        return None
    nodes = [node for node, of_node in counts.items() if of_node.marked]
    marked = sum(of_node.marked for of_node in counts.values())
    every = sum(of_node.all for of_node in counts.values())
    return nodes[0] if len(nodes) == 1 and marked == every == denied else None


def nothing_eaten(counts: Mapping[str, Counts]) -> bool:
    """Whether no rule ate any packet, nor any answer.

    >>> nothing_eaten({"gateway": Counts(marked=0, all=0)})
    True
    """
    return not any(of_node.marked or of_node.all for of_node in counts.values())


def of_each(counts: Mapping[str, Counts], packets: int) -> tuple[tuple[int, ...], ...] | None:
    """By how much each of ``packets`` packets moved every rule's counter, if all did the same; None when they cannot have.

    >>> of_each({"gateway": Counts(marked=8, all=8, rules=(8, 0, 4))}, packets=4)
    ((2, 0, 1),)
    """
    if any(moved % packets for of_node in counts.values() for moved in of_node.rules):
        return None
    return tuple(tuple(moved // packets for moved in of_node.rules) for of_node in counts.values())


def counted_out(observation: Observation, node: str) -> Verdict:
    """The verdict of a packet that the rules of ``node`` ate."""
    told = observation.refusal
    name = "SYN" if observation.sent.flags else "datagram"
    counted = f"as many packets as were not delivered went into the hooks of {node} and did not come out"
    if told is None:
        return Verdict(Kind.DROPPED, f"{counted}, and nothing was answered", observation, name, node)
    return Verdict(Kind.REJECTED, f"{counted}, and the sender was told {told.kind}", observation, name, node, reject=told.kind)


def delivered(observation: Observation, node: str) -> Verdict:
    """The verdict of a packet that came to ``node``, whose kernel answered that nothing listens."""
    assert observation.refusal is not None
    proof = f"delivered to {node}, whose own kernel answered {observation.refusal.kind}: the path is open, and nothing listens"
    return Verdict(Kind.CLOSED, proof, observation, passed_node=True)


def agree(verdicts: Collection[Verdict]) -> bool:
    """Whether verdicts say the same: kind, node, rule and kind of rejection."""
    return len({(one.kind, one.node, one.rule and one.rule.place, one.reject, one.muted) for one in verdicts}) <= 1
