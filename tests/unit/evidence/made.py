"""Bundles for tests."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.evidence.bundle import write_bundle
from lab.report.wire.evidence import Author, Manifest, Outcome

PARTS: Mapping[str, bytes] = {
    "results.json": b'{"cells": []}\n', "rulesets/edge/v4.rules": b"*filter\nCOMMIT\n", "failed/a.pcapng": bytes(range(256)),
    "empty.txt": b"",
}  # fmt: skip


def manifest(**changes: Any) -> Manifest:
    values: dict[str, Any] = {
        "version": 1, "command": "run", "arguments": ("run", "--evidence", "kept"), "begun": "2026-11-28T02:07:11Z",
        "ended": "2026-11-28T02:07:19Z", "ticket": "CHG-1042", "revision": None,
        "outcome": Outcome(exit_code=1, passed=7, failed=2, said="7 of 9 cells passed"),
        "by": Author(user="anna", host="bastion", git=None), "machine": {"kernel": "6.18"}, "signer": None, "notes": (),
        "files": (), **changes,
    }  # fmt: skip
    return Manifest(**values)


def bundle(archive: Path, parts: Mapping[str, bytes] = PARTS, **changes: Any) -> Path:
    return write_bundle(archive, manifest(**changes), parts).folder


def tarred(folder: Path, file: Path, *, root: str = "", mode: str = "w") -> Path:
    """A tar of the folder's files, by Python's own writer; ``root`` is what stands before their names."""
    with tarfile.open(file, mode) as tar:  # type: ignore[call-overload]
        for path in sorted(folder.rglob("*")):
            tar.add(path, f"{root}{path.relative_to(folder)}", recursive=False)
    return file


def tar_of(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for info, content in entries:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()
