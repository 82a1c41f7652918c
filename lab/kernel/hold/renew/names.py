"""Lists of ``recent`` and tables of ``hashlimit``: they have a name, and live as long as a rule names them.

A rule that is replaced by itself finds the list of before (recent_mt_check, htable_find_get), and so does a ruleset that is
loaded over itself.  So all rules that name it are first replaced by rules that do nothing, and put back in a second
transaction: it waits until the first one's rules are gone (nft_compat_wait_for_destructors), and with them the list.

Root may also write ``/`` into the list's file (xt_recent.c, recent_mt_proc_write); in a user namespace it belongs to nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lab.kernel.ground.namespace import Namespace
from lab.kernel.hold.held import Held
from lab.kernel.hold.renew.channel import NotInPlace
from lab.kernel.hold.renew.own_rules import OwnRules
from lab.ruleset.held import HeldRule
from lab.ruleset.memory import Kind, Memory
from lab.ruleset.words import values_of

_NAMED_BY = {Kind.RECENT: ("recent", "--name"), Kind.HASHLIMIT: ("hashlimit", "--hashlimit-name")}
_NO_NAME = "DEFAULT"


class Names:
    """Those of one node."""

    def __init__(self, namespace: Namespace, held: Held, own: OwnRules) -> None:
        self._namespace, self._held, self._own = namespace, held, own
        self._users: dict[tuple[Kind, str, str], tuple[HeldRule, ...]] = {}

    def renew(self, memories: Mapping[Memory, Sequence[HeldRule]]) -> None:
        """Make them fresh; raises NotInPlace."""
        self._own.renew_named(rule for memory in memories for rule in self.users(memory))

    def emptied(self, memory: Memory) -> bool:
        """Whether the list of ``recent`` could be emptied by its file, at once."""
        if "/" in memory.name or memory.name.startswith("."):
            return False
        try:
            with self._namespace, open(f"/proc/thread-self/net/xt_recent/{memory.name}", "wb", buffering=0) as file:
                return file.write(b"/") == 1
        except OSError:
            return False

    def users(self, memory: Memory) -> tuple[HeldRule, ...]:
        """Every rule that holds it, whatever it does: a list of ``recent`` is the same for both families."""
        key = memory.kind, "" if memory.kind is Kind.RECENT else memory.family, memory.name
        if key not in self._users:
            self._users[key] = tuple(rule for rule in self._held.rules() if key in set(_names(rule)))
            if not self._users[key]:
                raise NotInPlace(f"no rule names {memory.name}")
        return self._users[key]


def _names(rule: HeldRule) -> Iterator[tuple[Kind, str, str]]:
    for kind, (match, option) in _NAMED_BY.items():
        if rule.matches is not None and match in rule.matches:
            family = "" if kind is Kind.RECENT else rule.family
            named = list(values_of(rule.text, (option,)))
            # beside one that is named there may be one without a name
            for name in (*named, *([_NO_NAME] if len(named) < rule.matches.count(match) else ())):
                yield kind, family, name
