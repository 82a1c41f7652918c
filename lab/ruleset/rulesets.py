"""The rulesets of one node: everything that its policy loads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.ruleset.render import Rendered

KINDS = ("ipset", "v4", "v6", "nft")


@dataclass(frozen=True, slots=True)
class Rulesets:
    r"""Rendered texts by kind: ``ipset save`` format, iptables' format for each family, an nft script; None is none.

    They are loaded in the order of `KINDS`, as rules name sets.

    >>> Rulesets(v4=Rendered("*filter\nCOMMIT\n", (), "policies/edge.rules")).judges(6)
    False
    """

    ipset: Rendered | None = None
    v4: Rendered | None = None
    v6: Rendered | None = None
    nft: Rendered | None = None

    def parts(self) -> Iterator[tuple[str, Rendered]]:
        """(kind, text) of what is there, in the order of loading."""
        for kind in KINDS:
            text: Rendered | None = getattr(self, kind)
            if text is not None:
                yield kind, text

    def texts(self) -> dict[str, str]:
        """What is there, by kind."""
        return {kind: rendered.text for kind, rendered in self.parts()}

    def judges(self, family: int) -> bool:
        """Whether any of them could have a rule for packets of ``family`` (4 or 6); an nft script may have for both."""
        return self.nft is not None or (self.v4 if family == 4 else self.v6) is not None
