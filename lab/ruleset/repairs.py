"""What is repaired within one line of a ruleset: each function gives the line anew, or the same one.

Free text (comments, prefixes, patterns) stays as it is, whatever it looks like.
"""

from __future__ import annotations

import re

from lab.ruleset.words import Word, placed_words

# Options whose value may be any text: it is looked at by no repair.
_TEXT_OPTIONS = (
    "--comment", "--log-prefix", "--nflog-prefix", "--ulog-prefix", "--string", "--hex-string", "--algo", "--name",
    "--hashlimit-name", "--rateest-name", "--label", "--led-trigger-id", "--u32", "--bytecode", "--path", "--condition",
    "--genre", "--selctx", "--object-pinned",
)  # fmt: skip
_SHORTEST = 5  # `--str`: getopt takes a long option's beginning for the whole
_TEXT_BEGINNINGS = frozenset(
    option[:length] for option in _TEXT_OPTIONS for length in range(min(_SHORTEST, len(option)), len(option) + 1)
)
# Options whose value is a name, in which a dash or a quote of any script is a letter like others.
_NAME_OPTIONS = frozenset((
    "-A", "--append", "-I", "--insert", "-N", "--new-chain", "-P", "--policy", "-j", "--jump", "-g", "--goto",
    "-D", "--delete", "-F", "--flush", "-X", "--delete-chain", "-E", "--rename-chain",
    "--match-set", "--add-set", "--del-set", "--map-set",
))  # fmt: skip
# What took its negation behind it until iptables 1.4.3, and refuses it there today.
_NEGATED = frozenset((
    "-s", "--source", "--src", "-d", "--destination", "--dst", "-i", "--in-interface", "-o", "--out-interface",
    "-p", "--protocol", "--proto", "--sport", "--source-port", "--dport", "--destination-port",
    "--sports", "--source-ports", "--dports", "--destination-ports", "--ports", "--state", "--tcp-flags", "--tcp-option",
    "--icmp-type", "--icmpv6-type", "--ctstate", "--ctproto", "--ctstatus", "--ctorigsrc", "--ctorigdst", "--ctreplsrc",
    "--ctrepldst", "--mac-source", "--mark", "--uid-owner", "--gid-owner", "--length", "--mss", "--tos", "--dscp",
    "--physdev-in", "--physdev-out", "--pkt-type", "--src-range", "--dst-range", "--src-type", "--dst-type", "--ahspi",
    "--espspi", "--realm", "--match-set", "--chunk-types", "--dccp-types",
))  # fmt: skip

ODD_BLANKS = "\u00a0\u2007\u202f"  # blanks that do not break a line, which iptables takes for letters
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_OPENING, _CLOSING = "\u201c\u201d\u201e\u201f", "\u201c\u201d"

_GAP = re.compile(rf"[ \t{ODD_BLANKS}]+")
_PLAIN_GAP = re.compile(r"[ \t]+")
_REST_OF_WORD = r'[^"{0}]*"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[^"{0}]+'
_WORD = re.compile(_REST_OF_WORD.format(" \t\n" + ODD_BLANKS), re.DOTALL)
_TEXT = re.compile(rf"[{_OPENING}][^{_CLOSING}]*[{_CLOSING}]|" + _REST_OF_WORD.format(" \t\n"), re.DOTALL)
_SHY_TEXT = re.compile(rf"[{_OPENING}][^{_CLOSING}]*[{_CLOSING}]|{_WORD.pattern}", re.DOTALL)

_OPTION = re.compile(rf"[-{DASHES}]+([A-Za-z0-9][A-Za-z0-9{DASHES}-]*)(=.*)?", re.DOTALL)
_ANY_DASH = re.compile(f"[{DASHES}]")
_COMMAND = re.compile(
    r"(?:sudo[ \t]+)?(?:/[\w./-]*/)?(ip6?tables)(?:-nft|-legacy)?[ \t]+(?:(?:-t|--table)[ \t]+(\w+)[ \t]+)?(?=-[AINP][ \t])"
)
_NEGATED_BEHIND = re.compile(r"![ \t]+[^-\s]")
_SHELL = frozenset("'\\$`;&|<>#(){}")  # what a shell would have read otherwise than iptables-restore does
Edits = list[tuple[int, int, str]]


def takes_text(option: str) -> bool:
    """Whether the word behind this one may be any text."""
    return option in _TEXT_BEGINNINGS


def without_text(line: str) -> list[Word]:
    """The line's words with their places, those left out that may be any text."""
    found: list[Word] = []
    is_text = False
    for word in placed_words(line):
        if not is_text:
            found.append(word)
        is_text = not is_text and takes_text(word.value)
    return found


