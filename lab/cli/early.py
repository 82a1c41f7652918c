"""The reports that ``lab run`` is asked for, read from its arguments before anything that takes time is imported.

Yesterday's are replaced at once: whatever happens then (a wrong option, a signal, a kill), none of them is taken for today's.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_REPORTS = ("json", "junit", "markdown", "annotations")
_WITHOUT_REPORTS = ("--help", "--collect")


def begin_reports(arguments: Sequence[str]) -> None:
    """Put reports that say that the run did not finish in the place of yesterday's; what cannot be is told later."""
    named = reports_of(arguments)
    if named:
        from lab.errors import LabError
        from lab.report.write import Outputs

        with suppress(LabError):
            Outputs(**named).begin()


def reports_of(arguments: Sequence[str]) -> dict[str, Path]:
    """The report files among the arguments of ``lab``, by the option's name: ``--json FILE`` and ``--json=FILE``."""
    if not arguments or arguments[0] != "run" or any(one in arguments for one in _WITHOUT_REPORTS):
        return {}
    found = {}
    for place, word in enumerate(arguments):
        if word == "--":
            break
        option, equals, value = word.partition("=")
        if option.removeprefix("--") not in _REPORTS or not option.startswith("--"):
            continue
        if not equals:
            value = arguments[place + 1] if place + 1 < len(arguments) else ""
        if value:
            found[option.removeprefix("--")] = Path(value)
    return found
