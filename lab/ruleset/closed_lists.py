"""What a policy's texts may hold: of each tool's statements and options those that make rules, sets and tables, no others.

The tools' own languages are not data: they write files, run programs and never end, all as root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice

from lab.errors import InputError, Problem
from lab.ruleset import ipset_statements, restore_options
from lab.ruleset.forbidden import Refused
from lab.ruleset.nft import statements as nft_statements
from lab.ruleset.render import Rendered

_LISTS: Mapping[str, Callable[[str], Iterator[Refused]]] = {
    "ipset": ipset_statements.refused,
    "v4": restore_options.refused,
    "v6": restore_options.refused,
    "nft": nft_statements.refused,
}
_MOST_TOLD = 20


def not_data(kind: str, rendered: Rendered) -> tuple[Problem, ...]:
    """A problem for each line of a text of this kind that does more than make rules, sets or tables; the first 20.

    >>> script = Rendered("monitor", ("policies/edge.nft:1",), "policies/edge.nft")
    >>> [str(problem.where) for problem in not_data("nft", script)]
    ['policies/edge.nft:1']
    """
    return tuple(Problem(one.what, rendered.where(one.line), one.mend) for one in _refused(kind, rendered.text))


def require_data(kind: str, rendered: Rendered, text: str) -> None:
    r"""Raise InputError unless ``text``, which is ``rendered`` or a copy of it line for line, is all data.

    >>> require_data("v4", Rendered(dump := "*filter\n-A INPUT -j DROP\nCOMMIT\n", (), "policies/edge.rules"), dump)
    """
    if found := _refused(kind, text):
        raise InputError(Problem(one.what, rendered.where(one.line), one.mend) for one in found)


@lru_cache(maxsize=16)  # a lab for each cell loads the same texts again
def _refused(kind: str, text: str) -> tuple[Refused, ...]:
    return tuple(islice(_LISTS[kind](text), _MOST_TOLD))
