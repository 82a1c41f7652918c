"""In which way a flow was run, where it can be run in several."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Way:
    """What loaded the rules, and of which policies; the family of a flow is the cell's own.

    ``backend`` is ``nft`` or ``legacy``, ``policies`` the name of the policy of each node that has one.  ``revision`` tells
    policies of one name apart, in whatever words whoever makes the plans has for it; None where nobody gave one.
    """

    backend: str = "nft"
    policies: tuple[tuple[str, str], ...] = ()
    revision: str | None = None

    @property
    def policy(self) -> str:
        """The policies in words: ``edge-gateway``, ``edge-gateway (a1b2c3)``; of several nodes ``gateway=edge, core=inner``."""
        names = [name for _, name in self.policies]
        several = [f"{node}={name}" for node, name in self.policies]
        words = ", ".join(several if len(names) > 1 else names)
        return f"{words} ({self.revision})" if self.revision is not None else words


BY_NFT = Way()
