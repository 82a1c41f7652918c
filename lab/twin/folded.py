"""Guesses as they are told behind an answer: what was concluded of one interface in one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.twin.twin import Guess

_MOST_PARTS = 6  # that are told of one interface
_MOST_LINES = 4  # of the file, of these


def folded_guesses(guesses: Sequence[Guess]) -> tuple[str, ...]:
    """Each interface once, with all that was concluded of it, the rule that says most, and the lines of the others.

    >>> from lab.errors import Where
    >>> from pathlib import Path
    >>> of = {"rests_on": "-A INPUT -i lan -s 10.9.0.0/24 -j ACCEPT", "where": Where("fw.rules", 4), "interface": "lan"}
    >>> one = Guess("10.9.0.0/24 is behind lan", brief="10.9.0.0/24 is behind it", **of)
    >>> two = Guess("this host has 10.9.0.1 on lan", brief="this host is 10.9.0.1 there (invented)", **of)
    >>> for line in folded_guesses([one, two]):
    ...     print(line)
    lan: 10.9.0.0/24 is behind it, this host is 10.9.0.1 there (invented), as of `-A INPUT -i lan -s 10.9.0.0/24 -j ACCEPT`  [fw.rules:4]
    """  # noqa: E501 - a line as it is printed
    several = len({guess.host for guess in guesses if guess.host}) > 1
    groups: dict[tuple[str, str], list[Guess]] = {}
    for number, guess in enumerate(guesses):
        groups.setdefault((guess.host, guess.interface) if guess.interface else ("", str(number)), []).append(guess)
    return tuple(
        _told(of, f"{host} {name}" if several else name) if of[0].interface else str(of[0])
        for (host, name), of in groups.items()
    )


def _told(guesses: Sequence[Guess], name: str) -> str:
    parts = [guess.brief for guess in guesses]
    more = f" and {len(parts) - _MOST_PARTS} more" if len(parts) > _MOST_PARTS else ""
    first = next((guess for guess in guesses if guess.rests_on), None)
    told = f"{name}: {', '.join(parts[:_MOST_PARTS])}{more}"
    return told if first is None else f"{told}, as of `{first.rests_on}`{''.join(_places(guesses))}"


def _places(guesses: Sequence[Guess]) -> Iterator[str]:
    """The lines that these rest on: the first one with its file, and further ones of it."""
    places = list(dict.fromkeys(str(guess.where) for guess in guesses if guess.rests_on and guess.where is not None))
    if places:
        file = places[0].rpartition(":")[0]
        others = [place.removeprefix(f"{file}:") for place in places[1:_MOST_LINES]]
        yield f"  [{', '.join((places[0], *others, *(['…'] if len(places) > _MOST_LINES else [])))}]"
