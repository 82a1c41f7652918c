"""What is sent to many may come to the INPUT chain of every node."""

from __future__ import annotations

import pytest

from lab.ruleset.held_save import chains_of_save
from lab.ruleset.memories import Flow, Memories
from lab.ruleset.save import read_save
from tests.kernel.scenes import CLIENT, SERVER, corridor, topology


@pytest.mark.parametrize(
    ("destination", "remembered"), [("224.0.0.1", 1), ("255.255.255.255", 1), ("10.0.1.255", 1), (SERVER, 0), ("10.0.2.99", 0)]
)
def test_input_is_on_the_way(destination: str, remembered: int) -> None:
    text = "*filter\n:INPUT DROP [0:0]\n-A INPUT -m limit --limit 1/hour -j ACCEPT\nCOMMIT"
    memories = Memories(topology(corridor()), {"gateway": chains_of_save("ip", read_save(text))})
    flow = Flow(4, "udp", ((53, 53),), ("client", None), "client", (CLIENT,), destination)
    assert len(memories.in_the_way(flow)) == remembered
