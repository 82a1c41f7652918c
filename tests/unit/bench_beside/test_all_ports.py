from __future__ import annotations

import pytest
from all_ports import answering

FILTERED = "Not shown: 65075 filtered tcp ports (no-response), 460 closed tcp ports (reset)\n"
LISTED = """Not shown: 986 filtered tcp ports (no-response)
PORT      STATE  SERVICE
10000/tcp closed snet-sensor-mgmt
10004/tcp open   emcrmirccd
"""


@pytest.mark.parametrize(
    ("output", "count"), [(FILTERED, 460), (LISTED, 2), ("All 65535 scanned ports are filtered\n", 0), ("", 0)]
)
def test_ports_that_nmap_calls_open_or_closed_answered(output: str, count: int) -> None:
    assert answering(output) == count
