"""What one process tells another of its network is read back as it was written, and nothing else is."""

from __future__ import annotations

import json

import pytest

from lab.errors import InputError
from lab.kernel.stage.handles import NamespaceHandle, NetworkHandles, NodeHandle
from lab.kernel.stage.node import Port

PORT = Port("lan", "inside", 1001, b"\x02\x4c\0\0\x03\xe9", ("10.0.1.1", "fd00::1"))
NODE = NodeHandle(name="gateway", descriptor=7, inode=4026532323, ports=(PORT,), sysctls={"net.ipv4.ip_forward": "1"})
BRIDGE = NamespaceHandle(name="bridge of inside", descriptor=8, inode=4026532400)
HANDLES = NetworkHandles(pid=4711, diameter=3, ruled=("gateway",), nodes=(NODE,), bridges=(BRIDGE,))


def test_it_is_plain_json() -> None:
    told = HANDLES.to_json()
    assert NetworkHandles.from_json(told) == HANDLES
    assert json.loads(told)["nodes"][0]["ports"][0]["mac"] == "024c000003e9"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        (HANDLES.to_json().replace('"pid"', '"pit"'), "pid: Field required"),
        (HANDLES.to_json().replace("3,", '"3",', 1), "diameter: Input should be a valid integer"),
        (HANDLES.to_json().replace("024c", "zz"), "nodes.0.ports.0.mac"),
        (HANDLES.to_json().replace("}", ',"more":1}', 1), "more"),
    ],
)
def test_what_is_something_else(text: str, word: str) -> None:
    with pytest.raises(InputError, match=r"this is no handle of a network: ") as caught:
        NetworkHandles.from_json(text)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)
