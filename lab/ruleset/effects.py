"""What becomes of a packet that matches a rule."""

from __future__ import annotations

ACCEPTS, DENIES, TRANSLATES = "accepts", "denies", "translates"
RETURNS, LEADS, GOES, PASSES_ON, UNKNOWN = "returns", "leads", "goes", "passes on", "unknown"
"""Back to the chain before; to another chain and back, or not back; on to the next rule; what is not known."""
_EFFECTS = {
    "ACCEPT": ACCEPTS, "accept": ACCEPTS, "DROP": DENIES, "drop": DENIES, "REJECT": DENIES, "reject": DENIES,
    "RETURN": RETURNS, "return": RETURNS,
} | dict.fromkeys((
    None, "LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "MARK", "CONNMARK", "TCPMSS", "TTL", "HL", "DSCP", "TOS", "CLASSIFY",
    "CHECKSUM", "SECMARK", "CONNSECMARK", "SET", "ECN", "RATEEST", "LED", "CT", "NOTRACK", "log", "continue", "notrack",
), PASSES_ON)  # fmt: skip


def effect_of_word(word: str | None) -> str:
    """What a target, a statement or a verdict does; None is a rule that has none.

    >>> effect_of_word("REJECT"), effect_of_word("LOG"), effect_of_word("NFQUEUE")
    ('denies', 'passes on', 'unknown')
    """
    return _EFFECTS.get(word, UNKNOWN)
