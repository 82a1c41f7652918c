"""A print with its lines numbered (``cat -n``, ``grep -n``, ``less -N``, a web page's margin): the numbers taken away."""

from __future__ import annotations

import re

from lab.ruleset.mended import Mended, Repair

_NUMBERED = re.compile(r"[ \t]*(\d{1,7})(?:[.:)|] {0,2}|\t| {1,2}|[ \t]*(?=\r?\Z))")
_DIGIT = re.compile(r"[ \t]*\d")


def without_numbers(text: str, begins: re.Pattern[str]) -> Mended | None:
    r"""The text without the numbers in front of its lines; ``begins`` is what a line without its number can begin with first.

    Every line that is not empty must have one, each higher than the one before: None where it is otherwise.

    >>> without_numbers(" 1  *filter\n 2  COMMIT\n", re.compile(r"\*")).text
    '*filter\nCOMMIT\n'
    """
    if _DIGIT.match(text.lstrip("\ufeff\r\n")) is None:
        return None
    lines = text.split("\n")
    new: list[str] = []
    before, count = 0, 0
    for line in lines:
        if not line.strip():
            new.append(line)
            continue
        found = _NUMBERED.match(line.lstrip("\ufeff"))
        if found is None or int(found[1]) <= before:
            return None
        before = int(found[1])
        rest = line.lstrip("\ufeff")[found.end():]
        if not count and begins.match(rest) is None:
            return None
        count += 1
        new.append(rest)
    if count < 2:
        return None
    first = next(number for number, line in enumerate(lines, start=1) if line.strip())
    what = f"the number in front of each of {count:,} lines is taken away"
    return Mended("\n".join(new), (Repair(first, what),), tuple(range(1, len(lines) + 1)))
