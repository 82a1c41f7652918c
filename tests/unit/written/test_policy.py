"""Which files a policy is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import Where
from lab.written.find_policy import Found, resolve_given, resolve_policy
from lab.written.load import load_matrix
from lab.written.policy import EnvVar, PolicyFiles, PolicySpec
from tests.unit.written.written import MATRIX, assert_told, changed

WHERE = Where("m.yaml", 5, 11)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    (folder / "vars").mkdir(parents=True)
    for name in ("edge.rules.j2", "edge.rules6.j2", "edge.ipset", "plain.rules", "both.rules", "both.rules.j2", "six.rules6",
                 "twice6.rules", "twice6.rules6", "twice6.rules6.j2", "sets.ipset.j2", "native.nft.j2", "native.rules6",
                 "full.nft", "full.rules", "full.ipset", "full.rules6", "vars/prod.yaml"):  # fmt: skip
        (folder / name).write_text("")
    (tmp_path / "secret.rules").write_text("")
    (folder / "out.nft").symlink_to(tmp_path / "secret.rules")
    (folder / "away").symlink_to(tmp_path)
    (folder / "linked.rules").write_text("")
    (folder / "linked.rules6").symlink_to(tmp_path / "secret.rules")
    return folder


def test_a_short_name_takes_what_is_there(folder: Path) -> None:
    edge = resolve_policy("edge", [folder])
    files = (folder / "edge.rules.j2", folder / "edge.rules6.j2", folder / "edge.ipset")
    assert edge == PolicyFiles("edge", folder, *files)
    assert resolve_policy("plain", [folder]) == PolicyFiles("plain", folder, v4=folder / "plain.rules")
    assert resolve_policy("six", [folder]) == PolicyFiles("six", folder, v6=folder / "six.rules6")
    native = resolve_policy("native", [folder])
    assert native == PolicyFiles("native", folder, v6=folder / "native.rules6", nft=folder / "native.nft.j2")


def test_files_come_in_the_order_that_they_are_loaded_in(folder: Path) -> None:
    full = {"ipset": "full.ipset", "v4": "full.rules", "v6": "full.rules6", "nft": "full.nft"}
    for value in ("full", dict(reversed(full.items()))):
        found = resolve_policy(value, [folder]).files()
        assert list(found.items()) == [(kind, folder / file) for kind, file in full.items()]


def test_a_nearer_folder_is_taken_alone(folder: Path, tmp_path: Path) -> None:
    nearer = tmp_path / "nearer"
    nearer.mkdir()
    (nearer / "full.rules6").write_text("")
    assert resolve_policy("full", [nearer, folder]) == PolicyFiles("full", nearer, v6=nearer / "full.rules6")
    apart = {"v6": "full.rules6", "nft": "full.nft"}
    assert resolve_policy(apart, [folder, nearer]).folder == folder
    assert_told(lambda: resolve_policy(apart, [nearer, folder], WHERE), 5, "no file 'full.nft'", str(nearer))


def test_the_nearest_folder_goes_first(folder: Path, tmp_path: Path) -> None:
    nearer = tmp_path / "nearer"
    nearer.mkdir()
    assert resolve_policy("plain", [nearer, folder]).folder == folder
    (nearer / "plain.rules").write_text("")
    assert resolve_policy("plain", [nearer, folder]).folder == nearer


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("egde", ["no policy 'egde'", "egde.rules[.j2], egde.rules6[.j2], egde.nft[.j2]", "did you mean 'edge'?"]),
        ("nativ", ["no policy 'nativ'", "did you mean 'native'?"]),
        ("both", ["twice", "both.rules.j2", "both.rules", "{v4: both.rules.j2}"]),
        ("twice6", ["twice", "twice6.rules6.j2", "twice6.rules6", "{v6: twice6.rules6.j2}"]),
        ("sets", ["only sets.ipset.j2", "its ruleset is missing", "sets.rules[.j2], sets.rules6[.j2], sets.nft[.j2]"]),
        ({"v6": "../secret.rules"}, ["leads out"]),
        ({"v4": "plain.rules", "ipset": "../secret.rules"}, ["leads out"]),
        ({"v4": "plain.rules", "nft": "out.nft"}, ["a link that leads out"]),
        ({"nft": "none.nft"}, ["no file 'none.nft'"]),
        ({"nft": "native.nft.j2", "v6": "none.rules6"}, ["no file 'none.rules6'"]),
        ({"nft": "full.nft", "includes": {"/etc/nftables.d": "none.d"}}, ["no folder 'none.d'", "null"]),
        ({"nft": "full.nft", "includes": {"/etc/nftables.d": "away"}}, ["a link that leads out"]),
        ("linked", ["a link that leads out"]),
        ("../secret", ["leads out"]),
        ("/etc/passwd", ["leads out"]),
        ({"v4": "../secret.rules"}, ["leads out"]),
        ({"v4": "none.rules"}, ["no file 'none.rules'"]),
        ({"v4": "plain.rules", "vars": ["vars/none.yaml"]}, ["no file 'vars/none.yaml'"]),
        ({"v4": "plain.rules", "vars": ["../secret.rules"]}, ["leads out"]),
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
    assert (files.name, dict(files.files())) == ("edge", {"v4": folder / "edge.rules.j2"})
    assert files.vars == (folder / "vars/prod.yaml", {"wan": "eth0", "rate": 1.5}, EnvVar("SITE"))
    assert files.jinja == {"trim_blocks": True}


def test_a_renderer_of_ones_own(folder: Path) -> None:
    files = resolve_policy({"render": ["make", "-s", "rules"]}, [folder / "none", folder])
    assert (files.render, files.v4, files.folder) == (("make", "-s", "rules"), None, folder)


def test_a_file_from_the_command_line_may_lie_anywhere(folder: Path) -> None:
    found = resolve_given("gateway", str(folder.parent / "secret.rules"), [])
    assert found == Found(PolicyFiles("secret", folder.parent, v4=folder.parent / "secret.rules"), whole=False)


@pytest.mark.parametrize(
    ("file", "name", "kind"),
    [
        ("edge.rules.j2", "edge", "v4"),
        ("edge.rules6.j2", "edge", "v6"),
        ("six.rules6", "six", "v6"),
        ("edge.ipset", "edge", "ipset"),
        ("sets.ipset.j2", "sets", "ipset"),
        ("native.nft.j2", "native", "nft"),
        ("vars/prod.yaml", "prod.yaml", "v4"),
    ],
)
def test_its_ending_says_what_a_file_from_the_command_line_is(file: str, name: str, kind: str, folder: Path) -> None:
    found = resolve_given("gateway", str(folder / file), []).files
    assert (found.name, found.folder, found.files()) == (name, (folder / file).parent, {kind: folder / file})


def test_inline_variables_are_what_yaml_says(tmp_path: Path) -> None:
    inline = "{v4: x, vars: [{inline: {rate: 1.5, night: 22:30, on: yes, n: 3}}]}"
    found = load_matrix(changed(MATRIX, "{gateway: edge-gateway}", f"{{gateway: {inline}}}", tmp_path))
    policy = found.policies["gateway"]
    assert isinstance(policy, PolicySpec)
    assert policy.vars == ({"rate": 1.5, "night": "22:30", "on": "yes", "n": 3},)


def test_a_file_takes_the_place_of_its_own_kind(tmp_path: Path) -> None:
    for name in ("edge.rules", "edge.rules6", "edge.ipset", "new.rules6", "new.rules", "native.nft"):
        (tmp_path / name).write_text("")
    whole = {"v4": "edge.rules", "v6": "edge.rules6", "ipset": "edge.ipset", "vars": [{"env": "SITE"}]}
    edge = resolve_policy(whole, [tmp_path])
    six = resolve_given("gateway", str(tmp_path / "new.rules6"), []).files.replacing(edge)
    assert six.files() == {"ipset": edge.ipset, "v4": edge.v4, "v6": tmp_path / "new.rules6"}
    assert six.vars == (EnvVar("SITE"),)
    native = resolve_given("gateway", str(tmp_path / "native.nft"), []).files.replacing(edge)
    assert native.files() == {"ipset": edge.ipset, "nft": tmp_path / "native.nft"}
    assert resolve_given("gateway", str(tmp_path / "new.rules"), []).files.replacing(native).files().keys() == {"ipset", "v4"}
