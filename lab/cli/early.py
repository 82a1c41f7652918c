"""The reports that a command is asked for, read from its arguments before anything that takes time is imported.

Yesterday's are replaced at once: whatever happens then (a wrong option, a signal, a kill), none of them is taken for today's.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_REPORTS = {"run": ("json", "junit", "markdown", "annotations"), "sweep": ("json",), "exposure": ("save",)}
_AGAINST = "against"
_WITHOUT_REPORTS = ("--help", "--collect")


def begin_reports(arguments: Sequence[str]) -> None:
    """Put reports that say that the command did not finish in the place of yesterday's; what cannot be is told later."""
    named = reports_of(arguments)
    if named:
        from lab.errors import LabError

        with suppress(LabError, OSError):
            _begin(arguments[0], named)


def _begin(command: str, named: dict[str, Path]) -> None:
    if command == "run":
        from lab.report.write import Outputs

        Outputs(**named).begin()
    elif command == "sweep":
        from lab.report.sweep import begin_sweeps

        begin_sweeps(named["json"])
    else:
        from lab.report.exposure import begin_exposure

        begin_exposure(named["save"])


def reports_of(arguments: Sequence[str]) -> dict[str, Path]:
    """The report files among the arguments of ``lab``, by the option's name: ``--json FILE`` and ``--json=FILE``.

    None for what ``--save`` names where ``--against`` reads the same file: that one goes only for a finished one.
    """
    if not arguments or arguments[0] not in _REPORTS or any(one in arguments for one in _WITHOUT_REPORTS):
        return {}
    wanted = _REPORTS[arguments[0]]
    found = _values(arguments, (*wanted, _AGAINST))
    against = found.pop(_AGAINST, None)
    return {name: path for name, path in found.items() if against is None or path.resolve() != against.resolve()}


def _values(arguments: Sequence[str], names: Sequence[str]) -> dict[str, Path]:
    found = {}
    for place, word in enumerate(arguments):
        if word == "--":
            break
        option, equals, value = word.partition("=")
        if option.removeprefix("--") not in names or not option.startswith("--"):
            continue
        if not equals:
            value = arguments[place + 1] if place + 1 < len(arguments) else ""
        if value:
            found[option.removeprefix("--")] = Path(value)
    return found
