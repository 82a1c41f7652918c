"""One backend at a time: what the other holds is found, and a ruleset that came to nothing too."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError, MeasurementError
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.tools import run
from lab.kernel.hold.line_map import LineMap, find_lines
from lab.kernel.hold.loading import load
from lab.kernel.hold.read_back import read_back
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

SHUT = table("filter", "-A FORWARD -p tcp -j DROP")
COUNTED = table("filter", "-A FORWARD -p tcp -j DROP", "-A FORWARD -p udp -j DROP")
TURNED = table("filter", "-I FORWARD -p tcp -j DROP", "-I FORWARD -s 10.0.1.3,10.0.1.2 -p udp -j DROP")
OTHER = {Backend.NFT: "iptables-legacy-restore", Backend.LEGACY: "iptables-nft-restore"}


def held(node: Node) -> tuple[list[str], list[str]]:
    """The tables of nf_tables and those of ip_tables in a node."""
    native = run(node.namespace, ["nft", "list", "tables"]).out.split("\n")
    with node.namespace:
        legacy = Path("/proc/thread-self/net/ip_tables_names").read_text().split()
    return [line for line in native if line and "lab_trace" not in line], legacy


def read(node: Node, of: Rulesets, backend: Backend) -> None:
    home = Home()
    lines = LineMap(home, of, backend)
    try:
        read_back(node, of, backend, lines)
    finally:
        lines.close()
        home.close()


def test_the_other_backend_holds_nothing(lab_of: LabOf, backend: Backend) -> None:
    native, legacy = held(lab_of(corridor(), gateway=SHUT).network.nodes["gateway"])
    assert (native, legacy) == ((["table ip filter"], []) if backend is Backend.NFT else ([], ["filter"]))


def test_rules_of_the_other_backend_are_found(node: Node, backend: Backend) -> None:
    assert run(node.namespace, [OTHER[backend]], SHUT).code == 0
    load(node, rulesets(SHUT), backend)
    with pytest.raises(MeasurementError, match="holds"):
        read(node, rulesets(SHUT), backend)


def test_a_ruleset_that_came_to_nothing_is_found(node: Node, backend: Backend) -> None:
    load(node, rulesets(table("filter")), backend)
    with pytest.raises(MeasurementError, match="the kernel holds no rule of it"):
        read(node, rulesets(SHUT), backend)


def test_a_refused_ruleset_leaves_nothing(node: Node, backend: Backend) -> None:
    """The first table was taken before the second one was refused."""
    wrong = table("filter", "-A FORWARD -j DROP", FORWARD="DROP") + table("nat", "-A PREROUTING -j MASQUERADE")
    with pytest.raises(InputError):
        load(node, rulesets(wrong), backend)
    saved = run(node.namespace, [f"iptables-{backend}-save", "-t", "filter"]).out
    assert "-A" not in saved
    assert "DROP" not in saved


@pytest.mark.parametrize("text", [COUNTED, TURNED], ids=["counted", "turned"])
def test_what_was_found_beside_the_building_is_what_is_found_before_it(lab_of: LabOf, backend: Backend, text: str) -> None:
    """Whoever builds another lab of the same policies gives it these lines."""
    lab = lab_of(corridor(), gateway=text)
    lines = lab.site.lines
    assert lines == find_lines(lab.topology, {"gateway": rulesets(text, name="gateway")}, backend)
    assert len(lines["gateway"].by_kind["v4"]) > 1
    assert lab.site.lines["gateway"].by_kind["v4"] == lab.policies["gateway"].lines["v4"]
