"""What a node holds, rule by rule, whoever put it there: loaded from files, or changed by hand since."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lab.kernel.hold.kinds import NFT_FAMILIES
from lab.kernel.hold.rule_index import RuleIndex
from lab.ruleset import held as rules
from lab.ruleset.absent import Here, here_of
from lab.ruleset.backend import Backend
from lab.ruleset.held import ChainKey, Chains, HeldChain, HeldRule
from lab.ruleset.held_save import Lines, chains_of_save
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.ruleset.save import Ruleset

_OF_IPTABLES = {
    (family, table) for family in NFT_FAMILIES.values() for table in ("raw", "mangle", "nat", "filter", "security")
}


@dataclass(frozen=True)
class Held:
    """What a node holds: its rules, and which of them a trace means (`index`).

    ``rendered`` is what was loaded, None where nobody says.  ``traces`` tells that some rule traces packets itself, so that
    more of them are seen than the lab began with, ``zoned`` that some rule puts flows into a zone of conntrack.  ``texts``
    are what rules and sets stand in, by kind (``ipset``, ``v4``, ``v6``, ``nft``): as they were loaded, else as the tools
    print them.
    ``by_hand`` tells that somebody has changed since what was loaded.
    What the tools printed (``saved``, ``native``, ``printed``) is for this room alone: everybody else reads `chains`.
    """

    node: str
    backend: Backend
    index: RuleIndex
    saved: Mapping[str, Ruleset]
    native: Chains
    lines: Mapping[str, Lines]
    texts: Mapping[str, str]
    rendered: Rulesets | None = None
    traces: bool = False
    zoned: bool = False
    printed: Mapping[str, str] = field(default_factory=dict)
    by_hand: bool = False

    @cached_property
    def chains(self) -> Chains:
        """Every chain of the node but the lab's own, with its rules; read when they are first asked for."""
        found: dict[ChainKey, HeldChain] = {}
        for kind, ruleset in self.saved.items():
            found |= chains_of_save(NFT_FAMILIES[kind], ruleset, self.lines.get(kind))
        return found | dict(self.native)

    @property
    def listing(self) -> tuple[object, ...]:
        """What two readings of the same rules have in common: no counters, no handles.

        Which of two tables was made first is chance, as both families are loaded side by side.
        """
        chains = [(*key, chain.hook, chain.policy, [rule.text for rule in chain.rules]) for key, chain in self.chains.items()]
        return tuple(sorted(chains, key=str))

    def rules(self) -> Iterator[HeldRule]:
        """Every rule, chain by chain."""
        return rules.rules_of(self.chains)

    def reached(self, chains: Collection[tuple[str, str]], family: int) -> Iterator[HeldRule]:
        """The rules that packets of ``family`` (4, 6) meet in these chains (table, chain), and in all that they lead to."""
        return rules.reached(self.chains, chains, family)

    def entered(self, chains: Collection[tuple[str, str]], family: int) -> Iterator[HeldRule]:
        """The rules that packets of ``family`` meet in these chains (table, chain), those of ``jump { … }`` too."""
        return rules.reached(self.chains, chains, family, blocks_alone=True)

    def here(self, interfaces: Collection[str], ports: Collection[str] = (), helpers: Collection[str] = ()) -> Here:
        """What of that which rules wait for is there; ``interfaces`` are the node's, ``ports`` and ``helpers`` as in `Here`."""
        return here_of(self.texts, interfaces, ports, helpers)

    @property
    def told(self) -> Rulesets:
        """Its texts as rulesets: as they were loaded, of rules that were changed by hand what the tools print."""
        if self.rendered is not None and not self.by_hand:
            return self.rendered
        return Rulesets(**{kind: Rendered(text, (), self.node) for kind, text in self.printed.items()})

    @property
    def in_force(self) -> Rulesets:
        """What another ruleset takes the place of: what was loaded, or of rules that were changed by hand what the tools print.

        Tables of iptables that nft has changed so that iptables takes them for no table of its own are left out.
        """
        if not self.by_hand:
            return self.rendered or Rulesets()
        foreign = {key[0] for key in self.native if key[:2] in _OF_IPTABLES}
        printed = {
            kind: Rendered(text, (), self.node)
            for kind, text in self.printed.items()
            if kind != "nft" and NFT_FAMILIES.get(kind) not in foreign
        }
        return Rulesets(**printed)

    @property
    def counts_all(self) -> bool:
        """Whether every rule has a counter of what it matched, as nf_tables' iptables alone gives one to each.

        One of native nft counts where its author says so, which may be before its conditions; a policy counts nothing.
        """
        return self.backend is Backend.NFT and not self.native
