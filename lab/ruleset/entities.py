"""HTML's entities (``&quot;``, ``&gt;``, ``&ndash;``) in a text that a page's source was taken for, and what they stand for.

A comment may hold any text, an entity too: only where one stands that no ruleset could have in that place is its line read so.
"""

from __future__ import annotations

import re

from lab.ruleset.mended import Mended, Repair
from lab.ruleset.words import quote_is_open

_MEANS = {
    "quot": '"', "gt": ">", "lt": "<", "amp": "&", "apos": "'", "nbsp": "\u00a0", "ndash": "\u2013", "mdash": "\u2014",
    "minus": "\u2212", "ldquo": "\u201c", "rdquo": "\u201d", "hyphen": "-", "dash": "-", "tab": "\t", "hellip": "\u2026",
    "#34": '"', "#39": "'", "#039": "'", "#45": "-", "#x27": "'", "#x2d": "-", "#62": ">", "#60": "<", "#38": "&",
    "#47": "/", "#x2f": "/",
    "#160": "\u00a0", "#8211": "\u2013", "#8212": "\u2014", "#8220": "\u201c", "#8221": "\u201d", "#x22": '"',
}  # fmt: skip
_ENTITY = re.compile(rf"&({'|'.join(sorted(_MEANS, key=len, reverse=True))});", re.IGNORECASE)
_LEAD = re.compile(r"[ \t]*(?:&(?:gt|#62|nbsp|#160);[ \t]*)+", re.IGNORECASE)
_QUOTE = "&(?:quot|#34|#x22|ldquo|#8220);"
_DASH = "&(?:ndash|mdash|minus|hyphen|dash|#45|#x2d|#8211|#8212);"
# where no text of its own could have one: a value's quotes around several words, a dash before an option, a blank
_PLAIN = re.compile(rf"(?:\A|[ \t])(?:{_QUOTE}[^&\n]|{_DASH}-?(?:{_DASH})?\w)|&(?:nbsp|#160);-|\A{_DASH}", re.IGNORECASE)
_OTHER = re.compile(r"&(?!#?\w{1,8};)")
WHAT = "HTML's entities, as `&quot;`, are the characters now that they stand for"


def decoded(text: str) -> str:
    """The text with a character for each entity, once."""
    return _ENTITY.sub(lambda found: _MEANS[found[1].lower()], text)


def without_entities(text: str) -> Mended | None:
    """A dump of iptables with characters for entities in each line where it is certain; None where there are none."""
    if "&" not in text:
        return None
    lines = text.split("\n")
    new = [_decoded_line(line) if "&" in line and line.lstrip()[:1] != "#" else line for line in lines]
    repairs = [Repair(number, WHAT) for number, (old, line) in enumerate(zip(lines, new, strict=True), start=1) if old != line]
    return Mended("\n".join(new), tuple(repairs), tuple(range(1, len(lines) + 1)))


def _decoded_line(line: str) -> str:
    lead = _LEAD.match(line)
    before, rest = ("", line) if lead is None else (decoded(lead[0]), line[lead.end():])
    if '"' in rest or _OTHER.search(rest) is not None or _PLAIN.search(rest) is None:
        return before + rest
    new = decoded(rest)
    # an open quote would take all that follows it into its text
    return before + (rest if quote_is_open(new) else new)
