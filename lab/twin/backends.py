"""Which of the rules that a host's two backends hold are its firewall, and which of them nft lists a second time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.record.host import Dumped
from lab.ruleset.backend import Backend
from lab.ruleset.nft.given import given_chains
from lab.ruleset.save import read_save

_RULE = re.compile(r"(?m)^(?:\[\d+:\d+\] )?-A ")
_SHUT = re.compile(r"(?m)^:\S+ DROP\b")
_TABLE = re.compile(r"table (\S+) (\S+) \{")
_FAMILIES = {"v4": "ip", "v6": "ip6"}
_SAYS = {"v4": "iptables", "v6": "ip6tables"}


@dataclass(slots=True)
class Chosen:
    """The rulesets by kind, the backend of iptables' rules, and notes: what another backend holds beside them."""

    rulesets: dict[str, Dumped] = field(default_factory=dict)
    backend: str | None = None
    notes: list[str] = field(default_factory=list)


def chosen(saves: Mapping[Backend, Mapping[str, Dumped]], listing: Dumped | None, sets: Dumped | None) -> Chosen:
    """Of what both backends' saves hold (by kind, ``v4``, ``v6``) the one with rules; with what nft and ipset list.

    Where both hold rules it is the one with more of them, and the other's are told: packets pass both.
    """
    found = Chosen()
    weights = {backend: sum(_weight(one.text) for one in texts.values()) for backend, texts in saves.items()}
    order = sorted((one for one in Backend if saves.get(one)), key=lambda one: -weights[one])
    if order:
        best, *rest = order
        found.backend = best.value
        found.rulesets = {kind: one for kind, one in saves[best].items() if "*" in one.text}
        for other in rest:
            _beside(found, saves[other], other)
    if listing is not None:
        mirrored = saves.get(Backend.NFT, {})
        native = without_mirrored(listing.text, mirrored)
        if "table " in native:
            found.rulesets["nft"] = Dumped(native, listing.shown)
    if sets is not None and sets.text.strip():
        found.rulesets = {"ipset": sets, **found.rulesets}
    return found


def _beside(found: Chosen, texts: Mapping[str, Dumped], backend: Backend) -> None:
    """Tell of the backend that holds fewer rules, if it holds any."""
    for kind, one in texts.items():
        if not _weight(one.text):
            continue
        rules = len(_RULE.findall(one.text))
        found.notes.append(
            f"{_SAYS[kind]}-{backend.value} holds {rules} {'rule' if rules == 1 else 'rules'} beside those of"
            f" {_SAYS[kind]}-{found.backend}, which are the ones asked here; on the host packets pass both"
        )


def _weight(text: str) -> int:
    """How much a save has to say: its rules, and its chains that are shut."""
    return len(_RULE.findall(text)) + len(_SHUT.findall(text))


def without_mirrored(listing: str, saves: Mapping[str, Dumped]) -> str:
    """What `nft list ruleset` printed without those tables that iptables-nft-save printed too; each line keeps its number.

    A table is the same one where its chains have as many rules in both; else nft's is kept, as it may tell more.
    """
    told: dict[tuple[str, str], dict[str, int]] = {}
    for place in given_chains(listing):
        told.setdefault((place.family, place.table), {})[place.chain] = len(place.rules)
    same = {
        (_FAMILIES[kind], name)
        for kind, saved in saves.items()
        for name, table in read_save(saved.text, file=saved.shown).tables.items()
        if (listed := told.get((_FAMILIES[kind], name))) is not None
        and all(len(chain.rules) == listed.get(chain.name, 0) for chain in table.chains.values())
        and listed.keys() <= table.chains.keys()
    }
    lines: list[str] = []
    inside = False
    for line in listing.split("\n"):
        if (begun := _TABLE.match(line)) is not None:
            inside = (begun[1], begun[2]) in same
        lines.append("" if inside or line.startswith("# Warning: table ") else line)
        inside = inside and line != "}"
    return "\n".join(lines)
