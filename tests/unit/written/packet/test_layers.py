"""The layers that a packet may have are scapy's, field by field, and reading one needs no scapy."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from lab.written.packet.layers import LAYERS, OPTIONS, Spec


@pytest.mark.parametrize(("name", "spec"), [*LAYERS.items(), *OPTIONS.items()])
def test_scapy_has_every_field(name: str, spec: Spec) -> None:
    known = {field.name for field in getattr(importlib.import_module(spec.module), name).fields_desc}
    assert set(spec.fields) <= known


def test_no_scapy_is_imported_to_read_one() -> None:
    code = (
        "import sys; from lab.written.matrix import Matrix; from lab.written.packet.layered import layered;"
        "layered('TCP(dport=1)'); assert not any(name.partition('.')[0] == 'scapy' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
