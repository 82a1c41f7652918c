"""The interface that rules of OUTPUT see of a packet that a mark had routed anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab.record.lead import Lead
from lab.why.case import Case
from lab.why.rerouted import rerouted
from tests.unit.why.walks import failed, listing, told, way

MARKS = "marks type route hook output priority mangle; policy accept;\ntcp dport 443 meta mark set 0x7"
SHUTS = 'out type filter hook output priority filter; policy accept;\noifname != "tun0" drop'
STEPS = ("inet/t:marks:1 continue", "inet/t:marks:policy accept", "inet/t:out:1 drop")


def denied(*chains: str, steps: tuple[str, ...] = STEPS, marked: str | None = "tun0", plain: str = "eth0", **keys: Any) -> Case:
    held = listing(*(chains or (MARKS, SHUTS)))
    path = way(held, *steps, **{"entered": None, "toward": "eth0", "mark": 7, **keys})

    def ask(node: str, address: str, _source: str | None, mark: int) -> Lead:
        return Lead(node, address, marked if mark else plain)

    return replace(failed(held, path), ask_route=ask)


def test_the_interface_of_before() -> None:
    (hint,) = told(rerouted, denied())
    assert hint == (
        "gateway inet t:marks:1 marked it, and with its mark 0x7 its way is by tun0; but rules of OUTPUT see eth0, where it "
        "was routed before, and so inet t:out:1 took it: ask for the interface in POSTROUTING, where rules see the way that it "
        "truly takes"
    )


def test_where_it_is_no_cause() -> None:
    assert told(rerouted, denied(marked="eth0")) == []
    assert told(rerouted, denied(marked=None)) == []
    assert told(rerouted, denied(mark=0, plain="tun0")) == []
    assert told(rerouted, denied(entered="lan")) == []
    assert told(rerouted, denied(MARKS, SHUTS.replace('oifname != "tun0"', "tcp dport 443"))) == []
    by_policy = SHUTS.replace("accept", "drop").replace('!= "tun0" drop', '"tun0" accept')
    assert told(rerouted, denied(MARKS, by_policy, steps=(*STEPS[:2], "inet/t:out:policy drop"))) == []
    assert told(rerouted, denied(MARKS.replace("route", "filter"), SHUTS)) == []
