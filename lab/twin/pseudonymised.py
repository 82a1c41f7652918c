"""A snapshot with other addresses in it, to be given to somebody who need not know the real ones."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from lab.errors import InputError, Problem, Where
from lab.record.host import Dumped
from lab.twin.json_text import load_json
from lab.twin.pseudonyms import Pseudonyms
from lab.twin.reading import dumped_file
from lab.twin.snapshot import is_snapshot, read_snapshot
from lab.written.files import Unfit, read_file

_WITHOUT_ADDRESSES = ("versions", "rt_tables", "sysctl")
_KEY_BYTES = 32


def new_key() -> bytes:
    """A key that nobody has."""
    return secrets.token_bytes(_KEY_BYTES)


def key_in(file: Path) -> bytes:
    """The key of a file, as hexadecimal digits; raises InputError."""
    where = Where(str(file))
    mend = f"make one: openssl rand -hex {_KEY_BYTES} > {file}"
    try:
        key = bytes.fromhex(read_file(file, 4_096).decode("ascii").strip())
    except (Unfit, UnicodeDecodeError, ValueError):
        raise InputError(Problem("it is no key: hexadecimal digits in an ordinary file", where, mend)) from None
    except OSError as error:
        raise InputError(Problem(f"the key cannot be read ({error.strerror})", where, mend)) from None
    if len(key) < _KEY_BYTES:
        raise InputError(Problem(f"the key has {len(key)} bytes, and {_KEY_BYTES} are needed", where, mend))
    return key


def pseudonymised(file: Path, key: bytes) -> str:
    """The snapshot in ``file`` with pseudonyms in place of its addresses; raises InputError where it is none, or not whole."""
    given = dumped_file(file)
    if not is_snapshot(given.text):
        raise InputError(Problem("it is no snapshot", Where(given.shown), "give what the script of `lab snapshot` printed"))
    read_snapshot(given.text, given.shown)
    made = _with_pseudonyms(given, key)
    read_snapshot(made, given.shown)
    return made


def _with_pseudonyms(given: Dumped, key: bytes) -> str:
    document: dict[str, Any] = load_json(given.text, Where(given.shown))
    parts = {name: part for name, part in document["parts"].items() if name not in _WITHOUT_ADDRESSES}
    pseudonyms = Pseudonyms(key, [part["text"] for part in parts.values()])
    for part in parts.values():
        part["text"] = pseudonyms.text(part["text"])
        part["error"] = pseudonyms.text(part["error"])
    for one in document["not_captured"]:
        one["seen"] = pseudonyms.text(one["seen"])
    return json.dumps(document, indent=2) + "\n"
