"""A route that the kernel refuses is told with its file and line, and with what is in its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError
from lab.kernel.stage.network import Network
from lab.written.load import load_topology

TOPOLOGY = """\
topology: two-ways
networks:
  wan: 198.51.100.0/24
  lan: [10.20.1.0/24, "2001:db8:a::/64"]
nodes:
  world: {role: internet, interfaces: {wan: 198.51.100.254}, anyip: true, via: gateway}
  gateway:
    role: gateway
    interfaces: {wan: 198.51.100.1, lan: [10.20.1.1, "2001:db8:a::1"]}
    via: world
    routes:
      - 10.99.0.0/16 via 10.20.1.7
      - ROUTE
  inner: {role: client, interfaces: {lan: [10.20.1.7, "2001:db8:a::7"]}, via: gateway}
"""


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ("default via 10.20.1.7", "File exists: `via: world` is a default route already"),
        ("10.99.0.0/16 via 198.51.100.254", "File exists: route '10.99.0.0/16 via 10.20.1.7' leads there already"),
        ("10.99.0.0/16 via 10.20.1.7", "File exists: route '10.99.0.0/16 via 10.20.1.7' leads there already"),
        ("10.20.1.0/24 dev lan", "File exists: the address of lan leads there already"),
    ],
)
def test_a_route_that_is_one_too_many(route: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "two-ways.yaml"
    file.write_text(TOPOLOGY.replace("ROUTE", route))
    with pytest.raises(InputError) as error:
        Network(load_topology(file))
    (problem,) = error.value.problems
    assert problem.what == f"gateway: the kernel refuses route {route!r}: {words}"
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == (str(file), 13)
    assert "metric N" in problem.mend
