"""Sets that rules write: emptied, and filled with what they were loaded with, in one transaction.

A set of ipset has its own protocol, and its tool is asked: a set that rules name can be flushed and filled.
Numbers are those of linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.tools import run
from lab.kernel.hold.renew.channel import DELSETELEM, GETSETELEM, NEWSETELEM, NUMBERS, Channel, NotInPlace, acknowledged
from lab.ruleset.held import HeldRule
from lab.ruleset.memory import Memory

_TABLE, _SET, _ELEMENTS = 1, 2, 3
_WRITTEN = re.compile(r"@(\S+)")
_Name = tuple[str, str, str]


class NativeSets:
    """Sets of nf_tables in one node, as they were when they were seen."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._elements: dict[_Name, tuple[bytes, ...]] = {}

    def see(self, rules: Iterable[HeldRule]) -> None:
        """Read the sets that these rules name, as long as nothing has come to them."""
        for name in {(*rule.key[:2], word) for rule in rules for word in _WRITTEN.findall(rule.text)}:
            try:
                listed = self._channel.dump(GETSETELEM, name[0], _named(name))
                parts = (nl.attributes(data, nl.HEADER)[_ELEMENTS] for data in listed)
                self._elements[name] = tuple(filter(None, parts))
            except OSError:
                continue  # what looks like a set is none

    def renew(self, memories: Mapping[Memory, Sequence[HeldRule]]) -> None:
        """Let the sets hold what they held; raises NotInPlace."""
        messages = []
        for memory in memories:
            name = memory.family, memory.table, memory.name
            if name not in self._elements:
                raise NotInPlace(f"what {memory.name} held is not known")
            number, named = NUMBERS[memory.family], _named(name)
            messages.append(nl.message(DELSETELEM, 0, number, named))
            filled = (named + nl.nest(_ELEMENTS, part) for part in self._elements[name])
            messages += [nl.message(NEWSETELEM, nl.NLM_F_CREATE, number, payload) for payload in filled]
        self._channel.commit([*messages[:-1], acknowledged(messages[-1])])


def _named(name: _Name) -> bytes:
    return nl.text(_TABLE, name[1]) + nl.text(_SET, name[2])


def renew_ipsets(namespace: Namespace, text: str, sets: Iterable[str]) -> None:
    """Let sets of ipset hold what the text that was loaded gives them; raises NotInPlace."""
    names = set(sets)
    script = "".join(f"flush {name}\n" for name in sorted(names))
    for line in text.split("\n"):
        verb, name, *_ = (*line.split(None, 2), "", "")
        if name in names and verb == "add":
            script += line + "\n"
        elif name in names and verb != "create":
            raise NotInPlace(f"{line}: what it comes to is for ipset to say")
    done = run(namespace, ["ipset", "-exist", "restore"], script)
    if done.code != 0:
        raise NotInPlace(done.err.strip())
