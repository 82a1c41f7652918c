"""All that is known of why something failed: a file for each kind of cause, and an entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lab.record.hint import Hint
from lab.why.bridged import bridged
from lab.why.case import Case
from lab.why.classics import classics
from lab.why.copies import copies
from lab.why.denied import denied
from lab.why.established import cut_off, related
from lab.why.exhausted import exhausted
from lab.why.helpers import helpers
from lab.why.kernel_drops import kernel_drops
from lab.why.meant_to_stop import meant_to_stop
from lab.why.midstream import midstream
from lab.why.named_rule import log_rule, named_rule
from lab.why.neighbours import neighbours
from lab.why.other_way import other_way
from lab.why.own_packets import own_packets
from lab.why.path_mtu import path_mtu
from lab.why.proxies import proxies
from lab.why.rerouted import rerouted
from lab.why.returned import returned
from lab.why.reverse_path import reverse_path
from lab.why.sent_there import sent_there
from lab.why.sessions import sessions
from lab.why.synproxies import synproxies
from lab.why.translated import catches_too_much, hides_the_source
from lab.why.ways_back import ways_back
from lab.why.wrong_receiver import from_the_wrong_source, to_the_wrong_receiver

Teller = Callable[[Case], Iterator[Hint]]

TELLERS: tuple[Teller, ...] = (
    ways_back,
    path_mtu,
    cut_off,
    kernel_drops,
    exhausted,
    neighbours,
    other_way,
    own_packets,
    rerouted,
    proxies,
    synproxies,
    catches_too_much,
    hides_the_source,
    to_the_wrong_receiver,
    from_the_wrong_source,
    copies,
    reverse_path,
    returned,
    helpers,
    bridged,
    related,
    denied,
    midstream,
    meant_to_stop,
    named_rule,
    log_rule,
    sent_there,
    classics,
)
"""In the order in which they are told: what explains most, first."""


def why(case: Case) -> tuple[Hint, ...]:
    """What explains the failure, and what would mend it; none where nothing is proven.

    A hint says no more than what was recorded, and is silent where it might be false.
    """
    if told := tuple(sessions(case)):
        return told  # a rule for the one port that a session announced would mend nothing
    found = (hint for teller in TELLERS for hint in teller(case))
    return tuple(dict.fromkeys(found))
