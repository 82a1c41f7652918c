"""Named limits and quotas: what rules use cannot go, so the rules let go of it, and it is made anew where they are put back.

``NEWOBJ`` for one that is there changes what it is made of at most (nft_quota_obj_update), never what it remembers.
Numbers are those of linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.hold.renew.channel import DELOBJ, GETOBJ, NEWOBJ, NUMBERS, Channel, NotInPlace
from lab.kernel.hold.renew.own_rules import OwnRules
from lab.ruleset.held import HeldRule
from lab.ruleset.memory import Memory

_TABLE, _NAME, _TYPE, _DATA, _USERDATA = 1, 2, 3, 4, 8
_QUOTA, _LIMIT = 2, 4  # NFT_OBJECT_*


class Objects:
    """Those of one node's nf_tables, as they were when it was made.

    Without ``fresh`` quotas are left out, as what they began with is not known.
    """

    def __init__(self, channel: Channel, own: OwnRules, tables: Sequence[tuple[str, str]], *, fresh: bool) -> None:
        self._own = own
        self._made: dict[tuple[str, str, str], list[tuple[bytes, bytes]]] = {}
        for family, table in tables:
            for data in channel.dump(GETOBJ, family, nl.text(_TABLE, table)):
                parts = nl.attributes(data, nl.HEADER)
                if int.from_bytes(parts[_TYPE], "big") in ((_QUOTA, _LIMIT) if fresh else (_LIMIT,)):
                    name = parts[_NAME][:-1].decode()
                    which = nl.text(_TABLE, table) + nl.text(_NAME, name) + nl.attribute(_TYPE, parts[_TYPE])
                    made = nl.attribute(_DATA | nl.NESTED, parts[_DATA])
                    kept = nl.attribute(_USERDATA, parts[_USERDATA]) if _USERDATA in parts else b""
                    self._made.setdefault((family, table, name), []).append((which, made + kept))

    def renew(self, memories: Mapping[Memory, Sequence[HeldRule]]) -> None:
        """Make them fresh; raises NotInPlace, where other rules or maps hold one too."""
        messages: list[bytes] = []
        for memory in memories:
            number = NUMBERS[memory.family]
            made = self._made.get((memory.family, memory.table, memory.name))
            if not made:
                raise NotInPlace(f"no limit or quota is called {memory.name}")
            for which, rest in made:
                messages.append(nl.message(DELOBJ, 0, number, which))
                messages.append(nl.message(NEWOBJ, nl.NLM_F_CREATE, number, which + rest))
        self._own.renew_named((rule for rules in memories.values() for rule in rules), messages)
