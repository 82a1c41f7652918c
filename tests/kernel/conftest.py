"""Labs for tests, each taken down when its test ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from lab.errors import MachineError
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.privileges import require
from lab.kernel.stage.node import Node
from lab.kernel.watch.drop_reason import DropReasons
from lab.lab import Lab
from lab.prepare.plan import Choices, Plan
from lab.prepare.plans import make_plans
from lab.record.result import CellResult, RunResult
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.run.runner import Order, run
from tests.kernel.scenes import rulesets, topology

LabOf = Callable[..., Lab]

settings.register_profile("soak", max_examples=100_000)


@pytest.fixture(scope="session", autouse=True)
def _may_build_labs() -> None:
    try:
        require()
    except MachineError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def kernel_tells() -> bool:
    """Whether this kernel gives its own reasons for drops outside the rules."""
    reasons = DropReasons.open()
    if reasons is None:
        return False
    reasons.close()
    return True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a module that says ``ON_BOTH_BACKENDS = True`` on each, and of ``ON_LEGACY = True`` on that."""
    if "backend" in metafunc.fixturenames:
        legacy = [Backend.LEGACY] if getattr(metafunc.module, "ON_LEGACY", False) else [Backend.NFT]
        both = getattr(metafunc.module, "ON_BOTH_BACKENDS", False)
        metafunc.parametrize("backend", list(Backend) if both else legacy, ids=str)


@pytest.fixture
def lab_of(backend: Backend) -> Iterator[LabOf]:
    """Builds a lab of a topology and rulesets as text: ``lab_of(corridor(), gateway=table("filter", …))``."""
    with ExitStack() as undo:

        def build(written: Mapping[str, Any], **texts: str | Rulesets) -> Lab:
            policies = {
                name: rulesets(text, name=name) if isinstance(text, str) else text for name, text in texts.items()
            }
            return undo.enter_context(Lab(topology(written), policies, backend=backend))

        yield build


@pytest.fixture
def node() -> Iterator[Node]:
    """A node on its own, without any interface but the loopback."""
    home = Home()
    alone = Node("alone", home)
    yield alone
    alone.close()
    home.close()


class Silent:
    """A listener that nobody reads."""

    def started(self, cells: int) -> None:
        """Told the number of cells."""

    def cell(self, result: CellResult) -> None:
        """Told a result."""

    def asking(self, cell_id: str, ahead: int, done: int, of: int) -> None:
        """Told how far a long cell is."""

    def finished(self) -> None:
        """Told the end."""


class Project:
    """A folder with one matrix, its topology and its policies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for kind in ("topologies", "policies", "matrices"):
            (folder / kind).mkdir()

    def plans(
        self, written: Mapping[str, Any], rulesets: Mapping[str, str], flows: Sequence[Mapping[str, Any]],
        backend: Backend = Backend.NFT,
    ) -> list[Plan]:  # fmt: skip
        """The plans of a matrix with ``flows``, written down and read again; a ruleset may be a script of nft."""
        name = written["topology"]
        self._write("topologies", f"{name}.yaml", json.dumps(written))
        for node, text in rulesets.items():
            self._write("policies", f"{node}.{'nft' if text.startswith('table ') else 'rules'}", text)
        matrix = {
            "matrix": "made",
            "about": "Made by a test.",
            "for": next(iter(rulesets)),
            "topology": name,
            "policies": {node: node for node in rulesets},
            "flows": flows,
        }
        return make_plans([self._write("matrices", "made.yaml", json.dumps(matrix))], Choices(), [backend])

    def run(
        self,
        written: Mapping[str, Any],
        rulesets: Mapping[str, str],
        flows: Sequence[Mapping[str, Any]],
        order: Order | None = None,
        *,
        backend: Backend = Backend.NFT,
    ) -> RunResult:
        """What ``lab run`` makes of a matrix with ``flows``."""
        return run(self.plans(written, rulesets, flows, backend), order or Order(), Silent())

    def _write(self, kind: str, name: str, text: str) -> Path:
        path = self._folder / kind / name
        path.write_text(text)
        return path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project's folder, to write a matrix into and run it."""
    return Project(tmp_path)