def with_plain_blanks(line: str) -> str:
    """The line with plain blanks for those that do not break a line."""
    if not any(blank in line for blank in ODD_BLANKS):
        return line
    pieces: list[str] = []
    place, pattern = 0, _WORD
    while place < len(line):
        gap = (_PLAIN_GAP if pattern is _TEXT else _GAP).match(line, place)
        if gap is not None:
            pieces.append(re.sub(f"[{ODD_BLANKS}]", " ", gap[0]))
            place = gap.end()
        if pattern is not _WORD and gap is not None and gap[0][0] in ODD_BLANKS:
            pattern = _SHY_TEXT
        word = pattern.match(line, place)
        if word is None:
            break
        pieces.append(word[0])
        place = word.end()
        # iptables ends a text at a plain blank; the word is only a text's option where one follows.
        pattern = _TEXT if takes_text(_plain_option(word[0])) and pattern is _WORD else _WORD
        if pattern is _TEXT and line[place: place + 1] in ODD_BLANKS:
            pattern = _SHY_TEXT
    return "".join(pieces) + line[place:]


def without_command(line: str, table: str) -> str:
    """The line without the ``iptables`` in front, where the command would act on this very table."""
    found = _COMMAND.match(line)
    if found is None or (found[2] or "filter") != table or not _SHELL.isdisjoint(line):
        return line
    return line[found.end():]


def with_plain_dashes(line: str) -> str:
    """The line with ``-`` and ``--`` before its options, for the dashes of print."""
    if _ANY_DASH.search(line) is None:
        return line
    edits: Edits = []
    previous = ""
    for word in placed_words(line):
        if takes_text(previous):
            previous = ""
            continue
        written = line[word.start: word.end]
        plain = written if previous in _NAME_OPTIONS else _plain_option(written)
        if plain != written:
            edits.append((word.start, word.end, plain))
        previous = plain
    return edited(line, edits)


def _plain_option(written: str) -> str:
    found = _OPTION.fullmatch(written)
    if found is None or written.isascii():
        return written
    name = _ANY_DASH.sub("-", found[1])
    return ("-" if len(name) == 1 else "--") + name + (found[2] or "")


def with_plain_quotes(line: str) -> str:
    """The line with ``"`` for the quotes of print, where these enclose a value of several words or one that is no text.

    A text of one word stays as it is: iptables takes its quotes for a part of it.
    """
    if not any(quote in line for quote in _OPENING):
        return line
    edits: Edits = []
    placed = placed_words(line)
    previous, place = "", 0
    while place < len(placed):
        first = placed[place]
        is_text = takes_text(previous)
        last = first
        if line[first.start] in _OPENING and previous not in _NAME_OPTIONS:
            end = _closing(line, placed, place, len(placed) if is_text else place + 1)
            if end is not None and (end > place or not is_text):
                last, place = placed[end], end
                edits += [(first.start, first.start + 1, '"'), (last.end - 1, last.end, '"')]
        previous = "" if is_text else last.value
        place += 1
    return edited(line, edits)


def _closing(line: str, placed: list[Word], first: int, end: int) -> int | None:
    """Which word before ``end`` ends what the first one's quote of print begins; None where that is not certain."""
    for place in range(first, end):
        written = line[placed[place].start: placed[place].end]
        if '"' in written or "\\" in written or (place > first and re.match(r"-+\w", written)):
            return None
        if written[-1] in _CLOSING and (place > first or len(written) > 1):
            return place
    return None


def with_negation_before(line: str) -> str:
    """The line with ``! -d x`` for the old ``-d ! x``."""
    signs = [found.end() for found in _NEGATED_BEHIND.finditer(line)]
    if not signs:
        return line
    edits: Edits = []
    found = without_text(line[: signs[-1]])  # to the first letter of the last value: the rest tells nothing
    before = ""
    for option, sign, value in zip(found, found[1:], found[2:], strict=False):
        if (
            option.value in _NEGATED
            and line[sign.start: sign.end] == "!"
            and before != "!"
            and value.value[:1] not in ("-", "!")
        ):
            edits.append((option.start, sign.end, f"! {line[option.start: option.end]}"))
        before = option.value
    return edited(line, edits)


def edited(line: str, edits: Edits) -> str:
    """The line with each part (start, end) in another wording."""
    pieces: list[str] = []
    place = 0
    for start, end, new in edits:
        pieces += (line[place:start], new)
        place = end
    return "".join(pieces) + line[place:]
