"""The two kernels' ways to hold what iptables loads."""

from __future__ import annotations

from enum import StrEnum


class Backend(StrEnum):
    """Which iptables loads a ruleset: ``iptables-nft`` (nf_tables) or ``iptables-legacy`` (ip_tables).

    >>> Backend("legacy").value
    'legacy'
    """

    NFT = "nft"
    LEGACY = "legacy"
