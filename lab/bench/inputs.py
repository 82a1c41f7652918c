"""The fixed inputs: ci/bench.d in a checkout, and the same folder in the package where that is installed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.ruleset.template import render
from lab.written.load import load_topology
from lab.written.shipped import shipped_root
from lab.written.topology import Topology


def folder() -> Path:
    """Where topologies, policies and matrices to measure with are."""
    return shipped_root() / "ci" / "bench.d"


def text_of(file: str, **variables: object) -> Rendered:
    """A text of the policies, rendered as the lab renders: ``two-hundred.rules``."""
    return render(folder() / "policies" / f"{file}.j2", variables, {}, {})


def policy(name: str, **variables: object) -> Rulesets:
    """A policy of iptables among the inputs, rendered."""
    return Rulesets(v4=text_of(f"{name}.rules", **variables))


def grown(file: str, entries: int) -> Rendered:
    """A text of the policies that has as many ``entries`` as are asked for; not by the lab's renderer, for speed."""
    text = _written(f"policies/{file}", entries=entries)
    return Rendered(text, (None,) * text.count("\n"), f"policies/{file}.j2")


def topology(name: str) -> Topology:
    """A topology of the inputs."""
    return load_topology(folder() / "topologies" / f"{name}.yaml")


def topology_of(nodes: int) -> Topology:
    """A topology of that many nodes: one gateway, and networks of nine hosts."""
    text = _written("topologies/many.yaml", nodes=nodes)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "many.yaml"
        path.write_text(text)
        return load_topology(path)


@contextmanager
def project(cells: int) -> Iterator[Path]:
    """A matrix of that many cells in a project of its own, which is gone afterwards."""
    with _project("cells", ["topologies/three.yaml", "policies/two-hundred.rules.j2"], cells=cells) as matrix:
        yield matrix


@contextmanager
def project_of(name: str, *, limits: bool = True) -> Iterator[Path]:
    """A matrix with a ruleset as people have them, its limiters left in or out, in a project as above."""
    policies = [f"policies/{path.name}" for path in sorted((folder() / "policies").glob(f"{name}.*"))]
    with _project(name, [f"topologies/{name}.yaml", *policies], limits=limits) as matrix:
        yield matrix


@contextmanager
def _project(name: str, files: Sequence[str], **variables: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for kept in files:
            (root / kept).parent.mkdir(exist_ok=True)
            (root / kept).write_text((folder() / kept).read_text())
        matrix = root / "matrices" / f"{name}.yaml"
        matrix.parent.mkdir()
        matrix.write_text(_written(f"matrices/{name}.yaml", **variables))
        yield matrix


def _written(file: str, **variables: int) -> str:
    """A template of our own with its variables; it needs no sandbox."""
    environment = Environment(
        loader=FileSystemLoader(folder()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(f"{file}.j2").render(variables)
