"""A twin's topology as a file: it loads again as what it was, and each guess stands where it made something."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.record.host import Dumped, Host
from lab.twin.build import twin_of
from lab.twin.infer import inferred
from lab.twin.twin import Guess, Twin
from lab.twin.written import file_name, topology_text
from lab.twin.yaml_flow import comment, flow
from lab.written.load import load_topology
from tests.unit.twin.hosts import Concluded, filtered, host
from tests.unit.twin.test_infer import DOCKER, GATEWAY, NFT, UFW

TEXTS = {"ufw": {"v4": UFW}, "docker": {"v4": DOCKER}, "gateway": {"v4": GATEWAY}, "nft": {"nft": NFT}}


def _text(twin: Twin) -> str:
    return topology_text(twin, name="kept", source="fw.rules")


def _same(twin: Twin, folder: Path) -> bool:
    file = folder / "kept.yaml"
    file.write_text(_text(twin))
    loaded, made = load_topology(file), twin.topology
    return loaded.model_dump(exclude={"topology"}) == made.model_dump(exclude={"topology"}) and loaded.topology == "kept"


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_written_loads_as_what_it_was(name: str, tmp_path: Path) -> None:
    assert _same(Concluded(host(**TEXTS[name])).twin, tmp_path)


@pytest.mark.parametrize("name", TEXTS)
def test_every_guess_is_written_once_with_its_rule(name: str) -> None:
    twin = Concluded(host(**TEXTS[name])).twin
    lines = [line.strip(" #") for line in _text(twin).split("\n")]
    for guess in twin.guesses:
        assert sum(line.startswith(f"guessed: {guess.what}") for line in lines) == 1
        assert not guess.rests_on or any(f"`{guess.rests_on}`  [{guess.where}]" in line for line in lines)


def test_a_guess_stands_above_the_line_that_it_made() -> None:
    text = _text(Concluded(host(v4=DOCKER)).twin)
    network, _, rest = text.partition("nodes:")
    assert "# guessed: 172.20.0.0/16 is behind br-0123456789ab, as of" in network
    before, _, _ = rest.partition("eth0: {network: eth0, address: 198.51.100.2/24}")
    assert before.rstrip().rpartition("\n")[2].strip().startswith("# guessed: the default route is by eth0")


def test_twins_of_two_hosts_have_the_guesses_of_each_at_its_own_lines() -> None:
    one = Host("one", rulesets={"v4": Dumped(UFW, "one.rules")})
    other = Host("other", rulesets={"v4": Dumped(filtered("-A INPUT -i eth0 -s 192.0.2.9 -j ACCEPT"), "other.rules")})
    first, guesses = inferred(one)
    second, more = inferred(other, [first])
    text = _text(twin_of([first, second], [*guesses, *more]))
    assert "eth0 is the uplink" in text.partition("  other:")[2]


def test_a_guess_that_rests_on_no_line_stands_at_its_host_too() -> None:
    one = Host("one", rulesets={"v4": Dumped(UFW, "one.rules")})
    other = Host("other host", rulesets={"v4": Dumped(filtered("-A INPUT -s 192.0.2.9 -j ACCEPT"), "other.rules")})
    first, guesses = inferred(one)
    second, more = inferred(other, [first])
    before, _, behind = _text(twin_of([first, second], [*guesses, *more])).partition("  other-host:")
    assert ("to 198.51.100.1, which is invented" in before, "to 203.0.113.1, which is invented" in behind) == (True, True)
    assert "203.0.113" not in before.partition("nodes:")[2]


def test_what_a_stranger_wrote_ends_no_comment_and_no_word() -> None:
    twin = Concluded(host(v4=UFW)).twin
    evil = Guess("eth0 is\n  evil: {role: host}\u2028x: 1", '-A INPUT --comment "\x85topology: other"', None, "eth0")
    text = topology_text(Twin(twin.topology, twin.hosts, twin.policies, (evil,)), name="kept", source="a\nb: c")
    theirs = [line for line in text.split("\n") if any(word in line for word in ("evil", "other", "b: c"))]
    assert len(theirs) == 2
    assert all(line.lstrip().startswith("#") for line in theirs)
    assert comment("a\u0085b\r\nc") == "# a b  c"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("eth0", "eth0"), ("10.0.0.0/8", "10.0.0.0/8"), ("2001:db8::1", '"2001:db8::1"'), ("no", '"no"'), ("12", '"12"'),
        ("1e3", '"1e3"'), ("", '""'), ("a: b", '"a: b"'), ("-4 default dev eth0", '"-4 default dev eth0"'),
        (7, "7"), (True, "true"),
        ("# x", '"# x"'), ("a #b", '"a #b"'), ({"not": ["tcp/22"]}, "{not: [tcp/22]}"), ("é\u2028", '"\\u00e9\\u2028"'),
    ],
)  # fmt: skip
def test_a_word_is_quoted_where_a_reader_could_take_it_for_something_else(value: object, written: str) -> None:
    assert flow(value) == written


def test_a_name_of_files_has_plain_letters_alone() -> None:
    assert [file_name(name) for name in ("Edge GW (2)", "../x", "ü", "")] == ["Edge-GW-2", "x", "host", "host"]
