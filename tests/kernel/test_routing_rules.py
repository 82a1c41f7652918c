"""Routing rules in every word that a topology has for them, as the kernel then holds them."""

from __future__ import annotations

from typing import Any

import pytest
from pyroute2 import IPRoute

from lab.errors import InputError
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor

pytestmark = pytest.mark.kernel

WRITTEN = (
    "from 10.0.1.0/24 to 10.0.2.0/25 lookup 102 pref 100",
    "from all iif left oif right lookup main pref 101",
    "fwmark 2/0xff lookup 4096",
    "fwmark 3 lookup 103",
)
NUMBERS = ("table", "src_len", "dst_len", "family")
WORDS = ("FRA_TABLE", "FRA_PRIORITY", "FRA_SRC", "FRA_DST", "FRA_IIFNAME", "FRA_OIFNAME", "FRA_FWMARK", "FRA_FWMASK")


def held(lab_of: LabOf, node: dict[str, Any]) -> list[dict[str, Any]]:
    """What each rule of IPv4 says, in the kernel's order."""
    lab = lab_of(corridor(gateway=node))
    with lab.network.nodes["gateway"].namespace, IPRoute() as route:
        return [
            {name: rule[name] for name in NUMBERS}
            | {word: value for word in WORDS if (value := rule.get_attr(word)) is not None}
            for rule in route.get_rules(family=2)
        ]


def said(table: int, priority: int, **words: Any) -> dict[str, Any]:
    numbers = {"table": min(table, 252) if table > 255 else table, "src_len": 0, "dst_len": 0, "family": 2}
    return numbers | {"FRA_TABLE": table} | ({"FRA_PRIORITY": priority} if priority else {}) | words


def test_every_word(lab_of: LabOf) -> None:
    assert held(lab_of, {"rules": WRITTEN}) == [
        said(255, 0),
        said(102, 100, src_len=24, dst_len=25, FRA_SRC="10.0.1.0", FRA_DST="10.0.2.0"),
        said(254, 101, FRA_IIFNAME="left", FRA_OIFNAME="right"),
        said(4096, 32000, FRA_FWMARK=2, FRA_FWMASK=0xFF),
        said(103, 32000, FRA_FWMARK=3, FRA_FWMASK=0xFFFFFFFF),
        said(254, 32766),
        said(253, 32767),
    ]


def test_who_stands_for_others_still_has_its_own_addresses(lab_of: LabOf) -> None:
    assert held(lab_of, {"anyip": ["192.0.2.0/24"]}) == [
        said(255, 0, dst_len=8, FRA_DST="127.0.0.0", FRA_IIFNAME="lo"),
        said(255, 0, dst_len=32, FRA_DST="10.0.1.1", FRA_IIFNAME="lo"),
        said(255, 0, dst_len=32, FRA_DST="10.0.2.1", FRA_IIFNAME="lo"),
        said(254, 1, FRA_IIFNAME="lo"),
        said(255, 2),
        said(254, 32766),
        said(253, 32767),
    ]


def test_a_rule_that_the_kernel_refuses(lab_of: LabOf) -> None:
    with pytest.raises(InputError) as told:
        lab_of(corridor(gateway={"rules": ["fwmark 2 lookup 102", "fwmark 2 lookup 102"]}))
    assert str(told.value) == "gateway: the kernel refuses rule 'fwmark 2 lookup 102': File exists"
