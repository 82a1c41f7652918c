"""The list of a bundle's files, as it is written beside them and read back from whoever brings one."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from lab.errors import InputError, Problem, Where
from lab.report.run_json import json_text
from lab.report.wire.document import adapter, version_of
from lab.report.wire.evidence import Manifest
from lab.report.wire.writing import written

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MANIFEST, SIGNATURE, SUMS = "manifest.json", "manifest.json.sig", "SHA256SUMS"
BESIDE = (MANIFEST, SIGNATURE, SUMS)
"""What a bundle has beside the files that its manifest lists."""
MOST_FILES = 20_000
MOST_BYTES = 1 << 30
"""Of all files of a bundle: who verifies one that a stranger sent reads no more than that."""
MOST_OF_MANIFEST = 16 << 20
_LONGEST = 120
_DEEPEST = 8
_PART = r"[A-Za-z0-9_@+][A-Za-z0-9._@+=,-]*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._@+=,-]+")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def is_name(name: str) -> bool:
    """Whether a file of a bundle may be called so: a relative path of plain words, that leads nowhere else.

    >>> is_name("results.json"), is_name("kernel/edge/v4.rules"), is_name("../results.json"), is_name("a//b"), is_name(".x")
    (True, True, False, False, False)
    """
    parts = name.split("/")
    return bool(_NAME.fullmatch(name)) and len(parts) <= _DEEPEST and all(len(part) <= _LONGEST for part in parts)


def as_name(text: str) -> str:
    """A word of any text, by which a file or folder of a bundle may be called.

    >>> as_name("edge::web[world->web tcp/443]"), as_name("../.."), as_name("")
    ('edge_web_world-_web_tcp_443_', '_', '_')
    """
    word = _NOT_IN_A_NAME.sub("_", text)[:_LONGEST].lstrip(".=,-")
    return word if is_name(word) else "_"


def digest(content: bytes) -> str:
    """The SHA-256 of it, in hexadecimal digits."""
    return sha256(content).hexdigest()


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest as it is written and signed."""
    return json_text(written(Manifest, manifest)).encode()


def sums(manifest: Manifest, content: bytes) -> bytes:
    """The same for ``sha256sum -c``: a line for each file, the manifest among them."""
    listed = {one.name: one.sha256 for one in manifest.files} | {MANIFEST: digest(content)}
    return "".join(f"{listed[name]}  {name}\n" for name in sorted(listed)).encode()


def read_manifest(content: bytes, name: str) -> Manifest:
    """The manifest in the file ``name``; raises InputError for what is none."""
    where = Where(name)
    try:
        data = json.loads(content.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise InputError(Problem(f"this is no manifest: {why}", where)) from None
    if not isinstance(data, dict):
        raise InputError(Problem("this is no manifest: it is no mapping", where))
    known = version_of(Manifest)
    if type(data.get("version")) is not int or data["version"] != known:
        raise InputError(Problem(f"its version is {data.get('version')!r:.40}, and this lab reads version {known}", where))
    return _checked(data, where)


def _checked(data: dict[str, Any], where: Where) -> Manifest:
    from pydantic import ValidationError

    try:
        manifest = _adapter().validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(Problem(f"this is no manifest: `{place}`: {first['msg']}", where)) from None
    for wrong in _wrong(manifest):
        raise InputError(Problem(f"this is no manifest: {wrong}", where))
    return manifest


@cache
def _adapter() -> TypeAdapter[Manifest]:
    """Made once: it takes longer than a bundle to be read, and a folder has many."""
    return adapter(Manifest)


def _wrong(manifest: Manifest) -> Sequence[str]:
    names = [one.name for one in manifest.files]
    found = [f"{name!r:.80} is no name of a file in it" for name in names if not is_name(name) or name in BESIDE]
    found += [f"{one.name} has no SHA-256" for one in manifest.files if not _DIGEST.fullmatch(one.sha256)]
    if names != sorted(set(names)):
        found.append("its files are not listed once each, by name")
    if len(names) > MOST_FILES or sum(one.size for one in manifest.files) > MOST_BYTES:
        found.append("it lists more than a bundle may have")
    found += [f"{time!r:.40} is no time" for time in (manifest.begun, manifest.ended) if not _TIME.fullmatch(time)]
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it has a key twice")
    return found
