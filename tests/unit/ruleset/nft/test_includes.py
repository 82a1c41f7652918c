"""Includes of an nft script: expanded as nft does it, from the policy's own folder alone."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from lab.errors import InputError
from lab.ruleset.nft.includes import MAX_DEPTH, expand
from lab.ruleset.render import Rendered
from lab.written.policy import Includes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A policy's folder with a few files."""
    home = tmp_path / "policies"
    (home / "rules.d").mkdir(parents=True)
    for name in ("b", "a", "B", ".hidden"):
        (home / "rules.d" / f"{name}.nft").write_text(f"define {name.strip('.')} = 1\n")
    (home / "rules.d" / "c.nft").mkdir()
    (home / "two.nft").write_text("ip saddr 192.0.2.1 drop\nreturn\n")
    (tmp_path / "outside.nft").write_text("drop\n")
    return home


def script(text: str) -> Rendered:
    return Rendered(text, tuple(f"policies/edge.nft:{n}" for n in range(1, len(text.splitlines()) + 1)), "policies/edge.nft")


def expanded(text: str, folder: Path) -> list[tuple[str, str]]:
    """Each line that is not blank, with its source."""
    whole = expand(script(text), folder)
    lines = whole.text.split("\n")
    assert len(whole.sources) == len(lines) - (lines[-1] == "")
    return [
        (line.strip(), (source or "?").removeprefix("policies/"))
        for line, source in zip(lines, whole.sources, strict=False) if line.strip()
    ]


def refused(text: str, folder: Path) -> str:
    with pytest.raises(InputError) as refusal:
        expand(script(text), folder)
    (problem,) = refusal.value.problems
    assert problem.mend
    return str(problem)


def test_a_script_without_includes_stays_as_it_is(folder: Path) -> None:
    plain = script('table t { comment "none here"; }\n')
    assert expand(plain, folder) is plain
    quoted = 'log prefix "include \\" # include "x"\n'
    assert expand(script(quoted), folder).text == quoted


def test_lines_know_where_they_were_written(folder: Path) -> None:
    text = 'table t {\n chain c {\n  accept\n  include "two.nft"\n  drop\n }\n}\n'
    assert expanded(text, folder) == [
        ("table t {", "edge.nft:1"), ("chain c {", "edge.nft:2"), ("accept", "edge.nft:3"),
        ("ip saddr 192.0.2.1 drop", "two.nft:1"), ("return", "two.nft:2"),
        ("drop", "edge.nft:5"), ("}", "edge.nft:6"), ("}", "edge.nft:7"),
    ]  # fmt: skip


@pytest.mark.parametrize("include", [
    'include "two.nft"', 'include "./two.nft"', 'include "two.nft";', 'include"two.nft" # why', 'include \\\n "two.nft"',
    '\tinclude  "two.nft"', 'include "tw[o].nft"', 'include "t?o.nft"',
])  # fmt: skip
def test_ways_to_write_an_include(include: str, folder: Path) -> None:
    assert [line for line, _ in expanded(f"{include}\naccept\n", folder)] == ["ip saddr 192.0.2.1 drop", "return", "accept"]


def test_an_include_within_a_line(folder: Path) -> None:
    assert expanded('chain c { include "two.nft"; accept; }\n', folder) == [
        ("chain c {", "edge.nft:1"), ("ip saddr 192.0.2.1 drop", "two.nft:1"), ("return", "two.nft:2"),
        ("accept; }", "edge.nft:1"),
    ]  # fmt: skip


def test_wildcards_match_in_the_order_of_bytes_and_hide_dots_and_folders(folder: Path) -> None:
    assert expanded('include "rules.d/*.nft"\n', folder) == [
        ("define B = 1", "rules.d/B.nft:1"), ("define a = 1", "rules.d/a.nft:1"), ("define b = 1", "rules.d/b.nft:1"),
    ]  # fmt: skip
    assert [source for _, source in expanded('include "*/[ab].nft"\n', folder)] == ["rules.d/a.nft:1", "rules.d/b.nft:1"]


