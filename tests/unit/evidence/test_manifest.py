"""A manifest is read as it was written, and nothing else is taken for one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from lab.errors import InputError
from lab.evidence.manifest import as_name, is_name, manifest_bytes, read_manifest, sums
from lab.report.wire.evidence import BundledFile
from lab.report.wire.schema import evidence_schema
from tests.unit.evidence.made import manifest

FILE = BundledFile(name="results.json", size=3, sha256="0" * 64)
LISTED = replace(manifest(), files=(FILE, replace(FILE, name="rulesets/edge/v4.rules")))


def test_it_is_read_as_it_was_written_and_is_what_its_schema_says() -> None:
    content = manifest_bytes(LISTED)
    assert read_manifest(content, "manifest.json") == LISTED
    jsonschema.validate(json.loads(content), evidence_schema())
    assert manifest_bytes(read_manifest(content, "manifest.json")) == content


def test_the_sums_have_a_line_for_each_file_and_for_the_manifest() -> None:
    content = manifest_bytes(LISTED)
    own = hashlib.sha256(content).hexdigest()
    zeros = "0" * 64
    assert sums(LISTED, content).decode() == f"{own}  manifest.json\n{zeros}  results.json\n{zeros}  rulesets/edge/v4.rules\n"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": 2}, "its version is 2"),
        ({"version": True}, "its version is True"),
        ({"begun": "yesterday"}, "'yesterday' is no time"),
        ({"command": "rm"}, "`command`"),
        ({"files": [{"name": "../x", "size": 1, "sha256": "0" * 64}]}, "'../x' is no name"),
        ({"files": [{"name": "/etc/x", "size": 1, "sha256": "0" * 64}]}, "'/etc/x' is no name"),
        ({"files": [{"name": "a\nb", "size": 1, "sha256": "0" * 64}]}, "is no name"),
        ({"files": [{"name": "manifest.json", "size": 1, "sha256": "0" * 64}]}, "'manifest.json' is no name"),
        ({"files": [{"name": "x", "size": 1, "sha256": "0" * 63}]}, "x has no SHA-256"),
        ({"files": [{"name": "x", "size": -1, "sha256": "0" * 64}]}, "`files.0.size`"),
        ({"files": [{"name": "x", "size": 1 << 40, "sha256": "0" * 64}]}, "more than a bundle may have"),
        ({"files": [{"name": "x", "size": 1, "sha256": "0" * 64}] * 2}, "not listed once each"),
        ({"files": [{"name": one, "size": 1, "sha256": "0" * 64} for one in "ba"]}, "not listed once each, by name"),
    ],
)
def test_what_is_none_is_told(changes: dict[str, Any], told: str) -> None:
    content = json.dumps(json.loads(manifest_bytes(LISTED)) | changes).encode()
    with pytest.raises(InputError, match=told.replace(".", r"\.")):
        read_manifest(content, "manifest.json")


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{", b"[" * 100_000, b'{"version": 1, "version": 1}', b"{}"])
def test_what_is_no_document_is_told(content: bytes) -> None:
    with pytest.raises(InputError, match=r"manifest\.json: "):
        read_manifest(content, "manifest.json")


@pytest.mark.parametrize("text", ["", ".", "..", "/", "a/../b", "-rf", "\n", "a::b[c->d tcp/1]", "é" * 300, ".x", "a" * 500])
def test_any_text_becomes_a_name(text: str) -> None:
    assert is_name(as_name(text))
