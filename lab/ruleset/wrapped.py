"""Rules of iptables that a mail or a terminal has broken in two, put together again where it is certain that they were one.

Certain is: the line before is a rule that is not whole, what follows begins nothing of its own, and the two are a rule with one
target.  Words are not put together, only lines that were broken at a blank.
"""

from __future__ import annotations

import re
from itertools import pairwise

from lab.ruleset.extensions import TARGETS
from lab.ruleset.foreign import is_excerpt
from lab.ruleset.mended import Mended, Repair
from lab.ruleset.repairs import takes_text, without_text
from lab.ruleset.words import placed_words, quote_is_open

WHAT = "a rule that was broken into several lines is one line again"
_BEGINS = re.compile(
    r"[ \t]*(?:[*:#]|COMMIT\b|\[\d+:\d+\]|-[A-Z]\b|--(?:append|insert|new|policy|delete|flush|replace|zero|rename)|\Z)"
)
_RULE = re.compile(r"(?:\[\d+:\d+\][ \t]*)?-A(?:[ \t]|\Z)")
_TARGETS = frozenset(("-j", "-g", "--jump", "--goto"))
# a text of which a blank more or less changes nothing that a packet meets
_LOOSE = frozenset(("--comment", "--log-prefix", "--nflog-prefix"))
_OF_TWO = frozenset(("--tcp-flags", "--match-set", "--add-set", "--del-set", "--map-set", "--chunk-types"))
# options that have no value
_FLAGS = frozenset((
    "--syn", "-f", "--fragment", "--notrack", "--log-uid", "--log-tcp-sequence", "--log-tcp-options", "--log-ip-options",
    "--random", "--random-fully", "--persistent", "--clamp-mss-to-pmtu", "--rsource", "--rdest", "--set", "--rcheck",
    "--update", "--remove", "--save-mark", "--restore-mark", "--rttl", "--reap", "--queue-bypass", "--invert",
    "--socket-exists", "--transparent", "--validmark", "--loose", "--accept-local", "--physdev-is-bridged",
    "--physdev-is-in", "--physdev-is-out", "--ecn-tcp-cwr", "--ecn-tcp-ece",
    "--return-nomatch", "--hashlimit-rate-match", "--nodst", "--next", "--strict", "--soft",
))  # fmt: skip
_OPTION = re.compile(r"[ \t]*(?:![ \t]+)?-(?:-[a-z]|[a-z]\b)")
_AN_OPTION = re.compile(r"--?[a-z][a-z0-9-]*")
_MOST = 6  # lines that one rule was broken into
_LONGEST = 4096  # characters of a rule


def joined(text: str) -> Mended | None:
    """A dump with each broken rule in one line again; None where none is."""
    lines = text.split("\n")
    new: list[str] = []
    numbers: list[int] = []
    repairs: list[Repair] = []
    place, is_inside = 0, False
    while place < len(lines):
        line = lines[place]
        if line[:1] == "*":
            is_inside = True
        elif line == "COMMIT":
            is_inside = False
        count = 1
        if is_inside and place + 1 < len(lines) and _BEGINS.match(lines[place + 1]) is None and _RULE.match(line):
            whole, count = _whole(lines, place)
            if count > 1:
                repairs.append(Repair(place + 1, WHAT))
                line = whole
        new.append(line)
        numbers.append(place + 1)
        place += count
    return Mended("\n".join(new), tuple(repairs), tuple(numbers)) if repairs else None


def _whole(lines: list[str], place: int) -> tuple[str, int]:
    """The rule that begins in this line, and how many lines it is made of: one where no more is certain."""
    rule = lines[place]
    count = 1
    while place + count < len(lines) and count < _MOST and len(rule) < _LONGEST:
        further = lines[place + count]
        if _BEGINS.match(further) is not None or is_excerpt(further):
            break
        together = _together(rule, further)
        if together is None:
            return lines[place], 1
        rule, count = together, count + 1
    is_whole = not quote_is_open(rule) and sum(word.value in _TARGETS for word in without_text(rule)) == 1
    is_whole = is_whole and not _wants_value(rule)
    return (rule, count) if is_whole else (lines[place], 1)


def _together(rule: str, further: str) -> str | None:
    """The two lines as one; None where it is not certain that they were."""
    if quote_is_open(rule):
        return _in_text(rule, further)
    if _wants_value(rule):
        is_fine = rule.rstrip().endswith(" !") or further.lstrip()[:1] != "-"
        return f"{rule.rstrip()} {further.lstrip()}" if is_fine else None
    target = _target(rule)
    if _OPTION.match(further) is None or (target is not None and not (target in TARGETS and further.lstrip()[:2] == "--")):
        return None
    return f"{rule.rstrip()} {further.lstrip()}"


def _target(rule: str) -> str | None:
    """Where the rule sends a packet, if it says so yet."""
    found = [word.value for word in without_text(rule)]
    return next((value for option, value in pairwise(found) if option in _TARGETS), None)


def _in_text(rule: str, further: str) -> str | None:
    """Two lines of which the first ends within quotes: these are of a text that a blank may be added to."""
    placed = placed_words(rule)
    if len(placed) < 2 or placed[-2].value not in _LOOSE or '"' not in further:
        return None
    return rule + ("" if rule[-1:] in " \t" else " ") + further.lstrip()


def _wants_value(rule: str) -> bool:
    """Whether the line ends with an option, or with its first value of two."""
    found = [word.value for word in placed_words(rule)]
    if len(found) > 1 and takes_text(found[-2]):
        return False
    if len(found) > 1 and found[-2] in _OF_TWO:
        return True
    return found[-1] in ("!", "-A") or (_AN_OPTION.fullmatch(found[-1]) is not None and found[-1] not in _FLAGS)
