"""The levels of syslog, as rules and rows write them."""

from __future__ import annotations

# in the order of their numbers (syslog(3)), in nft's words; `audit` is nft's alone
LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit")
_ALSO = {"panic": "emerg", "error": "err", "warning": "warn"}


def level_of(word: str) -> str | None:
    """The level of its number or of any of its names; None for what is none.

    >>> level_of("4"), level_of("WARNING"), level_of("panic"), level_of("loud")
    ('warn', 'warn', 'emerg', None)
    """
    low = word.lower()
    if low.isdecimal():
        return LEVELS[int(low)] if len(low) == 1 and int(low) < 8 else None
    name = _ALSO.get(low, low)
    return name if name in LEVELS else None
