"""What a node holds as it is now, whatever somebody has done to it since its rules were loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from lab.kernel.ground.names import OWN_TABLES
from lab.kernel.hold.by_hand import prints_alike
from lab.kernel.hold.held import Held
from lab.kernel.hold.kinds import NFT_FAMILIES
from lab.kernel.hold.read_back import held
from lab.kernel.stage.node import Node
from lab.record.node_state import ChangedBy, Part
from lab.record.path import Rule
from lab.ruleset.backend import Backend
from lab.ruleset.nft.normal_form import of_nft
from lab.ruleset.normal_form import of_ipset, sets_written

_NOBODYS = ("ACCEPT", "accept", "RETURN")
_HANDLE = re.compile(r"(?m) # handle \d+$")


def held_now(node: Node, backend: Backend, loaded: Held | None = None) -> Held | None:
    """What the node holds now; None where it holds nothing, and nothing was ``loaded``.

    ``loaded`` is what `read_back` gave when it was.  A rule that is one of those has its line; `Held.by_hand` tells whether
    anything else has become of them than packets and time make of it.

    Raises MeasurementError when that cannot be told rule by rule, InputError for a rule that would blind the lab.
    """
    now = held(node, backend, before=loaded)
    if loaded is None:
        if not len(now.index):
            return None
        return replace(now, by_hand=True, index=now.index.told_as(partial(replace, by_hand=True)))
    if prints_alike(loaded.printed, now.printed):
        return now
    by_hand = now.listing != loaded.listing or _sets(now) != _sets(loaded)
    return replace(now, by_hand=by_hand, index=now.index.told_as(_Told(loaded, now)))


class _Told:
    """Which rules and policies are not those that were loaded."""

    def __init__(self, loaded: Held, now: Held) -> None:
        self._now = now
        self._policies = {key[:3]: rule.text for key, rule in loaded.index.items() if rule.number is None}

    def __call__(self, rule: Rule) -> Rule:
        place = rule.family, rule.table, rule.chain
        if rule.number is None:
            # a chain that nobody set a policy of accepts
            known = self._policies.get(place) == rule.text if place in self._policies else rule.target in _NOBODYS
        elif place in self._now.native:
            known = (f"{rule.family} {rule.table}", rule.chain, rule.number) in self._now.lines.get("nft", {})
        else:
            kind = next(kind for kind, family in NFT_FAMILIES.items() if family == rule.family)
            known = (rule.table, rule.chain, rule.number) in self._now.lines.get(kind, {})
        return rule if known else replace(rule, by_hand=True)


def _sets(of: Held) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The sets that rules ask, and what else has a name, but for what rules write."""
    return {(part.kind, part.name): part.lines for part in _parts(of) if part.changed_by is ChangedBy.NOBODY}


def _parts(of: Held) -> Iterator[Part]:
    if "ipset" in of.printed:
        written = sets_written(rule for ruleset in of.saved.values() for rule in ruleset.rules())
        yield from of_ipset(of.printed["ipset"], written)
    if "nft" in of.printed:
        listing = _HANDLE.sub("", of.printed["nft"])
        yield from (part for part in of_nft(listing, (), OWN_TABLES.__contains__) if part.kind not in ("rules", "tables"))
