"""The text of a YAML file, or why there is none, in words that name the file."""

from __future__ import annotations

from pathlib import Path

from lab.errors import InputError, Problem, Where
from lab.written.files import Unfit, read_file

MAX_BYTES = 8 * 1024 * 1024


def yaml_text(path: Path, within: Path | None) -> str:
    """The file's text; it lies in ``within``, if that is given.  Raises InputError."""
    where = Where(str(path))
    try:
        raw = read_file(path, MAX_BYTES, within=within)
    except Unfit as error:
        raise InputError(Problem(f"this {error}", where, "put the file itself in its place")) from None
    except IsADirectoryError:
        raise InputError(Problem("this is a directory where a YAML file belongs", where)) from None
    except FileNotFoundError:
        raise InputError(Problem("there is no such file", where)) from None
    except (OSError, ValueError) as error:  # a name with a zero byte
        raise InputError(Problem(f"cannot be read: {getattr(error, 'strerror', error)}", where)) from None
    if len(raw) > MAX_BYTES:
        raise InputError(Problem(f"larger than {MAX_BYTES // 1024 // 1024} MiB, which no such file is", where))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        what = f"not UTF-8: byte 0x{raw[error.start]:02x} cannot stand here"
        raise InputError(Problem(what, Where(str(path), line, column), "save the file in UTF-8")) from None
