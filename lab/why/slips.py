"""One end of a packet taken for the other, or its port before the translation for the one behind."""

from __future__ import annotations

from lab.ruleset.addresses import address_of
from lab.ruleset.asked import DESTINATION_IN, SOURCE_IN, Asked, Met, has
from lab.ruleset.conditions import DESTINATIONS, DPORTS, ORIGINAL_DPORTS, SOURCES, SPORTS
from lab.why.weight import is_narrow

_OTHER_END = {SPORTS: DPORTS, SOURCES: DESTINATIONS, DESTINATIONS: SOURCES, ORIGINAL_DPORTS: DPORTS}
_OTHER_OF_SET = {
    SOURCE_IN: (DESTINATION_IN, "goes to", "dst"), DESTINATION_IN: (SOURCE_IN, "comes from", "src"),
}  # fmt: skip


def slip_of(asked: Asked, met: Met, *, native: bool) -> str:
    """What the packet has elsewhere of what is asked for; else nothing.

    Who means a whole network or all high ports confuses no ends.

    >>> slip_of(Asked(SPORTS, ((443, 443),), "--sport 443"), Met(4, "tcp", 1, 2, 40000, 443), native=False)
    'the port that it goes to, `--dport 443`'
    """
    if asked.field in _OTHER_OF_SET and not asked.negated and not native:
        end_of_set, end, word = _OTHER_OF_SET[asked.field]
        in_it = has(asked._replace(field=end_of_set), met)
        return f"the address that it {end}, `--match-set {asked.values[0]} {word}`" if in_it else ""
    other = _OTHER_END.get(asked.field)
    if other is None or asked.negated or not is_narrow(asked) or not has(asked._replace(field=other), met):
        return ""
    if asked.field == ORIGINAL_DPORTS:
        before = f"meta l4proto {met.proto} ct original proto-dst" if native else "--ctorigdstport"
        return f"the port before the translation, `{before} {met.original_dport}`" if met.translated else ""
    if asked.field == SPORTS:
        return f"the port that it goes to, `{f'{met.proto} dport' if native else '--dport'} {met.dport}`"
    ip = f"ip{'6' if met.family == 6 else ''}"
    if asked.field == SOURCES:
        return f"the address that it goes to, `{f'{ip} daddr' if native else '-d'} {address_of(met.destination, met.family)}`"
    return f"the address that it comes from, `{f'{ip} saddr' if native else '-s'} {address_of(met.source, met.family)}`"
