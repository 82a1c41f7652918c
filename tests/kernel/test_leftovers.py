"""What is left of a lab that was taken down, or that could not be built: nothing, and the machine is as before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pyroute2 import IPRoute

from lab.errors import InputError, LabError, MachineError, MeasurementError
from lab.kernel.ground.tools import Running
from lab.kernel.stage.node import Node
from lab.kernel.watch.instrument import Instrument
from lab.lab import Lab
from tests.kernel.scenes import corridor, table, topology
from tests.kernel.scenes import rulesets as of

pytestmark = pytest.mark.kernel

GOOD = {"gateway": table("filter", FORWARD="DROP")}
MOVING = ("/proc/sys/net/netfilter/nf_conntrack_count", "/proc/sys/net/ipv4/route/flush")
BRIDGED: dict[str, Any] = {"more": {"role": "client", "interfaces": {"left": "10.0.1.11"}, "via": "gateway"}}


def held() -> dict[str, int]:
    """What this process has open, and which network namespaces its threads and children are in."""
    found: dict[str, int] = {}
    for place in Path("/proc/self/fd").iterdir():
        try:
            name = str(place.readlink())
        except FileNotFoundError:
            continue  # the descriptor by which the folder itself was read
        kind = name.partition(":")[0] if name.startswith(("socket:", "pipe:")) else name
        found[kind] = found.get(kind, 0) + 1
    for task in Path("/proc/self/task").iterdir():
        try:
            where, children = (task / "ns/net").readlink(), (task / "children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):  # a thread that was just joined, which the kernel still lists
            continue
        found[f"thread in {where}"] = 1
        found["children"] = found.get("children", 0) + len(children)
    return found


def machine() -> dict[str, object]:
    """The machine's own links, addresses, routes, rules and sysctls."""
    with IPRoute() as route:
        found: dict[str, object] = {
            "links": [(link["index"], link.get_attr("IFLA_IFNAME"), link["flags"]) for link in route.get_links()],
            "addresses": sorted(str(address.get_attr("IFA_ADDRESS")) for address in route.get_addr()),
            "routes": sorted(str(entry["attrs"]) for entry in route.get_routes(family=2)),
            "rules": sorted(str(entry["attrs"]) for entry in route.get_rules(family=2)),
        }
    for path in Path("/proc/sys/net").rglob("*"):
        if path.is_file() and str(path) not in MOVING:
            try:
                found[str(path)] = path.read_text()
            except OSError:
                continue  # written only, or for the machine's owner alone
    return found


def build(written: Mapping[str, Any], rulesets: Mapping[str, str]) -> Lab:
    return Lab(topology(written), {name: of(text, name=name) for name, text in rulesets.items()})


FAILURES = [
    pytest.param(corridor(gateway={"routes": ["10.5.0.0/16 via 10.77.0.1"]}), GOOD, InputError, "10.77.0.1", id="bad route"),
    pytest.param(corridor(server={"routes": ["10.5.0.0/16 via 10.0.2.1"] * 2}), GOOD, InputError, "exists", id="duplicate"),
    pytest.param(corridor(server={"sysctls": {"net.ipv4.nonsense": 1}}), GOOD, InputError, "nonsense", id="no such sysctl"),
    pytest.param(corridor(client={"sysctls": {"net.ipv4.ip_default_ttl": 999}}), GOOD, InputError, "999", id="bad sysctl"),
    pytest.param(corridor(server={"sysctls": {"net.ipv4.conf.right.nonsense": 1}}), GOOD, InputError, "right", id="of a port"),
    pytest.param(corridor(), {"gateway": "*filter\n-A FORWARD -j NOWHERE\nCOMMIT\n"}, InputError, "NOWHERE", id="bad rule"),
    pytest.param(corridor(), {**GOOD, "server": "*filter\n-A\nCOMMIT\n"}, InputError, "server.rules:2", id="second policy"),
    pytest.param(
        corridor(), {"gateway": table("filter", "-A FORWARD -m geoip --source-country DE -j DROP")}, MachineError, "geoip",
        id="missing extension",
    ),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _once_before() -> None:
    """Whatever is opened once and kept for the life of the process is opened before anything is compared."""
    build(corridor(), GOOD).close()


@pytest.mark.parametrize(("written", "rulesets", "error", "word"), FAILURES)
def test_a_failure_half_way(
    written: Mapping[str, Any], rulesets: Mapping[str, str], error: type[LabError], word: str
) -> None:
    before = held()
    with pytest.raises(error, match=word):
        build(written, rulesets)
    assert held() == before


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_an_instrument_that_cannot_be_armed(monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    before, seen = held(), 0

    def blind(instrument: Instrument) -> None:
        nonlocal seen
        seen += 1
        if seen == calls:
            raise MeasurementError(())

    monkeypatch.setattr(Instrument, "canary", blind)
    with pytest.raises(MeasurementError), build(corridor(), {**GOOD, "server": table("filter")}) as lab, lab.batch():
        pass
    assert held() == before


@pytest.mark.parametrize("ruleset", ["*filter\nCOMMIT\n", "*filter\n-A\nCOMMIT\n"])
def test_a_tool_that_nobody_waited_for(node: Node, ruleset: str) -> None:
    before = held()
    running = Running(node.namespace, ["iptables-nft-restore"], ruleset)
    assert held() != before
    running.stop()
    assert held() == before


def test_after_a_life_full_of_probes() -> None:
    before = held()
    with build(corridor(**BRIDGED), GOOD) as lab:
        for service in ("tcp/443", "udp/53", "icmp/echo-request"):
            lab.probe("client", "server", service)
            lab.probe("client", "more", service)
        lab.probe("client", "server", "tcp/443", ack=True)
        with lab.everything_traced(), lab.captured() as capture:
            lab.probe("client", "server", "tcp/443")
            assert capture.frames()
    assert held() == before


def test_the_machine_itself_is_never_touched() -> None:
    before = machine()
    with build(corridor(**BRIDGED, gateway={"sysctls": {"net.ipv4.conf.all.rp_filter": 1}}), GOOD) as lab:
        lab.probe("client", "server", "tcp/443")
        assert machine() == before
    with pytest.raises(InputError):
        build(corridor(gateway={"routes": ["10.5.0.0/16 via 10.77.0.1"]}), GOOD)
    assert machine() == before
