"""Where each line of a rendering was written: template file and line.

A Jinja2 extension puts marks around each line of a template's text, and one before each expression and each block.  A
mark is a run of rare blanks, so that what a template does with captured text (`trim`, `split`, `upper`) it does to marked
text alike.  What is loaded is always the rendering *without* marks; the marked one only tells the sources.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator

from jinja2.environment import Environment
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

_DIGITS = "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
_BEGIN, _END = "\u205f", "\u202f"
_WIDTH = 6
_MARK = re.compile(f"([{_BEGIN}{_END}])([{_DIGITS}]{{{_WIDTH}}})")
_TO_MARK = str.maketrans("0123456789", _DIGITS)
_FROM_MARK = str.maketrans(_DIGITS, "0123456789")


class MarkBook:
    """The places that marks stand for."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int], int] = {}
        self._places: list[tuple[str, int]] = []

    def marks(self, template: str, line: int) -> tuple[str, str]:
        """The marks before and behind what a template's line writes; empty when there are more lines than marks."""
        place = (template, line)
        number = self._numbers.get(place)
        if number is None:
            number = self._numbers[place] = len(self._places)
            self._places.append(place)
        digits = f"{number:0{_WIDTH}}".translate(_TO_MARK)
        return (_BEGIN + digits, _END + digits) if number < 10**_WIDTH else ("", "")

    def place(self, digits: str) -> tuple[str, int] | None:
        """The template and line of a mark that was found; None for blanks that only look like one."""
        number = int(digits.translate(_FROM_MARK))
        return self._places[number] if number < len(self._places) else None


class LineMarks(Extension):
    """Marks the text of templates; the environment's ``mark_book`` keeps what the marks mean."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.extend(mark_book=MarkBook())

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """The tokens, with marks around each line of text, and one before each expression and each block."""
        book: MarkBook = self.environment.mark_book  # type: ignore[attr-defined]
        name = stream.name or ""
        for token in stream:
            if token.type == "data":
                yield Token(token.lineno, "data", _marked_text(token, name, book))
                continue
            if token.type in ("variable_begin", "block_begin"):
                yield Token(token.lineno, "data", book.marks(name, token.lineno)[0])
            yield token


def _marked_text(token: Token, name: str, book: MarkBook) -> str:
    pieces = []
    for line, text in enumerate(token.value.split("\n"), start=token.lineno):
        before, behind = book.marks(name, line)
        pieces.append(before + text + behind)
    return "\n".join(pieces)


def line_sources(plain: str, marked: str, book: MarkBook) -> tuple[tuple[str, int] | None, ...]:
    """Template and line of each line of the plain rendering, from the marked one.

    A line comes from where its first character that is not blank was written; further lines of one expression come
    from that expression.  If the two renderings differ (a filter counted characters, a random choice), lines with the
    same text are matched in order, and None stands for a line that is in the plain one alone.
    """
    marked_lines = _unmarked(marked, book)
    plain_lines = plain.split("\n")
    if [text for text, _ in marked_lines] == plain_lines:
        return tuple(place for _, place in marked_lines)
    waiting: defaultdict[str, deque[tuple[str, int] | None]] = defaultdict(deque)
    for text, place in marked_lines:
        waiting[text.strip()].append(place)
    return tuple(waiting[text.strip()].popleft() if waiting[text.strip()] else None for text in plain_lines)


def _unmarked(marked: str, book: MarkBook) -> list[tuple[str, tuple[str, int] | None]]:
    """Each line without its marks, and its place."""
    lines: list[tuple[str, tuple[str, int] | None]] = []
    current: tuple[str, int] | None = None
    for line in marked.split("\n"):
        pieces = _MARK.split(line)
        source = current
        text = [pieces[0]]
        started = bool(pieces[0].strip())
        whole = True  # all that was seen so far was written since the last mark
        for kind, digits, piece in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            place = book.place(digits) or current
            if kind == _BEGIN:
                whole = not started
                current = place
            elif started and whole and place != current:
                source = place  # a filter cut the mark before this text away with the blanks there
            if not started:
                source = current
            started = started or bool(piece.strip())
            text.append(piece)
        lines.append(("".join(text), source))
    return lines
