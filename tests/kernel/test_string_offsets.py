"""What the kernel's own selftest of the string match documents (xt_string): from where to where it looks.

Offsets count from the header of IP.  What crosses from one buffer of a datagram to the next `kmp` finds, and `bm` does not.
"""

from __future__ import annotations

import pytest

from lab.probe.question import Datagram, Question
from lab.record.path import rules_on
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

WORDS = b"three words here"
HEADERS = 28  # of IPv4 and UDP
RULES = [
    f'-A OUTPUT -p udp -m string --string "{WORDS.decode()}" --algo {algorithm} --from {start} --to {end} '
    f"-m comment --comment {algorithm}-{start}"
    for algorithm in ("bm", "kmp")
    for start, end in ((1000, 1500), (1400, 1600))
]
FIRST, SECOND = ["bm-1000", "kmp-1000"], ["bm-1400", "kmp-1400"]


def test_where_a_string_is_looked_for(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), client=table("filter", *RULES))
    size = len(WORDS)
    matched = {}
    for offset in (HEADERS, 1000 - size, 1000, 1400 - size, 1500 - size, 1495, 1500, 1600 - size, 1601 - size, 1600):
        payload = b" " * (offset - HEADERS) + WORDS
        question = Question("client", CLIENT, SERVER, Datagram(9999), receivers=(("server", 9999),), payload=payload)
        verdict = lab.ask(question, "client")
        assert verdict.allowed, verdict.proof
        matched[offset] = sorted(rule.comment or "" for rule in rules_on(verdict.path) if rule.number is not None)
    assert matched == {
        HEADERS: [], 1000 - size: [],  # before where they look
        1000: FIRST, 1400 - size: FIRST,
        1500 - size: sorted(FIRST + SECOND),
        1495: ["kmp-1400"],  # over the end of the first buffer, which is that of the first fragment
        1500: SECOND, 1600 - size: SECOND,
        1601 - size: [], 1600: [],
    }  # fmt: skip
