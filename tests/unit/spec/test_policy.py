"""Which files a policy is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import Where
from lab.spec.load import load_matrix
from lab.spec.policy import EnvVar, PolicySpec, resolve_policy
from tests.unit.spec.written import MATRIX, assert_told, changed

WHERE = Where("m.yaml", 5, 11)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    (folder / "vars").mkdir(parents=True)
    for name in ("edge.rules.j2", "edge.rules6.j2", "edge.ipset", "plain.rules", "both.rules", "both.rules.j2", "six.rules6",
                 "sets.ipset", "native.nft.j2",
                 "vars/prod.yaml"):  # fmt: skip
        (folder / name).write_text("")
    (tmp_path / "secret.rules").write_text("")
    return folder


def test_a_short_name_takes_what_is_there(folder: Path) -> None:
    edge = resolve_policy("edge", [folder])
    assert (edge.name, edge.folder) == ("edge", folder)
    assert edge.files == {
        "ipset": folder / "edge.ipset", "v4": folder / "edge.rules.j2", "v6": folder / "edge.rules6.j2",
    }  # fmt: skip
    assert resolve_policy("plain", [folder]).files == {"v4": folder / "plain.rules"}
    assert resolve_policy("six", [folder]).files == {"v6": folder / "six.rules6"}
    assert resolve_policy("native", [folder]).files == {"nft": folder / "native.nft.j2"}


def test_the_nearest_folder_goes_first(folder: Path, tmp_path: Path) -> None:
    nearer = tmp_path / "nearer"
    nearer.mkdir()
    assert resolve_policy("plain", [nearer, folder]).folder == folder
    (nearer / "plain.rules").write_text("")
    assert resolve_policy("plain", [nearer, folder]).folder == nearer


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("egde", ["no policy 'egde'", "did you mean 'edge'?"]),
        ("both", ["twice", "both.rules.j2", "both.rules"]),
        ("sets", ["there is only sets.ipset", "its ruleset is missing"]),
        ({"v6": "none.rules6", "v4": "plain.rules"}, ["no file 'none.rules6'"]),
        ("../secret", ["leads out"]),
        ("/etc/passwd", ["leads out"]),
        ({"v4": "../secret.rules"}, ["leads out"]),
        ({"v4": "none.rules"}, ["no file 'none.rules'"]),
        ({"v4": "plain.rules", "vars": ["vars/none.yaml"]}, ["no file 'vars/none.yaml'"]),
        ({"v4": "plain.rules", "vars": ["../secret.rules"]}, ["leads out"]),
        (Path("none.rules"), ["no policy file 'none.rules'"]),
    ],
)
def test_what_cannot_be_found(value: object, words: list[str], folder: Path) -> None:
    assert_told(lambda: resolve_policy(value, [folder], WHERE), 5, *words)  # type: ignore[arg-type]


def test_in_full(folder: Path) -> None:
    files = resolve_policy(
        {"v4": "edge.rules.j2", "vars": ["vars/prod.yaml", {"inline": {"wan": "eth0", "rate": 1.5}}, {"env": "SITE"}],
         "jinja": {"trim_blocks": True}},
        [folder],
    )  # fmt: skip
    assert (files.name, files.files) == ("edge", {"v4": folder / "edge.rules.j2"})
    assert files.vars == (folder / "vars/prod.yaml", {"wan": "eth0", "rate": 1.5}, EnvVar("SITE"))
    assert files.jinja == {"trim_blocks": True}


def test_a_renderer_of_ones_own(folder: Path) -> None:
    files = resolve_policy({"render": ["make", "-s", "rules"]}, [folder / "none", folder])
    assert (files.render, files.files, files.folder) == (("make", "-s", "rules"), {}, folder)


def test_a_file_from_the_command_line_may_lie_anywhere(folder: Path) -> None:
    files = resolve_policy(folder.parent / "secret.rules", [])
    assert (files.name, files.files) == ("secret", {"v4": folder.parent / "secret.rules"})


@pytest.mark.parametrize(
    ("file", "kind"), [("edge.rules.j2", "v4"), ("edge.rules6.j2", "v6"), ("edge.ipset", "ipset"), ("native.nft.j2", "nft")]
)
def test_a_file_is_of_the_kind_that_its_name_ends_in(folder: Path, file: str, kind: str) -> None:
    assert resolve_policy(folder / file, []).files == {kind: folder / file}


def test_a_file_takes_the_place_of_its_own_kind(folder: Path) -> None:
    edge = resolve_policy("edge", [folder])
    six = resolve_policy(folder / "six.rules6", []).replacing(edge)
    assert six.files == {"ipset": folder / "edge.ipset", "v4": folder / "edge.rules.j2", "v6": folder / "six.rules6"}
    native = resolve_policy(folder / "native.nft.j2", []).replacing(edge)
    assert native.files == {"ipset": folder / "edge.ipset", "nft": folder / "native.nft.j2"}
    assert resolve_policy(folder / "plain.rules", []).replacing(native).files.keys() == {"ipset", "v4"}


def test_inline_variables_are_what_yaml_says(tmp_path: Path) -> None:
    inline = "{v4: x, vars: [{inline: {rate: 1.5, night: 22:30, on: yes, n: 3}}]}"
    found = load_matrix(changed(MATRIX, "{gateway: edge-gateway}", f"{{gateway: {inline}}}", tmp_path))
    policy = found.policies["gateway"]
    assert isinstance(policy, PolicySpec)
    assert policy.vars == ({"rate": 1.5, "night": "22:30", "on": "yes", "n": 3},)