def test_a_wildcard_may_match_nothing_and_a_folder_includes_nothing(folder: Path) -> None:
    assert expanded('accept\ninclude "none.d/*"\ninclude "rules.d"\ndrop\n', folder) == [
        ("accept", "edge.nft:1"), ("drop", "edge.nft:4"),
    ]  # fmt: skip


def test_files_that_are_included_include_by_names_of_the_same_folder(folder: Path) -> None:
    (folder / "rules.d" / "deep.nft").write_text('# first\ninclude "two.nft"\ndrop\n')
    assert [source for _, source in expanded('include "rules.d/deep.nft"\n', folder)] == [
        "rules.d/deep.nft:1", "two.nft:1", "two.nft:2", "rules.d/deep.nft:3",
    ]  # fmt: skip


def test_a_file_without_a_last_newline_runs_into_what_follows_as_in_nft(folder: Path) -> None:
    (folder / "open.nft").write_text("tcp sport 3")
    assert expanded('include "open.nft"\n tcp dport 3\n', folder) == [("tcp sport 3 tcp dport 3", "open.nft:1")]
    (folder / "rules.d" / "a.nft").write_text("tcp dport 3")
    assert expanded('include "open.nft"\n include "rules.d/a.nft"\n;drop\n', folder) == [
        ("tcp sport 3 tcp dport 3;drop", "open.nft:1"),
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["# no end", "accept \\"])
def test_a_file_whose_last_line_would_swallow_what_follows(end: str, folder: Path) -> None:
    (folder / "open.nft").write_text(f"accept\n{end}")
    assert "policies/open.nft:2: " in refused('include "open.nft"\naccept\n', folder)


def test_a_quote_that_is_never_closed(folder: Path) -> None:
    (folder / "open.nft").write_text('accept comment "x\n')
    assert "never closed" in refused('include "open.nft"\naccept comment "y"\n', folder)


@pytest.mark.parametrize(("name", "words"), [
    ("none.nft", "there is no such file"),
    ("/etc/passwd", "names a file of the host"),
    ("../outside.nft", "outside the policy's folder"),
    ("rules.d/../../outside.nft", "outside the policy's folder"),
    ("../*.nft", "outside the policy's folder"),
    ("*/*/*/*.nft", "wildcards in more than 3 parts"),
    ("/etc/nftables.d/*.nft", "{nft: FILE, includes: {/etc/nftables.d: FOLDER}}"),
    ("link.nft", "by a link"),
    ("linked.d/outside.nft", "by a link"),
    ("lin*.nft", "by a link"),
    ("loop.nft", "loop.nft"),
    ("pipe.nft", "is not an ordinary file"),
    ("latin.nft", "not UTF-8"),
])  # fmt: skip
def test_refused_names_are_told_with_their_line(name: str, words: str, folder: Path) -> None:
    (folder / "link.nft").symlink_to("../outside.nft")
    (folder / "linked.d").symlink_to("..")
    (folder / "loop.nft").symlink_to("loop.nft")
    (folder / "latin.nft").write_bytes(b"# \xe9\n")
    os.mkfifo(folder / "pipe.nft")
    said = refused(f'accept\n\ninclude "{name}"\n', folder)
    assert said.startswith("policies/edge.nft:3: ")
    assert name in said
    assert words in said


def test_links_within_the_folder_are_followed(folder: Path) -> None:
    (folder / "link.nft").symlink_to("rules.d/a.nft")
    assert expanded('include "link.nft"\n', folder) == [("define a = 1", "link.nft:1")]


def test_a_refusal_within_an_included_file_names_that_file(folder: Path) -> None:
    (folder / "rules.d" / "deep.nft").write_text('# first\ninclude "/etc/passwd"\n')
    assert refused('include "rules.d/deep.nft"\n', folder).startswith("policies/rules.d/deep.nft:2: ")


@pytest.mark.parametrize("text", ['include "two.nft"', "include two.nft\n", 'include "two.nft" accept\n', "include\n",
                                  'include "a" "b"\n', "include $file\n", 'chain c { include "two.nft" }\n'])
