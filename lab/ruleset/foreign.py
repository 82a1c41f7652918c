"""What a text is that is no ruleset: the forms in which people paste one, told by a line of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

SAVE = "take what `iptables-save` prints, which has every table"
LIST = "take what `nft list ruleset` prints"
_SCRIPT = (
    "run it where it changes no firewall, as an ordinary user: `unshare -rn sh -c 'sh -e SCRIPT >&2 && {}' > {}`; "
    "or a policy runs it, as docs/formats.md says of `render`"
)
RUN = _SCRIPT.format("iptables-save", "NAME.rules")
RUN_NFT = _SCRIPT.format("nft list ruleset", "NAME.nft")
_MOST = 100  # characters of a line that a message shows
_MOST_READ = 400  # characters of a line that tell what it is


class Foreign(NamedTuple):
    """What a line belongs to that no ruleset has (``the output of `iptables -L```), and how to get one (``mend``)."""

    what: str
    mend: str


_PROMPT = r"(?:\[?[\w.-]+@[^\s#$%>]*[^#$%>]*[#$%>]|[\w.-]+:[^\s#$>]*[#$>]|[$%#])[ \t]+"
_TOOL = r"(?:sudo[ \t]+)?(?:/[\w./-]*/)?"
_IPTABLES = rf"{_TOOL}ip6?tables(?:-nft|-legacy)?[ \t]"
_NAMED_OUT = r"(?:left out|omitted|truncated|snipp?ed|removed|skipped|redacted|cut|more (?:rules|lines))"
_WHOLE = "take the whole dump: a rule that is left out may be the one that decides"
_EXCERPT = (
    rf"[ \t]*[\[(<]?(?:\.{{3,}}|\u2026|snip)[\])>]?[ \t]*\Z|[ \t]*[\[(<][^\])>]*\b{_NAMED_OUT}\b[^\])>]*[\])>]\.?[ \t]*\Z"
)
EXCERPT = Foreign("the mark of an excerpt, in which lines are left out", _WHOLE)
_YAML = "take what `iptables-save` or `nft list ruleset` prints where it runs"
_FIREWALLD = f"{LIST}, or with FirewallBackend=iptables what `iptables-save` prints"
_COMMON = (
    (r"\ufeff", Foreign("text behind a byte order mark", "save it as UTF-8 without one")),
    (r"[ \t]*(?:>|&gt;)", Foreign("a mail's quoting", "take the quoting in front of each line out")),
    (r"[ \t]*(?:```|~~~)", Foreign("a code fence", "take it out")),
    (r"[ \t]*<\?xml|[ \t]*<(?:zone|service|policy|direct|iptables-rules)[ >]", Foreign("XML", _YAML)),
    (r"[ \t]*(?:<!DOCTYPE|</?[A-Za-z][\w-]*[ >/])", Foreign("HTML", "copy the text that the page shows")),
    (_EXCERPT, EXCERPT),
    (
        rf"[ \t]*{_PROMPT}{_IPTABLES}+(?:-\w+[ \t]+)*(?:-[a-zA-Z]*L|--list\b)",
        Foreign("a terminal's prompt, and behind it what `iptables -L` prints", SAVE),
    ),
    (
        rf"[ \t]*{_PROMPT}{_IPTABLES}+(?:-\w+[ \t]+)*(?:-[a-zA-Z]*S|--list-rules)",
        Foreign("a terminal's prompt, and behind it what `iptables -S` prints", SAVE),
    ),
    (rf"[ \t]*{_PROMPT}{_TOOL}ufw[ \t]+status", Foreign("a terminal's prompt, and behind it what `ufw status` prints", SAVE)),
    (
        rf"[ \t]*{_PROMPT}{_IPTABLES}",
        Foreign("a command that was typed at a terminal", f"put the commands into a file SCRIPT, and {RUN}"),
    ),
    (rf"[ \t]*{_PROMPT}", Foreign("a terminal's prompt with what was typed", "take the line out, and keep what was printed")),
    (
        r"[ \t]*\d+[.:)]?[ \t]+(?:\*\w|:\w|-[AIPN] |COMMIT|#|table )",
        Foreign("a print with its lines numbered", "copy it without the numbers"),
    ),
    (r'[ \t]*[{\[][ \t]*(?:"|\Z)', Foreign("JSON", f"{LIST} without -j")),
    (r"[ \t]*\{[%{#]", Foreign("a template's statement", "end the file's name in .j2, so that it is rendered")),
    (r"Status: (?:in)?active", Foreign("what `ufw status` prints", SAVE)),
    (
        r"To[ \t]+Action[ \t]+From|(?:\[ *\d+\] )?(?:\d\S*|Anywhere)(?: \(v6\))?[ \t]+(?:ALLOW|DENY|REJECT|LIMIT)[ \t]+\S",
        Foreign("what `ufw status` prints", SAVE),
    ),
    (r"[\w-]+ \((?:active|default)(?:, \w+)*\)\s*\Z", Foreign("what `firewall-cmd --list-all` prints", _FIREWALLD)),
    (r"[ \t]+(?:target: (?:default|ACCEPT|DROP|%%REJECT%%)|icmp-block-inversion: |forward-ports: |rich rules: )",
     Foreign("what `firewall-cmd --list-all` prints", _FIREWALLD)),
    (r"ipv[46] \w+ \w+ \d+ -", Foreign("what `firewall-cmd --direct --get-all-rules` prints", _FIREWALLD)),
    (
        r"(?:version: ['\"]?[23]|services:[ \t]*\Z|[ \t]+(?:image|container_name|restart): \S)",
        Foreign("a file of Docker Compose", _YAML),
    ),
    (r"apiVersion: \S", Foreign("a manifest of Kubernetes", _YAML)),
    (r"config (?:defaults|zone|forwarding|rule|redirect|include)\b|[ \t]+option \w+ ['\"]",
     Foreign("OpenWrt's /etc/config/firewall", f"{LIST} on the router, or before OpenWrt 22.03 what `iptables-save` prints")),
    (r"/ip firewall |add action=\S+ chain=|add chain=\S+ action=",
     Foreign("an export of RouterOS", "the lab has Linux' own firewall: write it as iptables or nft rules")),
    (r"#(?:ACTION|ZONE|SOURCE|INTERFACE)[ \t]+[A-Z]+[ \t]+[A-Z]|\?SECTION |\?FORMAT ",
     Foreign("a file of Shorewall", "take what `iptables-save` prints once Shorewall has started")),
    (r"\d+: [\w.@-]+: <[A-Z]|default via |[\d./]+ (?:via [\d.]+ )?dev \w",
     Foreign("what `ip` prints of addresses and routes", "write it into the topology")),
    (rf"[ \t]*{_IPTABLES}", Foreign("a command of a shell script", RUN)),
    (r"""[ \t]*"?\$\{?\w+\}?"?[ \t]+(?:-t[ \t]+\w+[ \t]+)?-[AINPFXZ]\b""", Foreign("a command of a shell script", RUN)),
    (
        r"""[ \t]*(?:export[ \t]+)?[A-Za-z_]\w*=(?:\S*|"[^"]*"|'[^']*')[ \t]*\Z""",
        Foreign("a variable of a shell script", RUN),
    ),
    (
        r"""[ \t]*(?:for \w+ in |if \[|echo [\d"'$]|modprobe \w|sysctl -w|set -[eux]|(?:fi|done|then|do)[ \t]*\Z)""",
        Foreign("a command of a shell script", RUN),
    ),
    (rf"[ \t]*{_TOOL}nft[ \t]+\S", Foreign("a command of a shell script", RUN_NFT)),
    (
        rf"[ \t]*{_TOOL}ipset[ \t]+\S",
        Foreign("a command of a shell script", "write the statements without `ipset`, as `ipset save` prints them"),
    ),
)  # fmt: skip
_OF_IPTABLES = (
    (r"Chain \S+ \((?:policy|\d+ references)", Foreign("what `iptables -L` prints", SAVE)),
    (r"[ \t]*(?:num +)?(?:pkts +bytes +)?target +prot +opt ", Foreign("what `iptables -L` prints", SAVE)),
    (r"create \S+ (?:hash|bitmap|list):", Foreign("what `ipset save` prints", "put it into the policy's NAME.ipset")),
    (r"[ \t]*table (?:ip6?|inet|bridge|netdev|arp) \w+ \{", Foreign("an nft script", "put it into a file NAME.nft")),
)
_OF_SETS = (
    (r"(?:Name|Type|Revision|Header|Members): ?", Foreign("what `ipset list` prints", "take what `ipset save` prints")),
)
_SHELL = re.compile(r"#![ \t]*\S*(?:/|env[ \t]+)(?:ba|da|k|z|a)?sh\b")
_OF_KIND = {"v4": _OF_IPTABLES, "v6": _OF_IPTABLES, "nft": _OF_IPTABLES[:2], "ipset": _OF_SETS}
_MARKS = frozenset("[(<.\u2026s")
_AN_EXCERPT = re.compile(_EXCERPT)
_COMMENT = re.compile(r"#(?!(?:ACTION|ZONE|SOURCE|INTERFACE)\b)")


