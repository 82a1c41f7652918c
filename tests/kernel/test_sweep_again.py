"""One sweep after the other in one lab: what is kept from one to the next is sound, and goes with the lab."""

from __future__ import annotations

import pytest

from lab.kernel.ground.tools import run
from lab.lab import Lab
from lab.probe import frames
from lab.record.sweep import Gear, Sweep
from lab.sweep.lane import Lanes
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, rulesets, table

pytestmark = pytest.mark.kernel

GEARS = pytest.mark.parametrize("gear", list(Gear))
MORE = {
    f"more{number}": {"role": "client", "interfaces": {"left": f"10.0.1.{number}"}, "via": "gateway"} for number in (21, 22)
}


def dropping(ports: str) -> str:
    return table("filter", f"-A FORWARD -p tcp --dport {ports} -j DROP")


def swept(lab: Lab, gear: Gear, sender: str = "client", service: str = "tcp/100-299") -> Sweep:
    return lab.sweep(sender, "server", service, gear=gear, every_port=True)


def dropped(sweep: Sweep) -> list[tuple[int, int]]:
    return [keys for group in sweep.groups if group.verdict.denied for keys in group.keys]


def packet_sockets(lab: Lab, node: str = "client") -> list[str]:
    """The inodes of a node's packet sockets."""
    told = run(lab.network.nodes[node].namespace, ["cat", "/proc/thread-self/net/packet"]).out
    return [line.split()[-1] for line in told.splitlines()[1:]]


def tables(lab: Lab) -> str:
    return run(lab.network.nodes["gateway"].namespace, ["nft", "list", "tables"]).out


def test_all_sweeps_send_from_one_socket_for_each_thread(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=dropping("150:199"))
    swept(lab, Gear.RULE)
    (first,) = packet_sockets(lab)
    for gear in Gear:
        assert dropped(swept(lab, gear)) == [(150, 199)]
        assert packet_sockets(lab) == [first]
    for _ in range(2):
        assert dropped(swept(lab, Gear.VERDICT, service="tcp/1-3000")) == [(150, 199)]
    assert set(packet_sockets(lab)) >= {first}
    assert len(packet_sockets(lab)) <= 2, "another processor may help"


@GEARS
def test_more_senders_than_sockets_are_kept_of(lab_of: LabOf, gear: Gear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAME_SOCKETS", 2)
    lab = lab_of(corridor(**MORE), gateway=dropping("150:199"))
    for sender in ("client", *MORE, "client", "client"):
        assert dropped(swept(lab, gear, sender)) == [(150, 199)]
        assert sum(len(packet_sockets(lab, name)) for name in ("client", *MORE)) <= 2
    assert len(packet_sockets(lab)) == 1


@GEARS
def test_the_rules_are_exchanged_between_two_sweeps(lab_of: LabOf, gear: Gear) -> None:
    lab = lab_of(corridor(), gateway=dropping("150:199"))
    for ports in ("150-199", "120-129", "200-299"):
        lab.load("gateway", rulesets(dropping(ports.replace("-", ":"))))
        assert dropped(swept(lab, gear)) == [tuple(map(int, ports.split("-")))]
    assert "lab_count" not in tables(lab)


@GEARS
def test_a_sweep_that_is_interrupted_leaves_nothing_to_the_next(
    lab_of: LabOf, gear: Gear, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = lab_of(corridor(), gateway=dropping("150:199"))
    send, sent = Lanes.send, list[int]()

    def interrupted(self: Lanes, keys: list[int]) -> None:
        sent.append(len(keys))
        send(self, keys)
        if len(sent) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Lanes, "send", interrupted)
    with pytest.raises(KeyboardInterrupt):
        swept(lab, gear)
    assert "lab_count" not in tables(lab)
    assert dropped(swept(lab, gear)) == [(150, 199)]
    assert len(sent) > 1
