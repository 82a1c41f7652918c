"""Text of files in GitHub-flavoured Markdown: shown as it is, and never active.

What a reader of Markdown might take for more than text (a mention, a link, an entity, an emoji, HTML) goes into a code span,
where nothing is markup and nothing becomes a link; plain words stay words, so that the source can be read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from lab.report.plain import plain

# letters, digits and marks that mean nothing inside a line; a colon only where it ends a word, as :smile: is an emoji
_MARKS = r"""(),.;'"/%+=?!>_-"""
_WORD = re.compile(
    rf"""[('"!]*[^\W_]+(?:[{_MARKS}]+[^\W_]+)*[(),.;'"/%?!-]*:?|->|-|→|>|=|\u00d7|\.\.\.|…"""
)
# www.x, http//x, GH-1, a commit's hash: what becomes a link by itself
_LINK = re.compile(r"(?i)www\.|//|\bGH-\d|\b[0-9a-f]{7,40}\b")
_TICKS = re.compile(r"`+")
_TICKED = re.compile(r"`([^`]+)`")
_AROUND = re.compile(r"([ (),.;]*)(.*?)([ (]*)")
_BAR = re.compile(r"\\(?=\|)")


def prose(text: str, *, table: bool = False) -> str:
    """``text`` on one line: plain words as they are, all else in code spans; ``table``: for a table's cell.

    >>> prose("dropped by gateway filter:FORWARD:3 (publish-web)")
    'dropped by gateway `filter:FORWARD:3` (publish-web)'
    >>> prose("ask @team <b>, or #1")
    'ask `@team <b>,` or `#1`'
    """
    return _marked_up(plain(text), table=table)


def _marked_up(shown: str, *, table: bool) -> str:
    """The same of a text that is plain by now."""
    parts = []
    for harmless, words in groupby(_words(shown), key=_is_harmless):
        joined = " ".join(words)
        parts.append(joined if harmless else _span(joined, table=table))
    return " ".join(parts)


def sentence(text: str, *, table: bool = False) -> str:
    """The same of a sentence that sets what is copied between backticks: that becomes code.

    >>> sentence("let it ask for `-d 10.0.2.10`, or take it out")
    'let it ask for `-d 10.0.2.10`, or take it out'
    """
    parts = _TICKED.split(plain(text))
    if len(parts) % 2 == 0:
        return prose(text, table=table)
    told = ""
    for place, part in enumerate(parts):
        new = (_span(part, table=table) if part else "") if place % 2 else _between(part, table=table)
        # ticks side by side would be those of one span
        told += " " + new if told[-1:] == new[:1] == "`" else new
    return told


def _between(text: str, *, table: bool) -> str:
    """What stands around code: its blanks at the ends, and the brackets and stops beside the code, are as they are."""
    found = _AROUND.fullmatch(text)
    assert found is not None
    inner = _marked_up(found[2], table=table) if found[2] else ""
    return found[1] + inner + found[3]


def code(text: str, *, table: bool = False) -> str:
    """``text`` on one line, as a code span: what is copied, a name, a rule."""
    return _span(plain(text), table=table) if text else ""


def block(text: str) -> str:
    """Lines as they are, in HTML that nothing of them can end."""
    shown = text.replace("&", "&amp;").replace("<", "&lt;")
    return f"<pre>{shown}</pre>"


def _words(shown: str) -> Iterator[str]:
    """What is between blanks; blanks at the ends, which would indent or break a line, stay with their word."""
    inner = shown.strip(" ")
    begun, ended = shown[: len(shown) - len(shown.lstrip(" "))], shown[len(shown.rstrip(" ")) :] if inner else ""
    first, *others = inner.split(" ")
    *between, last = (begun + first, *others)
    yield from between
    yield last + ended


def _is_harmless(word: str) -> bool:
    return not word or (_WORD.fullmatch(word) is not None and _LINK.search(word) is None)


def _span(shown: str, *, table: bool) -> str:
    """A code span; its ticks are more than any in it (CommonMark 6.1)."""
    if table and (found := _BAR.search(shown)):  # in a table a bar takes the backslash before it, in code too: it goes between
        rest = shown[found.end() + 1 :]
        return _span(shown[: found.end()], table=table) + "&#124;" + (_span(rest, table=table) if rest else "")
    ticks = "`" * (max(map(len, _TICKS.findall(shown)), default=0) + 1)
    edges = shown[:1] + shown[-1:]
    padding = " " if "`" in edges or (edges == "  " and shown.strip()) else ""
    inner = shown.replace("|", r"\|") if table else shown
    return f"{ticks}{padding}{inner}{padding}{ticks}"
