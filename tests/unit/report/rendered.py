"""Markdown as its reader sees it: rendered, and looked through for what would be more than text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from markdown_it import MarkdownIt

# what GitHub makes of text that stands in no code: a mention, an issue, a link, an emoji, mathematics
_ACTIVE = re.compile(r"(?i)(?<!\w)@\w|#\d|\bGH-\d|://|\bwww\.|:[a-z0-9_+-]+:|\$.+\$|\b[0-9a-f]{7,40}\b")
_SHOWN_AS_IT_IS = ("code", "pre")
_VOID = ("br", "hr", "img")


@dataclass
class Rendered:
    """The tags of a page, all of its text, and the parts of it that stand in no code."""

    tags: set[str] = field(default_factory=set)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    text: str = ""
    words: list[str] = field(default_factory=list)

    def active(self) -> list[str]:
        """What a host would make more of than text."""
        return [found[0] for part in self.words for found in _ACTIVE.finditer(part)]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Rendered()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.add(tag)
        self.page.attributes += attrs
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"a stray </{tag}>"

    def handle_data(self, data: str) -> None:
        self.page.text += data
        if not set(self._open) & set(_SHOWN_AS_IT_IS):
            self.page.words.append(data)


def rendered(markdown: str) -> Rendered:
    """A page of GitHub-flavoured Markdown, HTML in it included."""
    reader = _Reader()
    reader.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))
    reader.close()
    return reader.page
