"""``by``: what else than a rule may refuse a flow, and how it is told apart."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from lab.record.verdict import Kind, Verdict
from lab.written.expect.example import REVERSE_PATH, Example
from lab.written.expect.key import About, Key
from lab.written.messages import did_you_mean
from lab.written.words import text_of

# The verdict that each goes with, and the kernel's words for it where the kernel tells (skb_drop_reason).
_SUBSTITUTES = {
    "rp_filter": (Kind.UNROUTED, ("IP_RPFILTER",)),
    "route": (Kind.UNROUTED, ("IP_INNOROUTES", "IP_OUTNOROUTES", "IP_INADDRERRORS")),
    "neighbour": (Kind.UNROUTED, ("NEIGH_FAILED", "NEIGH_QUEUEFULL", "NEIGH_CREATEFAIL")),
    "ttl": (Kind.UNROUTED, ()),
    "header": (Kind.UNROUTED, ("IP_CSUM", "IP_INHDR", "PKT_TOO_SMALL", "IPV6_BAD_EXTHDR")),
    "martian": (Kind.UNROUTED, ("IP_LOCALNET", "IP_LOCAL_SOURCE", "IP_INVALID_SOURCE", "IP_INVALID_DEST", "INVALID_PROTO")),
    "fragments": (Kind.UNROUTED, ("FRAG_REASM_TIMEOUT", "FRAG_TOO_FAR", "DUP_FRAG")),
    "mtu": (Kind.UNROUTED, ("PKT_TOO_BIG",)),
    "conntrack": (Kind.CONSUMED, ()),
    "queue": (Kind.CONSUMED, ()),
}


def _substitute(value: object) -> str:
    text = text_of(value)
    if text not in _SUBSTITUTES:
        raise ValueError(
            f"{text!r} is nothing that the lab can tell to have refused a flow\n{did_you_mean(text, _SUBSTITUTES)}"
        )
    return text


def excuses(by: str, verdict: Verdict) -> bool:
    """Whether it may have refused the flow, and nothing the kernel told speaks against it."""
    kind, words = _SUBSTITUTES[by]
    told = verdict.observation.reasons
    return verdict.kind is kind and (not told or not words or any(reason in words for reason in told))


def _in_words(by: str) -> str:
    return f"by {by}"


By = Annotated[str, PlainValidator(_substitute), WithJsonSchema({"enum": list(_SUBSTITUTES)})]
BY: Key[str] = Key(
    "by",
    By | None,
    "what else than a rule may refuse it: rp_filter, route, neighbour, …",
    about=About.REFUSED,
    in_default=True,
    in_words=_in_words,
    green=Example("rp_filter", action="drop", verdict=REVERSE_PATH),
    red=Example(
        "route",
        "must be dropped by a rule, but was unrouted at gateway: dropped outside the rules: IP_RPFILTER",
        action="drop",
        verdict=REVERSE_PATH,
    ),
)
