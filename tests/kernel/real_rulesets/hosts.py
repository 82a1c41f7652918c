"""The machine that a dump was taken of, read from what `ip` printed there; it lies beside the checkout as the dumps do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_interface
from pathlib import Path

import pytest

from lab.record.host import Dumped, Host, Link
from tests.kernel.real_rulesets.dumps import FOLDER, loadable

_LINK = re.compile(r"\d+: (\S+): .* mtu (\d+) ")
_ADDRESS = re.compile(r"inet ([\d.]+)(?:/(\d+)| peer ([\d.]+)/(\d+)) ")
_TABLES = {"DSL": 101, "KABEL": 102, "FREIFUNK": 103}


def openlab_host() -> Host:
    """The host of openlab_multiuplink; skips the test where it is not there."""
    folder = FOLDER / "openlab_host"
    if not folder.exists():
        pytest.skip(f"{folder.name} is not beside the checkout")
    routes = [(4, line) for line in _lines(folder / "ip-route-list.txt")]
    for name in _TABLES:
        routes += [(4, f"{line} table {name}") for line in _lines(folder / f"ip-route-list-table-{name}.txt")]
    return Host(
        "openlab", tuple(_links((folder / "ip-4-addr-show.txt").read_text())), tuple(routes),
        tuple((4, line) for line in _lines(folder / "ip-rule.txt")),
        {number: name for name, number in _TABLES.items()},
        {"v4": Dumped(loadable("openlab_multiuplink").text, "openlab_multiuplink.v4.rules")},
        sysctls={"net.ipv4.ip_forward": "1"},
    )  # fmt: skip


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if line.strip()]


def _links(text: str) -> Iterator[Link]:
    for part in re.split(r"(?m)^(?=\d+: )", text):
        if (link := _LINK.match(part)) is not None:
            found = list(_ADDRESS.finditer(part))
            yield Link(
                link[1], tuple(ip_interface(f"{one[1]}/{one[2] or one[4]}") for one in found),
                "tun" if link[1].startswith("tap") else "bridge" if link[1].startswith("br") else None,
                mtu=int(link[2]), peer=tuple(one[3] for one in found if one[3]),
            )  # fmt: skip
