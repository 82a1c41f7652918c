"""Three counts that have to agree, and which of them differ where they do not."""

from __future__ import annotations

from collections import Counter

import pytest

from lab.kernel.watch.stream_table import Passed
from lab.probe.stream.agreement import Captured, disagreements
from lab.probe.stream.ears import Heard
from lab.record.window import StreamOf

WEB = StreamOf("web", "client", "10.0.1.10", "10.0.2.10", "tcp/80")
OWN = StreamOf("own", "gateway", "10.0.2.1", "10.0.2.10", "tcp/80")


def captured(left: int, **arrived: int) -> Captured:
    return Captured(Counter({0: left}), Counter({(0, node): times for node, times in arrived.items()}))


@pytest.mark.parametrize(
    ("seen", "counted"),
    [
        (captured(5, server=3), {"gateway": Passed(5, 0, 0, 3)}),
        (captured(5), {"gateway": Passed(5, 0, 0, 0)}),
        (captured(5, gateway=2), {"gateway": Passed(5, 0, 2, 0)}),
        (captured(5, server=4), {"gateway": Passed(5, 0, 0, 5), "second": Passed(5, 0, 0, 4)}),
        (captured(5, server=5), {}),
        (captured(5, server=2, other=3), {"gateway": Passed(5, 0, 0, 5)}),
    ],
)
def test_what_agrees(seen: Captured, counted: dict[str, Passed]) -> None:
    assert disagreements([WEB], [5], seen, {node: [passed] for node, passed in counted.items()}) == []


@pytest.mark.parametrize(
    ("seen", "counted", "said"),
    [
        (captured(4, server=3), Passed(4, 0, 0, 3), "5 were sent, and 4 left client"),
        (captured(5, server=3), Passed(5, 0, 0, 4), "5 were sent and 4 left gateway, and there came 5 to gateway, 3 to server"),
        (captured(5, server=4), Passed(5, 0, 0, 3), "5 were sent and 3 left gateway, and there came 5 to gateway, 4 to server"),
        (captured(5), Passed(4, 0, 0, 0), "5 were sent and 0 left gateway, and there came 4 to gateway"),
        (captured(5, gateway=1), Passed(5, 0, 2, 0), "gateway took in 2, and 1 were heard there"),
    ],
)
def test_what_does_not(seen: Captured, counted: Passed, said: str) -> None:
    assert disagreements([WEB], [5], seen, {"gateway": [counted]}) == [f"web: {said}"]


def test_what_its_own_rules_ate_never_left() -> None:
    assert disagreements([OWN], [5], captured(2, server=2), {"gateway": [Passed(0, 5, 0, 2)]}) == []
    said = disagreements([OWN], [5], captured(2, server=2), {"gateway": [Passed(0, 6, 0, 2)]})
    assert said == ["own: 5 were sent, and 6 came to the rules of gateway"]
    said = disagreements([OWN], [5], captured(1, server=2), {"gateway": [Passed(0, 5, 0, 2)]})
    assert said == ["own: 2 passed the rules of gateway, and 1 left it"]


def test_many_are_told_in_short() -> None:
    said = disagreements([WEB] * 9, [5] * 9, Captured(), {})
    assert said[4:] == ["and 5 more"]


def test_what_leaves_another_node_than_its_sender_is_no_departure() -> None:
    found = Captured()
    for node, outgoing in (("client", True), ("gateway", True), ("server", False)):
        found.add(Heard(0, 0, 1, node, outgoing, (b"", b"", b"", b"")), "client")
    assert (found.left, found.arrived) == ({0: 1}, {(0, "server"): 1})
