"""A run as JSON: what machines read. Its shape is that of ``lab.report.wire.run``."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import Any

from lab.record.result import RunResult
from lab.report.wire.run import Run
from lab.report.wire.writing import Written, written

_one = json.JSONEncoder().encode


def to_json(result: RunResult) -> Written:
    """Return the run as plain dicts, lists, strings and numbers; times are in seconds or, ``_us``, microseconds."""
    return written(Run, result)


def json_text(value: object) -> str:
    r"""Return ``value`` as JSON that no CI takes for a command when the file is printed into its log (``#\u0023[``)."""
    return _for_a_log(_indented(value, "\n")) + "\n"


def json_line(value: object) -> str:
    """The same in one line."""
    return _for_a_log(_one(value)) + "\n"


def _for_a_log(text: str) -> str:
    text = text.replace("##", r"#\u0023")
    return text.replace("section_start:", r"section\u005fstart:").replace("section_end:", r"section\u005fend:")


def _indented(value: Any, margin: str) -> str:
    """What ``json.dumps(value, indent=1)`` is, in less than half its time: a run of 1,000 cells has 200,000 values.

    ``margin`` is the end of a line with the blanks that the next one begins with.
    """
    kind = value.__class__
    if kind is str:
        return encode_basestring_ascii(value)
    inner = margin + " "
    if kind is dict and value:
        items = [encode_basestring_ascii(key) + ": " + _indented(one, inner) for key, one in value.items()]
        return "{" + inner + ("," + inner).join(items) + margin + "}"
    if kind in (list, tuple) and value:
        return "[" + inner + ("," + inner).join([_indented(one, inner) for one in value]) + margin + "]"
    if kind is int:
        return repr(value)
    return "null" if value is None else _one(value)
