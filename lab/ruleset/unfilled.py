"""What is told of a text that no values can be put into; apart, since who asks for that needs no Jinja2."""

from __future__ import annotations


class Unfilled(Exception):
    """A text that cannot be filled in: which one, from 0, ``what`` is wrong with it and how to ``mend`` that.

    >>> str(Unfilled(0, "the text names something that is not given: 'port' is undefined", "give it in `vary`"))
    "the text names something that is not given: 'port' is undefined"
    """

    def __init__(self, number: int, what: str, mend: str) -> None:
        self.number, self.what, self.mend = number, what, mend
        super().__init__(what)
