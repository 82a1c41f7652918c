"""What the counts of a sweep prove, where no packet was traced."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lab.record.observation import Observation
from lab.record.verdict import Kind, Verdict


def eater(eaten: Mapping[str, tuple[int, int]], denied: int) -> str | None:
    """The one node whose rules ate all of the ``denied`` packets, of (marked, all) counts; None when that is not proven.

    Not proven: packets that died elsewhere than in a hook, in two nodes, or answers that died too.
    """
    nodes = [node for node, (marked, _) in eaten.items() if marked]
    marked, every = (sum(counts[place] for counts in eaten.values()) for place in (0, 1))
    return nodes[0] if len(nodes) == 1 and marked == every == denied else None


def nothing_eaten(eaten: Mapping[str, tuple[int, int]]) -> bool:
    """Whether no rule ate any packet, nor any answer."""
    return not any(map(any, eaten.values()))


def counted_out(observation: Observation, node: str) -> Verdict:
    """The verdict of a packet that the rules of ``node`` ate."""
    told = observation.refusal
    counted = f"as many packets as were not delivered went into the hooks of {node} and did not come out"
    if told is None:
        return Verdict(Kind.DROPPED, f"{counted}, and nothing was answered", observation, _name(observation), node)
    proof = f"{counted}, and the sender was told {told.kind}"
    return Verdict(Kind.REJECTED, proof, observation, _name(observation), node, reject=told.kind)


def delivered(observation: Observation, node: str) -> Verdict:
    """The verdict of a packet that came to ``node``, whose kernel answered that nothing listens."""
    assert observation.refusal is not None
    proof = f"delivered to {node}, whose own kernel answered {observation.refusal.kind}: the path is open, and nothing listens"
    return Verdict(Kind.CLOSED, proof, observation, passed_node=True)


def agree(verdicts: Collection[Verdict]) -> bool:
    """Whether verdicts say the same: kind, node, rule and kind of rejection."""
    return len({(one.kind, one.node, one.rule and one.rule.place, one.reject, one.muted) for one in verdicts}) <= 1


def _name(observation: Observation) -> str:
    return "SYN" if observation.sent.flags else "datagram"
