"""What rules may do to a sweep: not to one packet, but to many that are told apart by their ports alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lab.ruleset.conditions import OF_SOURCE_PORTS
from lab.ruleset.held import Chains, HeldRule, ports_of, rules_of
from lab.ruleset.on_the_way import Flow, Ways
from lab.ruleset.rule import Ports, overlap
from lab.written.topology import Topology

# what reads source ports in another way than by numbers that stand in the rule
_NOT_IN_NUMBERS = ("u32", "bpf", "--ctreplsrcport", "@th", "@nh", "@ll", " . ", "@", "reply", "map", "hash", "$")
_SET_OF_PORTS = re.compile(r"(?m)^\s*create\s+(\S+)\s+\S*port\S*")


@dataclass(frozen=True, slots=True)
class Hazards:
    """What the rules of some policies can do.

    ``queues``: hand packets to user space.  ``answers``: take them over and answer in their place.  To a hook's counters both
    look like a drop.  ``rejects``: refuse with an answer, which may get lost.  ``translates``: give several ports one
    destination, so that flows from one source port become the same.  ``reads_source_ports``: tell source ports apart.
    ``copies``: send a packet twice, which counters take for another.
    """

    queues: bool = False
    answers: bool = False
    rejects: bool = False
    translates: bool = False
    reads_source_ports: bool = False
    copies: bool = False


def find_hazards(rules: Iterable[HeldRule], sets: str = "", sports: Ports = ()) -> Hazards:
    """What the rules can do; ``sets`` are the ipsets that they may ask, as `ipset save` prints them.

    With ``sports`` source ports count as read where a rule may tell some of these from others.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> to_itself = rule_in_line("v4", "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080")
    >>> find_hazards([to_itself]) == Hazards(translates=True)
    True
    """
    of_ports = frozenset(_SET_OF_PORTS.findall(sets))
    queues = answers = rejects = translates = reads = copies = False
    for rule in rules:
        queues = queues or rule.queues
        answers = answers or rule.answers
        rejects = rejects or rule.rejects
        translates = translates or rule.translates == "destination" or rule.target == "NETMAP"
        reads = reads or _reads(rule, sports) or (bool(of_ports) and not of_ports.isdisjoint(rule.sets))
        copies = copies or rule.copies
    return Hazards(queues, answers, rejects, translates, reads, copies)


def _reads(rule: HeldRule, sports: Ports) -> bool:
    if not rule.reads_source_ports:
        return False
    if not sports or rule.target == "HMARK" or any(word in rule.text for word in _NOT_IN_NUMBERS):
        return True
    asked = [ports for field in OF_SOURCE_PORTS for one in rule.of(field) if (ports := ports_of(one)) is not None]
    if not asked or len(asked) != sum(1 for field in OF_SOURCE_PORTS for _ in rule.of(field)):
        return True
    return any(overlap(ports, sports) not in ((), sports) for ports in asked)


class HazardsByFlow:
    r"""What the rules that a flow may meet can do to a sweep of it: those of all nodes, read once.

    >>> from lab.ruleset.held_save import chains_of_save
    >>> from lab.ruleset.save import read_save
    >>> text = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp --sport 67 --dport 68 -j REJECT\nCOMMIT"
    >>> of_flows = HazardsByFlow(topology, {"gateway": chains_of_save("ip", read_save(text))})
    >>> tcp = Flow(4, "tcp", ((1, 65535),), "world", ("198.51.100.254",), "198.51.100.1", "gateway", ((32768, 60999),))
    >>> [of_flows.of(flow) == Hazards(rejects=flow.proto == "udp") for flow in (tcp, tcp._replace(proto="udp"))]
    [True, True]
    """

    def __init__(self, topology: Topology, held: Mapping[str, Chains], sets: str = "") -> None:
        self._ways = Ways(topology, held)
        self._sets = sets
        of_ports = frozenset(_SET_OF_PORTS.findall(sets))
        self._hazardous = {
            node: [
                rule for rule in rules_of(chains)
                if not of_ports.isdisjoint(rule.sets) or find_hazards([rule]) != Hazards()
            ]
            for node, chains in held.items()
        }  # fmt: skip

    def of(self, flow: Flow) -> Hazards:
        """What those of them that it may meet can do to its packets, which differ in their ports alone."""
        return find_hazards(self._met(flow), self._sets, flow.sports)

    def _met(self, flow: Flow) -> Iterator[HeldRule]:
        for node, rules in self._hazardous.items():
            way = self._ways.to(node, flow)
            yield from (rule for rule in rules if way.may_come(rule, rule.conditions))
