"""Text from files and packets, made safe to show: a control character is written out, never obeyed, nor is a CI's command."""

from __future__ import annotations

import re

LONGEST = 2_000
"""Characters of one value that are shown; a log is read by people, and the files hold the rest."""

_COMMAND = re.compile(
    r"(?P<hashes>##)(?=\w*\[)"  # GitHub (##[), Azure (##vso[) and TeamCity (##teamcity[) take it anywhere in a line
    r"|^(?P<colons>(?:\s|\x1b\[[0-9;]*m)*:):(?=[A-Za-z][\w-]*(?:\s[^\n]*?)?::)"  # GitHub takes it where a line begins
    r"|(?P<section>section)_(?=(?:start|end):)"  # GitLab folds its log at it
)
_SPELLED = {"hashes": r"\x23\x23", "colons": r"\x3a", "section": r"\x5f"}


def plain(text: str, longest: int = LONGEST) -> str:
    r"""Return ``text`` on one line; what is not printable becomes its escape (``\x1b``, ``\n``), a CI's command likewise.

    Of a text that is longer than ``longest`` the beginning is shown, and how much is left out.
    """
    shown = text if len(text) <= longest else text[:longest]
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in shown)
    return without_commands(shown) + ("" if len(text) <= longest else f"… ({len(text) - longest:,} characters more)")


def plain_lines(text: str) -> list[str]:
    """Return the lines of ``text``, each made plain; line breaks are the only control characters that count."""
    return [plain(line) for line in text.split("\n")]


def without_commands(line: str) -> str:
    r"""Return ``line`` with nothing in it that a CI would obey: ``##[group]`` becomes ``\x23\x23[group]``."""
    return _COMMAND.sub(_spelled, line)


def _spelled(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    kept = "" if kind == "hashes" else found[kind]
    return kept + _SPELLED[kind]
