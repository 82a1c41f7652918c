"""The reports that a command is asked for, read from its arguments before anything that takes time is imported.

Yesterday's are replaced at once: whatever happens then (a wrong option, a signal, a kill), none of them is taken for today's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

REPORTS: Mapping[str, Mapping[str, str]] = {
    "run": {"--json": "json", "--junit": "junit", "--markdown": "markdown", "--annotations": "annotations"},
    "sweep": {"--json": "json"},
    "trace": {"--json": "json"},
    "conntrack": {"--json": "json"},
    "exposure": {"--json": "json", "--save": "json", "--markdown": "markdown"},
    "audit": {"--json": "json", "--markdown": "markdown"},
    "diff": {"--json": "json", "--markdown": "markdown", "--sarif": "sarif", "--annotations": "annotations",
             "--client-script": "client_script"},
    "guard": {"-o": "output"},
    "drift": {"--json": "json", "--markdown": "markdown"},
    "reconcile": {"--json": "json"},
    "marks": {"--json": "json"},
    "status": {"--json": "json"},
    "evidence": {"--json": "json"},
    "rehearse": {"--json": "json", "--markdown": "markdown", "--svg": "svg"},
    "reach": {"--json": "json", "--svg": "svg"},
    "graph": {"--svg": "svg"},
}
"""The options that name reports, by command, and what `lab.report.reports` calls them."""
_AGAINST = "--against"
_WITHOUT_REPORTS = ("--help", "--collect")


def begin_reports(arguments: Sequence[str]) -> None:
    """Put reports that say that the command did not finish in the place of yesterday's; what cannot be is told later."""
    named = reports_of(arguments)
    if named:
        from lab.errors import LabError
        from lab.report import reports

        with suppress(LabError, OSError):
            getattr(reports, f"{arguments[0]}_reports")(**named).begin()


def reports_of(arguments: Sequence[str]) -> dict[str, Path]:
    """The report files among the arguments of ``lab``, as `lab.report.reports` calls them: ``--json FILE`` and ``--json=FILE``.

    None for a file that ``--against`` reads too: that one goes only for a finished one.
    """
    wanted = REPORTS.get(arguments[0], {}) if arguments else {}
    if not wanted or any(one in arguments for one in _WITHOUT_REPORTS):
        return {}
    found = _values(arguments, (*wanted, _AGAINST))
    against = found.pop(_AGAINST, None)
    return {
        wanted[option]: path for option, path in found.items() if against is None or path.resolve() != against.resolve()
    }


def _values(arguments: Sequence[str], options: Sequence[str]) -> dict[str, Path]:
    """What the options are given; nothing for what looks like another option, as no command takes it for a file."""
    found = {}
    for place, word in enumerate(arguments):
        if word == "--":
            break
        option, equals, value = word.partition("=")
        if option not in options:
            continue
        if not equals:
            value = arguments[place + 1] if place + 1 < len(arguments) else ""
        if value and (value == "-" or not value.startswith("-")):
            found[option] = Path(value)
    return found
