"""The expressions of ``-k``, in pytest's words: substrings of the id with ``and``, ``or``, ``not`` and parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.errors import InputError, Problem

_WORDS = re.compile(r"\s*(\(|\)|[^\s()]+)")
Matches = Callable[[str], bool]


def compile_expression(text: str) -> Matches:
    """A function that tells whether an id is selected; InputError when ``text`` is not an expression."""
    words = _WORDS.findall(text)
    try:
        matches, rest = _any(words)
    except (IndexError, RecursionError):
        rest, matches = ["the end"], _contains("")
    if rest or not words:
        raise InputError(
            Problem(f"-k {text!r} is not an expression", mend="write words with and, or, not: -k 'web and not partner'")
        )
    return matches


def _any(words: list[str]) -> tuple[Matches, list[str]]:
    left, rest = _all(words)
    while rest and rest[0] == "or":
        right, rest = _all(rest[1:])
        left = _either(left, right)
    return left, rest


def _all(words: list[str]) -> tuple[Matches, list[str]]:
    left, rest = _one(words)
    while rest and rest[0] == "and":
        right, rest = _one(rest[1:])
        left = _both(left, right)
    return left, rest


def _one(words: list[str]) -> tuple[Matches, list[str]]:
    word, rest = words[0], words[1:]
    if word == "not":
        inner, rest = _one(rest)
        return (lambda text: not inner(text)), rest
    if word == "(":
        inner, rest = _any(rest)
        if rest[0] != ")":
            raise IndexError
        return inner, rest[1:]
    if word in ("and", "or", ")"):
        raise IndexError
    return _contains(word), rest


def _contains(word: str) -> Matches:
    return lambda text: word.lower() in text.lower()


def _either(left: Matches, right: Matches) -> Matches:
    return lambda text: left(text) or right(text)


def _both(left: Matches, right: Matches) -> Matches:
    return lambda text: left(text) and right(text)
