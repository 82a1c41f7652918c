"""What rules may do to a sweep: not to one packet, but to many that are told apart by their ports alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lab.ruleset.conditions import OF_SOURCE_PORTS
from lab.ruleset.held import HeldRule, ports_of
from lab.ruleset.rule import Ports, overlap

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


def is_hazard(rule: HeldRule) -> bool:
    """Whether `find_hazards` may have something to tell of a rule: of one that asks a set, what the set holds decides.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> is_hazard(rule_in_line("v4", "-A INPUT -p tcp --dport 22 -j ACCEPT"))
    False
    """
    return (
        rule.queues or rule.answers or rule.rejects or rule.copies or rule.translates is not None or bool(rule.sets)
        or rule.reads_source_ports
    )  # fmt: skip


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
