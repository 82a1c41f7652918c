"""Text from files and packets, made safe to show: a control character is written out, never obeyed."""

from __future__ import annotations


def plain(text: str) -> str:
    r"""Return ``text`` on one line; a character that is not printable becomes its escape (``\x1b``, ``\n``)."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def plain_lines(text: str) -> list[str]:
    """Return the lines of ``text``, each made plain; line breaks are the only control characters that count."""
    return [plain(line) for line in text.split("\n")]
