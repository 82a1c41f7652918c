"""A run as JSON: what machines read. Its shape is that of ``lab.report.wire.run``."""

from __future__ import annotations

import json

from lab.record.result import RunResult
from lab.report.wire.run import Run
from lab.report.wire.writing import Written, written


def to_json(result: RunResult) -> Written:
    """Return the run as plain dicts, lists, strings and numbers; times are in seconds or, ``_us``, microseconds."""
    return written(Run, result)


def json_text(value: object) -> str:
    r"""Return ``value`` as JSON that no CI takes for a command when the file is printed into its log (``#\u0023[``)."""
    text = json.dumps(value, indent=1).replace("##", r"#\u0023")
    return text.replace("section_start:", r"section\u005fstart:").replace("section_end:", r"section\u005fend:") + "\n"
