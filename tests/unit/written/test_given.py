"""What a person gives a node on the command line finds what a matrix finds, and more than one file of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError
from lab.written.find_policy import Given, and_what_is_left_out, resolve_given, resolve_policy
from lab.written.policy import Piped

PIPED = Piped("v4", "*filter\nCOMMIT\n", "<standard input>")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "policies"
    (folder / "site").mkdir(parents=True)
    for name in ("edge.rules", "edge.rules6.j2", "edge.ipset", "lone.rules", "site/door.nft", "site/door.rules6"):
        (folder / name).write_text("")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return folder


@pytest.mark.parametrize(
    ("given", "files"),
    [
        ("edge.rules", {"v4": "edge.rules"}),
        ("policies/edge.rules", {"v4": "edge.rules"}),
        ("policies/edge", {"ipset": "edge.ipset", "v4": "edge.rules", "v6": "edge.rules6.j2"}),
        ("site/door", {"v6": "site/door.rules6", "nft": "site/door.nft"}),
        ("site/door.nft", {"nft": "site/door.nft"}),
        (("edge.rules", "edge.rules6.j2"), {"v4": "edge.rules", "v6": "edge.rules6.j2"}),
        (("lone.rules", "policies/edge.ipset"), {"ipset": "edge.ipset", "v4": "lone.rules"}),
    ],
)
def test_a_path_is_looked_for_from_the_policies_folder_on(given: Given, files: dict[str, str], folder: Path) -> None:
    assert resolve_given("gateway", given, [folder]).files.files() == {kind: folder / name for kind, name in files.items()}


def test_a_name_with_its_folder_is_what_a_matrix_takes_by_it(folder: Path) -> None:
    assert resolve_given("gateway", "policies/edge", [folder]).files == resolve_policy("edge", [folder])
    assert resolve_given("gateway", "edge", [folder]).whole
    assert not resolve_given("gateway", "edge.rules", [folder]).whole


def test_the_working_folder_goes_first(folder: Path) -> None:
    Path("edge.rules").write_text("")
    assert resolve_given("gateway", "edge.rules", [folder]).files.files() == {"v4": Path("edge.rules")}


@pytest.mark.parametrize(
    ("given", "notes"),
    [
        ("edge.rules", ("edge.rules was named alone: edge.ipset and edge.rules6.j2 beside it are not loaded",)),
        ("site/door.nft", ("door.nft was named alone: door.rules6 beside it is not loaded",)),
        ("lone.rules", ()),
        ("edge", ()),
        (("edge.rules", "edge.rules6.j2", "edge.ipset"), ()),
        (
            ("edge.rules", "edge.ipset"),
            ("edge.ipset and edge.rules were named alone: edge.rules6.j2 beside them is not loaded",),
        ),
    ],
)
def test_what_lies_beside_a_file_that_was_named_alone_is_told(given: Given, notes: tuple[str, ...], folder: Path) -> None:
    found = resolve_given("gateway", given, [folder])
    assert and_what_is_left_out(found.files, found).notes == notes
    edge = resolve_policy("edge", [folder])
    beside = and_what_is_left_out(found.files.replacing(edge), found).notes
    assert beside == (notes if found.files.name == "door" else ())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("edge.rules", "lone.rules"), "gateway is given two rulesets of one kind (v4): "),
        ((PIPED, PIPED), "two rulesets of one kind (v4): <standard input> and <standard input>"),
        (("edge", "lone.rules"), "gateway is given edge and lone: a whole policy stands alone"),
        ("edgy.rules", "there is no policy file 'edgy.rules': looked for edgy.rules, "),
        ("edgy.rules", "did you mean 'edge.rules'?"),
    ],
)
def test_what_cannot_be_is_told(given: Given, words: str, folder: Path) -> None:
    with pytest.raises(InputError) as error:
        resolve_given("gateway", given, [folder])
    assert words in str(error.value)


def test_what_came_by_a_pipe_takes_the_place_of_its_kind(folder: Path) -> None:
    found = resolve_given("gateway", PIPED, [folder])
    assert (found.files.sources(), found.whole) == ({"v4": PIPED}, False)
    edge = found.files.replacing(resolve_policy("edge", [folder]))
    assert edge.sources() == {"ipset": folder / "edge.ipset", "v4": PIPED, "v6": folder / "edge.rules6.j2"}
    assert edge.folder == folder or edge.around(folder / "edge.rules6.j2") == folder
