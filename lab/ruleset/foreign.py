"""What a text is that is no ruleset: the forms in which people paste one, told by a line of it."""

from __future__ import annotations

import re
from typing import NamedTuple

SAVE = "take what `iptables-save` prints"
LIST = "take what `nft list ruleset` prints"
_MOST = 100  # characters of a line that a message shows


class Foreign(NamedTuple):
    """What a line belongs to that no ruleset has (``the output of `iptables -L```), and how to get one (``mend``)."""

    what: str
    mend: str


_PROMPT = r"(?:\[?[\w.-]+@[^\s#$%>]*[^#$%>]*[#$%>]|[\w.-]+:[^\s#$>]*[#$>]|[$%#])[ \t]+"
_TOOL = r"(?:sudo[ \t]+)?(?:/[\w./-]*/)?"
_IPTABLES = rf"{_TOOL}ip6?tables(?:-nft|-legacy)?[ \t]"
_COMMON = (
    (r"\ufeff", Foreign("text behind a byte order mark", "save it as UTF-8 without one")),
    (r"[ \t]*(?:>|&gt;)", Foreign("a mail's quoting", "take the quoting in front of each line out")),
    (r"[ \t]*(?:```|~~~)", Foreign("a code fence", "take it out")),
    (r"[ \t]*(?:<!DOCTYPE|</?[A-Za-z][\w-]*[ >/])", Foreign("HTML", "copy the text that the page shows")),
    (
        rf"[ \t]*{_PROMPT}{_IPTABLES}+(?:-\w+[ \t]+)*(?:-[a-zA-Z]*[SL]|--list)",
        Foreign("a terminal's prompt, and behind it what `iptables -S` or `-L` prints", SAVE),
    ),
    (rf"[ \t]*{_PROMPT}{_IPTABLES}", Foreign("a command that was typed at a terminal", f"run the commands, and {SAVE}")),
    (rf"[ \t]*{_PROMPT}", Foreign("a terminal's prompt with what was typed", "take the line out, and keep what was printed")),
    (
        r"[ \t]*\d+[.:)]?[ \t]+(?:\*\w|:\w|-[AIPN] |COMMIT|#|table )",
        Foreign("a print with its lines numbered", "copy it without the numbers"),
    ),
    (r'[ \t]*[{\[][ \t]*(?:"|\Z)', Foreign("JSON", f"{LIST} without -j")),
    (r"Status: (?:in)?active", Foreign("what `ufw status` prints", SAVE)),
    (r"[\w-]+ \((?:active|default)(?:, \w+)*\)\s*\Z", Foreign("what `firewall-cmd --list-all` prints", SAVE)),
    (rf"[ \t]*{_IPTABLES}", Foreign("a command of a shell script", f"run the script, and {SAVE}")),
    (rf"[ \t]*{_TOOL}nft[ \t]+\S", Foreign("a command of a shell script", "run the script, and " + LIST)),
    (
        rf"[ \t]*{_TOOL}ipset[ \t]+\S",
        Foreign("a command of a shell script", "write the statements without `ipset`, as `ipset save` prints them"),
    ),
)  # fmt: skip
_OF_IPTABLES = (
    (r"Chain \S+ \((?:policy|\d+ references)", Foreign("what `iptables -L` prints", SAVE)),
    (r"[ \t]*(?:num +)?(?:pkts +bytes +)?target +prot +opt ", Foreign("what `iptables -L` prints", SAVE)),
)
_OF_SETS = (
    (r"(?:Name|Type|Revision|Header|Members): ?", Foreign("what `ipset list` prints", "take what `ipset save` prints")),
)
_SHELL = re.compile(r"#![ \t]*\S*(?:/|env[ \t]+)(?:ba|da|k|z|a)?sh\b")
_BY_KIND = {
    kind: tuple((re.compile(pattern), foreign) for pattern, foreign in (*_COMMON, *more))
    for kind, more in (("v4", _OF_IPTABLES), ("v6", _OF_IPTABLES), ("nft", ()), ("ipset", _OF_SETS))
}


def foreign(line: str, kind: str) -> Foreign | None:
    """What this line of a policy's text of this kind (v4, v6, nft, ipset) belongs to; None where that is not certain."""
    return next((found for pattern, found in _BY_KIND[kind] if pattern.match(line)), None)


def is_shell_script(text: str) -> bool:
    """Whether the text says of itself (``#!/bin/sh``) that a shell is to read it."""
    return _SHELL.match(text) is not None


def shown(line: str) -> str:
    """The line as a message shows it: without the blanks around it, and not all of a long one."""
    bare = line.strip()
    return bare if len(bare) <= _MOST else f"{bare[: _MOST - 1]}\N{HORIZONTAL ELLIPSIS}"
