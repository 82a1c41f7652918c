"""Hardware addresses that were made unreadable: a made-up one each, or, where that is asked for, no match at all."""

from __future__ import annotations

import pytest

from lab.ruleset.mend import mend

HIDDEN = "00:1B:XX:XX:XX:XX"


def table(rule: str) -> str:
    return f"*filter\n:INPUT DROP [0:0]\n{rule}\nCOMMIT\n"


@pytest.mark.parametrize(
    ("rule", "wide"),
    [
        (f"-A INPUT -m mac --mac-source {HIDDEN} -j ACCEPT", "-A INPUT -j ACCEPT"),
        (f"-A INPUT -i lan -m mac ! --mac-source {HIDDEN} -s 10.0.0.7 -j ACCEPT", "-A INPUT -i lan -s 10.0.0.7 -j ACCEPT"),
        (f"-A INPUT -m mac --mac-source ! {HIDDEN} -j ACCEPT", "-A INPUT -j ACCEPT"),
        (f"-A INPUT -j ACCEPT -m mac --mac-source {HIDDEN}", "-A INPUT -j ACCEPT"),
        (
            f'-A INPUT -m mac --mac-source {HIDDEN} -m comment --comment "-m mac  x" -j DROP',
            '-A INPUT -m comment --comment "-m mac  x" -j DROP',
        ),
    ],
)
def test_a_match_is_taken_away_where_that_is_asked_for(rule: str, wide: str) -> None:
    found = mend(table(rule), without_macs=True)
    assert found.text == table(wide)
    (told,) = found.repairs
    assert told.line == 3
    assert told.what.startswith(f"WIDENED, as asked for: `{rule}` is `{wide}` now"[:80])


def test_nothing_is_widened_that_was_not_asked_for() -> None:
    rule = f"-A INPUT -m mac --mac-source {HIDDEN} -j ACCEPT"
    found = mend(table(rule))
    assert "--mac-source 02:00:00:00:00:01" in found.text
    assert "--without-macs" in found.repairs[0].what


@pytest.mark.parametrize(
    "rule",
    [
        "-A INPUT -m mac --mac-source 00:1B:21:3C:9D:F8 -j ACCEPT",
        f'-A INPUT -m comment --comment "--mac-source {HIDDEN}" -j ACCEPT',
        f"# -A INPUT -m mac --mac-source {HIDDEN} -j ACCEPT",
    ],
)
def test_what_can_be_read_stays(rule: str) -> None:
    assert mend(table(rule), without_macs=True).text == table(rule)
