"""The page of drill files names every key and every word that a drill may have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from lab.written.drill import FAULT_KINDS, Drill
from lab.written.drill_faults import BootFile, Fault
from lab.written.drill_parts import CLASSES, HAPPENINGS, Answer, Debrief, Improvements, Inject, Stage

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "drill-files.md").read_text(encoding="utf-8")
CODE = set(re.findall(r"`([^`\n]+)`", PAGE)) | {words.split(":")[0] for words in re.findall(r"`([^`\n]+)`", PAGE)}
SHOWN = set(re.findall(r"[{ ,(\[]*([\w-]+):", PAGE)) | set(re.findall(r"[\w-]+", " ".join(CODE)))


@pytest.mark.parametrize("kind", [Drill, Fault, Answer, Inject, Debrief, Improvements, Stage, BootFile])
def test_every_key_is_there(kind: type[BaseModel]) -> None:
    keys = {str(field.alias or name) for name, field in kind.model_fields.items()}
    assert keys - SHOWN == set()


def test_every_word_is_there() -> None:
    assert {*FAULT_KINDS, *HAPPENINGS, *CLASSES} - CODE == set()