@cache
def _any_of(kind: str) -> re.Pattern[str]:
    """What is one of a kind's forms; compiled where one is looked for, as that takes long and most texts are of one kind."""
    return re.compile("|".join(f"(?:{pattern})" for pattern, _ in (*_OF_KIND[kind], *_COMMON)))


def foreign(line: str, kind: str) -> Foreign | None:
    """What this line of a policy's text of this kind (v4, v6, nft, ipset) belongs to; None where that is not certain."""
    beginning = line[:_MOST_READ]
    if _any_of(kind).match(beginning) is None:
        return None
    return next((found for pattern, found in (*_OF_KIND[kind], *_COMMON) if re.match(pattern, beginning)), None)


def is_excerpt(line: str) -> bool:
    """Whether the line says that lines are left out in its place, as ``...`` or ``(some left out)`` does."""
    bare = line.strip()
    return bare[:1] in _MARKS and _AN_EXCERPT.match(bare[:_MOST_READ]) is not None


def first_foreign(lines: Iterable[str], kind: str) -> tuple[int, Foreign] | None:
    """The first line, from 1, that says what a text is, and what that is; a comment says nothing.

    >>> line, found = first_foreign(["# printed today", "Chain INPUT (policy DROP)"], "v4")
    >>> line, found.what
    (2, 'what `iptables -L` prints')
    """
    for number, line in enumerate(lines, start=1):
        found = None if _COMMENT.match(line) else foreign(line, kind)
        if found is not None:
            return number, found
    return None


def is_shell_script(text: str) -> bool:
    """Whether the text says of itself (``#!/bin/sh``) that a shell is to read it."""
    return _SHELL.match(text) is not None


def quoted(line: str) -> str:
    """The line as a sentence quotes it.

    >>> quoted("COMMIT"), quoted("```")
    ('`COMMIT`', '"```"')
    """
    return f'"{shown(line)}"' if "`" in line else f"`{shown(line)}`"


def shown(line: str) -> str:
    """The line as a message shows it: without the blanks around it, and not all of a long one."""
    bare = line.strip()
    return bare if len(bare) <= _MOST else f"{bare[: _MOST - 1]}\N{HORIZONTAL ELLIPSIS}"
