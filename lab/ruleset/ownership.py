"""Who answers for a rule, as its comment says: ``publish-web owner=net-sec ticket=CHG-1042 review=2027-01-31``."""

from __future__ import annotations

import datetime
import re
from typing import NamedTuple

_SAID = re.compile(r"(?i)\b(owner|ticket|review)\s*[=:]\s*([^\s,;]+)")
_TICKET = re.compile(r"\b[A-Z][A-Z0-9]+-\d+\b")


class Ownership(NamedTuple):
    """Owner, ticket and review date of a rule; None for what its comment does not say."""

    owner: str | None = None
    ticket: str | None = None
    review: datetime.date | None = None


def read_ownership(comment: str | None) -> Ownership:
    """What a comment says; a ticket is also found by its form (``CHG-1042``), and a date that is none is left out.

    >>> read_ownership("publish-web owner=net-sec CHG-1042")
    Ownership(owner='net-sec', ticket='CHG-1042', review=None)
    """
    if comment is None:
        return Ownership()
    said = {word.lower(): value for word, value in _SAID.findall(comment)}
    ticket = said.get("ticket")
    if ticket is None and (found := _TICKET.search(comment)):
        ticket = found[0]
    try:
        review = datetime.date.fromisoformat(said["review"]) if "review" in said else None
    except ValueError:
        review = None
    return Ownership(said.get("owner"), ticket, review)
