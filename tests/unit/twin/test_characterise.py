"""Rows of what is so today, made of an exposure: what a row says, what none may say, and that the matrix can be read."""

from __future__ import annotations

from pathlib import Path

from lab.record.exposure import Exposure, ExposureReport, Pair
from lab.record.path import Rule
from lab.record.sweep import Arrived
from lab.record.verdict import Kind
from lab.twin.characterise import Characterised, characterised, matrix_text
from lab.twin.matrix_words import Words
from lab.written.load import load_matrix
from tests.unit.twin.hosts import Concluded, host
from tests.unit.twin.test_infer import DOCKER

TWIN = Concluded(host(v4=DOCKER)).twin
IN = Pair("eth0", "behind-eth0", "198.51.100.1", "eth0", "fw@eth0", "198.51.100.2", 4)
SSH = Rule("fw", "filter", "INPUT", 2, "-A INPUT -p tcp --dport 22 -j ACCEPT", "admin ssh", "ACCEPT", "fw.rules:9")
HERE = Arrived("fw")


def _found(*exposures: Exposure, asked: tuple[Pair, ...] = (IN,), **keys: object) -> Characterised:
    report = ExposureReport("fw", exposures, 2, 0, 1.0, asked=asked, **keys)  # type: ignore[arg-type]
    return characterised(report, Words(TWIN), {})


def _rows(found: Characterised) -> dict[str, dict[str, object]]:
    return {row.name: dict(row.keys) for row in found.rows}


def test_what_is_open_is_a_row_with_its_rule_and_the_rest_another() -> None:
    rows = _rows(_found(Exposure(IN, "tcp", ((22, 22),), Kind.CLOSED, HERE, SSH)))
    assert rows == {
        "the internet (eth0) reaches fw (198.51.100.2): tcp/22": {
            "from": "behind-eth0", "to": "198.51.100.2", "service": "tcp/22", "family": 4, "expect": "allow",
            "rule": "admin ssh",
        },
        "the internet (eth0) reaches nothing else of fw (198.51.100.2)": {
            "from": "behind-eth0", "to": "198.51.100.2", "service": ["tcp/1-65535", "udp/1-65535"], "family": 4,
            "expect": "deny", "not": [{"service": ["tcp/22"]}],
        },
    }  # fmt: skip


def test_what_is_published_says_where_it_arrives() -> None:
    to = Arrived("behind-br-0123456789ab", "172.20.0.7", 8080)
    rows = _rows(_found(Exposure(IN, "tcp", ((80, 80),), Kind.CLOSED, to, None)))
    row = rows["the internet (eth0) reaches fw (198.51.100.2): tcp/80"]
    assert row["arrives"] == {"at": "behind-br-0123456789ab", "address": "172.20.0.7", "port": 8080}


def test_of_many_ports_some_are_asked_and_the_row_says_so() -> None:
    found = _found(Exposure(IN, "tcp", ((1, 65535),), Kind.CLOSED, HERE, None))
    row = next(row for row in found.rows if dict(row.keys)["expect"] == "allow")
    assert row.name == "the internet (eth0) reaches fw (198.51.100.2): all tcp"
    assert dict(row.keys)["service"] == "tcp/1,22,53,80,123,443,3389,8080,65535"
    assert row.remark == "some of these ports"
    denied = next(dict(row.keys) for row in found.rows if dict(row.keys)["expect"] == "deny")
    assert (denied["service"], "not" in denied) == ("udp/1-65535", False)


def test_what_is_not_proven_or_by_chance_or_denied_by_no_rule_is_no_row_and_is_told() -> None:
    chance = Exposure(IN, "tcp", ((25, 25),), Kind.CLOSED, HERE, SSH, unsettled="statistic")
    found = _found(chance, beside_rules=((IN, "tcp", ((80, 80),), Kind.UNROUTED),), lost=("a > b: why",))
    (row,) = found.rows
    assert dict(row.keys)["not"] == [{"service": ["tcp/25,80"]}]
    assert found.remarks == [
        "the internet (eth0) to fw (198.51.100.2), tcp/80: unrouted, and not by a rule, so that no row says it",
        "the internet (eth0) to fw (198.51.100.2), tcp/25: closed, so that no row says it",
        "not proven: a > b: why",
    ]


def test_a_source_that_rules_tell_apart_has_rows_of_its_own_where_it_fares_otherwise() -> None:
    banned = IN._replace(source="203.0.113.66", sources="203.0.113.66")
    trusted = IN._replace(source="203.0.113.9", sources="203.0.113.0/28")
    asked = (IN, banned, trusted)
    rows = _rows(_found(
        Exposure(IN, "tcp", ((22, 22),), Kind.CLOSED, HERE, SSH),
        Exposure(trusted, "tcp", ((22, 22), (5432, 5432)), Kind.CLOSED, HERE, None), asked=asked,
    ))  # fmt: skip
    ban = rows["203.0.113.66 does not reach fw (198.51.100.2): tcp/22"]
    assert ban["from"] == {"at": "behind-eth0", "address": "203.0.113.66"}
    assert rows["203.0.113.0/28 reaches fw (198.51.100.2): tcp/5432"]["service"] == "tcp/5432"
    assert len(rows) == 4


def test_the_matrix_says_what_it_is_and_can_be_read(tmp_path: Path) -> None:
    found = _found(Exposure(IN, "tcp", ((22, 22),), Kind.CLOSED, HERE, SSH))
    text = matrix_text(found, name="kept", policies={"fw": "kept"}, source="fw.rules", role="host")
    assert text.startswith("# Made by `lab twin fw.rules`: a CHARACTERISATION: what this ruleset does today, not what it")
    file = tmp_path / "kept.yaml"
    file.write_text(text)
    assert [row.name for row in load_matrix(file).flows] == [row.name for row in found.rows]
