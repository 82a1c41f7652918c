"""Texts with variables filled in, as templates of no file: in the sandbox that policies' templates have, within one budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jinja2 import BaseLoader, TemplateNotFound, TemplateSyntaxError, UndefinedError

from lab.ruleset.sandbox import Budget, NotText, PolicyEnvironment, TooMuch
from lab.ruleset.unfilled import Unfilled


class _NoFiles(BaseLoader):
    """A text includes nothing."""

    def get_source(self, environment: object, template: str) -> tuple[str, str | None, None]:  # noqa: ARG002
        raise TemplateNotFound(template, "a text includes no other")


def filled(texts: Sequence[str], values: Mapping[str, object], limit: int, budget: Budget | None = None) -> list[str]:
    """The texts in their order, of at most ``limit`` characters in all; raises Unfilled for the first that cannot be filled in.

    >>> filled(["port {{ port }} of {{ host.name }}"], {"port": 8443, "host": {"name": "files"}}, limit=100)
    ['port 8443 of files']
    """
    environment = PolicyEnvironment(_NoFiles(), {"keep_trailing_newline": True}, budget or Budget())
    found: list[str] = []
    for number, text in enumerate(texts):
        try:
            chunks: list[str] = []
            for chunk in environment.from_string(text).generate(values):
                limit -= len(chunk)
                if limit < 0:
                    raise TooMuch("the texts are too long, filled in")
                environment.budget.spend(0)
                chunks.append(chunk)
        except Exception as error:  # noqa: BLE001 - a template can raise whatever Python can
            raise Unfilled(number, *_told(error)) from None
        found.append("".join(chunks))
    return found


def _told(error: Exception) -> tuple[str, str]:
    said = getattr(error, "message", None) or str(error)
    if isinstance(error, TemplateSyntaxError):
        return f"the text is not Jinja2: {said}", "a brace that is meant as such is written {{ '{{' }}"
    if isinstance(error, UndefinedError):
        return f"the text names something that is not given: {said}", "give it in `vary`"
    if isinstance(error, TemplateNotFound):
        return said, "write it out"
    if isinstance(error, (TooMuch, OverflowError, MemoryError)):
        return said or "the text needs too much memory", "make its loops and values smaller"
    if isinstance(error, NotText):
        return "the text writes a list or a mapping, which has no form", "name one of its values: {{ NAME.KEY }}"
    if isinstance(error, (RecursionError, SyntaxError)):
        return "the text nests too deep, or calls itself without end", "end its recursion"
    return f"the text fails: {said} ({type(error).__name__})", "mend it"
