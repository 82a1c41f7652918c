"""Every example of README.md and docs/ is read as the lab reads it: what is printed there works, or this fails.

The info string of a fence says what a block is.  ``yaml`` is a whole topology, matrix, change or drill, told by its first key.
``yaml fragment`` is a part that is parsed only; ``yaml fragment of topology`` or ``of matrix`` is laid over the document's own
one, which is then checked again.  ``jinja policies/NAME`` is a policy of the document's matrix; ``python`` is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.prepare.checked import check_drill
from lab.prepare.plan import Choices, make_plan
from lab.ruleset.save import read_save
from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.change import Change
from lab.written.change_checks import check_change
from lab.written.expect.rule import RULE
from lab.written.expect.through import THROUGH
from lab.written.intended import admin_cells, intended_cells
from lab.written.load import find_topology, load_topology, search_folders
from lab.written.matrix import Matrix
from lab.written.matrix_checks import check_matrix
from lab.written.messages import validated
from lab.written.topology import Topology
from lab.written.topology_checks import check_topology
from lab.written.yaml_source import Document, read_yaml

ROOT = Path(__file__).resolve().parents[3]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: the page and line that it begins at, its info string, its text."""

    page: Path
    line: int
    info: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page.name}:{self.line}"

    def read(self) -> Document:
        """The YAML in it, with the lines of the page."""
        return read_yaml("\n" * self.line + self.text, self.name)


def blocks_of(page: Path) -> tuple[Block, ...]:
    """The fenced blocks of one page, in its order."""
    text = page.read_text(encoding="utf-8")
    return tuple(
        Block(page, text.count("\n", 0, found.start()) + 1, found["info"].strip(), found["text"])
        for found in FENCE.finditer(text)
    )


BLOCKS = tuple(block for page in PAGES for block in blocks_of(page))


def chosen(language: str) -> list[Any]:
    """The blocks of one language, as parameters that are called after their page and line."""
    return [pytest.param(block, id=block.name) for block in BLOCKS if block.info.split()[:1] == [language]]


def first_key(block: Block) -> str:
    data = block.read().data
    return str(next(iter(data))) if isinstance(data, dict) else ""


def whole(page: Path, kind: str) -> Document | None:
    """The page's own topology or matrix."""
    return next((block.read() for block in blocks_of(page) if block.info == "yaml" and first_key(block) == kind), None)


def topology_in(document: Document) -> Topology:
    topology = validated(Topology, document)
    topology.remember(document)
    assert [str(problem) for problem in check_topology(topology)] == []
    return topology


def cells_in(document: Document, page: Path) -> tuple[Cell, ...]:
    """The cells of a matrix on the topology that the page shows, else on the shipped one that it names."""
    matrix = validated(Matrix, document)
    matrix.remember(document)
    assert [str(problem) for problem in check_matrix(matrix)] == []
    own = whole(page, "topology")
    if own is not None and own.data["topology"] == matrix.topology:
        return expand(matrix, topology_in(own))
    shipped = find_topology(matrix.topology, search_folders(ROOT / "matrices" / "any.yaml"))
    return expand(matrix, load_topology(shipped))


def change_in(document: Document, page: Path) -> tuple[Cell, ...]:
    """The cells of a change on the topology that the page shows, whose matrices it names."""
    change = validated(Change, document)
    change.remember(document)
    assert [str(problem) for problem in check_change(change)] == []
    stage, held = whole(page, "topology"), whole(page, "matrix")
    assert stage is not None
    assert held is not None
    assert change.topology == stage.data["topology"]
    assert change.holds == (held.data["matrix"],)
    topology = topology_in(stage)
    assert admin_cells(change, topology)
    return intended_cells(change, topology)


def laid_over(document: Document, part: Mapping[str, Any]) -> Document:
    """The document with the keys of ``part`` in the place of its own; mappings are joined, a list takes a list's place."""
    joined = {
        key: {**document.data[key], **value} if isinstance(value, dict) and key in document.data else value
        for key, value in part.items()
    }
    return Document(document.file, {**document.data, **joined}, document.mark)


def test_pages_are_found() -> None:
    known = {"README.md", "changes.md", "commands.md", "formats.md", "house.md", "one-syn.md", "sequences.md", "verdicts.md"}
    assert known <= {page.name for page in PAGES}
    assert {block.info.split()[0] for block in BLOCKS if block.info} >= {"yaml", "jinja", "python", "console"}


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_every_fence_is_closed_and_named(page: Path) -> None:
    fences = [line for line in page.read_text(encoding="utf-8").splitlines() if line.lstrip().startswith("```")]
    assert len(fences) == 2 * len(blocks_of(page)), "a fence is indented, or not closed"
    assert all(block.info for block in blocks_of(page)), "a fence says what is in it: ```console, ```text, …"


@pytest.mark.parametrize("block", chosen("yaml"))
def test_yaml(block: Block, tmp_path: Path) -> None:
    document = block.read()
    kind = first_key(block)
    match block.info.split()[1:]:
        case [] if kind == "topology":
            topology_in(document)
        case [] if kind == "matrix":
            assert cells_in(document, block.page)
        case [] if kind == "change":
            assert change_in(document, block.page)
        case [] if kind == "drill":
            file = tmp_path / "drills" / f"{document.data['drill']}.yaml"
            file.parent.mkdir()
            file.write_text(block.text)
            assert check_drill(file, shipped=True).play.cells("check").cells
        case ["fragment"]:
            pass
        case ["fragment", "of", "topology"]:
            base = whole(block.page, "topology")
            assert base is not None, "the page shows no topology that this could be a fragment of"
            topology_in(laid_over(base, document.data))
        case ["fragment", "of", "matrix"]:
            base = whole(block.page, "matrix")
            assert base is not None, "the page shows no matrix that this could be a fragment of"
            assert cells_in(laid_over(base, document.data), block.page)
        case _:
            pytest.fail(f"{block.name}: neither a topology nor a matrix; mark a part with ```yaml fragment")


@pytest.mark.parametrize("block", chosen("jinja"))
def test_policy_renders_for_the_matrix_of_its_page(block: Block, tmp_path: Path) -> None:
    file = tmp_path / block.info.split()[1]
    file.parent.mkdir()
    file.write_text(block.text)
    for kind, folder in (("topology", "topologies"), ("matrix", "matrices")):
        shown = next(other for other in blocks_of(block.page) if other.info == "yaml" and first_key(other) == kind)
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{shown.read().data[kind]}.yaml").write_text(shown.text)
    plan = make_plan(next((tmp_path / "matrices").iterdir()), Choices())
    (rulesets,) = plan.policies.values()
    rendered = rulesets.v4
    assert rendered is not None
    assert rendered.file == block.info.split()[1], "the matrix of this page names another policy"
    comments = {rule.comment for rule in read_save(rendered.text).rules()}
    expected = [cell.expect for cell in plan.cells]
    named = {comment for expect in expected for comment in (expect.get(RULE), *(expect.get(THROUGH) or ()))}
    assert named - {None} <= comments


@pytest.mark.parametrize("block", chosen("python"))
def test_python(block: Block) -> None:
    compile("\n" * block.line + block.text, block.name, "exec")


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([\w-]*)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        led_to = page.parent / target if target else page
        assert led_to.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors_of(led_to), f"{page.name} links to {target}#{anchor}"


def anchors_of(page: Path) -> set[str]:
    """The anchors that its headings have."""
    headings = [line.lstrip("# ").lower() for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    return {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings}
