"""The corridor in both families."""

from __future__ import annotations

from typing import Any

from tests.kernel.scenes import CLIENT, FAR, NEAR, SERVER, corridor

CLIENT_6, SERVER_6 = "2001:db8:1::10", "2001:db8:2::10"
NEAR_6, FAR_6 = "2001:db8:1::1", "2001:db8:2::1"


def dual(**gateway: Any) -> dict[str, Any]:
    """Client, gateway and server; the arguments are further keys of the gateway."""
    written = corridor(
        client={"interfaces": {"left": [CLIENT, CLIENT_6]}}, server={"interfaces": {"right": [SERVER, SERVER_6]}},
        gateway={"interfaces": {"left": [NEAR, NEAR_6], "right": [FAR, FAR_6]}, **gateway},
    )  # fmt: skip
    return {**written, "networks": {"left": ["10.0.1.0/24", "2001:db8:1::/64"], "right": ["10.0.2.0/24", "2001:db8:2::/64"]}}
