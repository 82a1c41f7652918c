"""How a lab is built: what the kernel refuses is named, whatever is sent along with it, and no number is too high."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pyroute2 import IPRoute

from lab.errors import InputError, MachineError, MeasurementError
from lab.kernel.ground.limits import raise_file_limit
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.rtnetlink import carry_out, set_up
from lab.kernel.stage import readiness
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.kernel.stage.wiring import LinkEnd, Wiring
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, table, topology

pytestmark = pytest.mark.kernel

MORE: dict[str, Any] = {"more": {"role": "client", "interfaces": {"left": "10.0.1.11"}, "via": "gateway"}}


@pytest.fixture
def pair() -> Iterator[tuple[Node, Node]]:
    """Two nodes with a link between them that is down at both ends."""
    with ExitStack() as undo:
        home = Home()
        undo.callback(home.close)
        one, two = Node("one", home), Node("two", home)
        undo.callback(one.close)
        undo.callback(two.close)
        Wiring(home).connect("wire", [LinkEnd(one, "wire", ()), LinkEnd(two, "wire", ())])
        yield one, two


def bring_up(node: Node) -> None:
    carry_out(node.name, node.namespace, [set_up("wire", node.ports["wire"].index)])


def links(node: Node) -> list[int]:
    with node.namespace, IPRoute() as route:
        return [link["index"] for link in route.get_links() if link["index"] != 1]


def test_descriptors_beyond_a_thousand(lab_of: LabOf) -> None:
    raise_file_limit(needed=2000)
    with ExitStack() as undo:
        for _ in range(1100):
            undo.callback(os.close, os.open("/dev/null", os.O_RDONLY))
        lab = lab_of(corridor(**MORE), gateway=table("filter", "-A FORWARD -p tcp -j ACCEPT", FORWARD="DROP"))
        assert lab.probe("more", "server", "tcp/443").allowed
        assert lab.probe("client", "server", "udp/443").denied


@pytest.mark.parametrize("place", [0, 99, 100, 149])
def test_one_of_many_that_is_refused_is_named(place: int) -> None:
    routes = [f"10.5.{number}.0/24 via 10.0.2.1" for number in range(150)]
    routes[place] = "10.6.0.0/24 via 10.77.0.1"
    with pytest.raises(InputError, match=r"^server: the kernel refuses route '10\.6\.0\.0/24 via 10\.77\.0\.1': Network"):
        Network(topology(corridor(server={"routes": routes})))


def test_the_first_of_several_that_are_refused_is_named() -> None:
    routes = ["10.5.0.0/24 via 10.0.2.1", "10.6.0.0/24 via 10.77.0.1", "10.5.0.0/24 via 10.0.2.1"]
    with pytest.raises(InputError, match=r"^server: the kernel refuses route '10\.6\.0\.0/24 via 10\.77\.0\.1'"):
        Network(topology(corridor(server={"routes": routes})))


def test_a_link_that_the_kernel_cannot_make(pair: tuple[Node, Node]) -> None:
    one, two = pair
    with pytest.raises(MachineError, match=r"^two: the kernel refuses the link wire: File exists$"):
        Wiring(one.namespace.home).connect("again", [LinkEnd(two, "wire", ()), LinkEnd(one, "other", ())])


def test_no_two_ends_of_links_have_one_index() -> None:
    network = Network(topology(corridor(**MORE)))
    try:
        indices = [port.index for node in network.nodes.values() for port in node.ports.values()]
        told = [index for node in network.nodes.values() for index in links(node)]
        assert sorted(told) == sorted(indices), "as the kernel has them"
        told += [index for node in network._wiring.bridges for index in links(node)]
        assert len(told) == 5 + 3 + 1, "ends at nodes, ports of the bridge, the bridge"
        assert len(set(told)) == len(told)
    finally:
        network.close()


def test_a_link_that_stays_down_is_named(pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "DEADLINE_S", 0.01)
    bring_up(pair[0])
    with pytest.raises(MeasurementError, match=r"^one: wire not up"):
        readiness.wait_until_up(pair)


def test_a_link_is_waited_for(pair: tuple[Node, Node]) -> None:
    bring_up(pair[0])
    later = threading.Timer(0.05, bring_up, [pair[1]])
    later.start()
    readiness.wait_until_up(pair)
    later.join()
    bring_up(pair[1])
    readiness.wait_until_up(pair)
