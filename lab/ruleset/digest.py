"""The fingerprint of a ruleset's text, for the provenance of a run."""

from __future__ import annotations

import hashlib


def digest(text: str) -> str:
    r"""The SHA-256 of the text in UTF-8, as 64 hexadecimal digits.

    >>> digest("*filter\nCOMMIT\n")[:12]
    'daf915de3587'
    """
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