def test_what_nft_does_not_take_for_a_whole_include(text: str, folder: Path) -> None:
    assert refused(text, folder).startswith("policies/edge.nft:1: this `include` is not complete")


def test_includes_within_each_other_have_an_end(folder: Path) -> None:
    for depth in range(1, MAX_DEPTH):
        (folder / f"n{depth}.nft").write_text(f'include "n{depth + 1}.nft"\n')
    (folder / f"n{MAX_DEPTH}.nft").write_text("drop\n")
    assert expanded('include "n1.nft"\n', folder) == [("drop", f"n{MAX_DEPTH}.nft:1")]
    (folder / "self.nft").write_text('include "self.nft"\n')
    assert "policies/self.nft:1: " in refused('include "self.nft"\n', folder)


def test_many_files_and_much_text_have_an_end(folder: Path) -> None:
    (folder / "empty.nft").write_text("")
    for depth in range(3):
        (folder / f"many{depth}.nft").write_text(f'include "many{depth + 1}.nft"\n' * 20)
    (folder / "many3.nft").write_text('include "empty.nft"\n' * 20)
    assert "more than 4096 files" in refused('include "many0.nft"\n', folder)
    (folder / "large.nft").write_text("# " + "x" * 1_000_000 + "\n")
    assert "larger than 16 MiB" in refused('include "large.nft"\n' * 20, folder)


def mapped(text: str, folder: Path, here: str | None = "rules.d", host: str = "/etc/nftables.d") -> list[str | None]:
    """The sources of what a script of no folder includes, where the host's folder is mapped."""
    whole = expand(script(text), None, Includes(folder, {PurePosixPath(host): here}))
    return [source for line, source in zip(whole.text.split("\n"), whole.sources, strict=False) if line.strip()]


@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("/etc/nftables.d/*.nft", ["policies/rules.d/B.nft:1", "policies/rules.d/a.nft:1", "policies/rules.d/b.nft:1"]),
        ("/etc/nftables.d/a.nft", ["policies/rules.d/a.nft:1"]),
        ("/etc/nftables.d/none.d/*.nft", []),
        ("/etc/nftables.d/*.conf", []),
        ("/etc/nftables.d", []),
    ],
)
def test_an_absolute_name_is_read_where_the_policy_says(name: str, sources: list[str], folder: Path) -> None:
    assert mapped(f'include "{name}"\n', folder) == sources


def test_the_nearest_mapping_counts_and_a_mapping_may_say_that_nothing_is_there(folder: Path) -> None:
    text = 'include "/etc/nftables.d/a.nft"\n'
    assert mapped(text, folder, None) == []
    assert mapped(text, folder, "rules.d/a.nft", "/etc/nftables.d/a.nft") == ["policies/rules.d/a.nft:1"]
    one = Includes(folder, {PurePosixPath("/etc/nftables.d"): None, PurePosixPath("/etc/nftables.d/a.nft"): "rules.d/b.nft"})
    assert expand(script(text), None, one).sources == ("policies/rules.d/b.nft:1",)
    both = Includes(folder, {PurePosixPath("/"): None, PurePosixPath("/etc/nftables.d"): "rules.d"})
    assert expand(script(text), None, both).sources == ("policies/rules.d/a.nft:1",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/etc/nftables.d/none.nft", "there is no such file"),
        ("/etc/nftables.d/../outside.nft", "outside the policy's folder"),
        ("/etc/nftables.d/link.nft", "leads out of the policy's folder by a link"),
        ("/etc/nftables.d/l*.nft", "leads out of the policy's folder by a link"),
        ("/etc/other.nft", "includes: {/etc: FOLDER}"),
        ("/etc/*/a.nft", "names a file of the host"),
        ("a.nft", "this text lies in none"),
    ],
)
def test_a_mapping_leads_nowhere_else(name: str, words: str, folder: Path) -> None:
    (folder / "rules.d" / "link.nft").symlink_to(folder.parent / "outside.nft")
    with pytest.raises(InputError, match=r"policies/edge\.nft:1") as error:
        mapped(f'include "{name}"\n', folder)
    assert words in str(error.value)
