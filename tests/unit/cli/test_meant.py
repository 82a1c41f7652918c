"""Wrong words of the command line are answered with what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cli.files import FOLDER, matrix_files
from lab.cli.given import Given
from lab.cli.meant import flow_meant, no_such_file
from lab.errors import InputError
from lab.ruleset.backend import Backend
from lab.written.service import parse_service


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("world gateway:22", "lab trace world gateway tcp/22"), ("world gateway/22", "lab trace world gateway tcp/22"),
        ("internet 10.0.2.10:22 --ack", "lab trace internet 10.0.2.10 tcp/22 --ack"), ("a gateway", ""),
        ("a [2001:db8::7]:443", "lab trace a 2001:db8::7 tcp/443"), ("a 2001:db8::7", ""), ("a 10.0.0.0/24", ""), ("a", ""),
        ("a gateway@wan:22", "lab trace a gateway@wan tcp/22"), ("a gw TCP 22 --ack", "lab trace a gw tcp/22 --ack"),
        ("a net:lan", ""), ("a gw tcp --ack", ""), ("--from a --to gw tcp/22", "lab trace client gateway tcp/22"),
        ("--topology edge a gateway:22", ""),
    ],
)  # fmt: skip
def test_the_words_of_a_flow(words: str, meant: str) -> None:
    assert flow_meant("trace", words.split()).rpartition(": ")[2] == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [("tcp:22", "tcp/22"), ("22/tcp", "tcp/22"), ("TCP/22", "tcp/22"), ("udp 53", "udp/53"), ("icmp:8", "icmp/8")],
)
def test_a_service_that_is_written_otherwise(written: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"did you mean {meant}\\?"):
        parse_service(written)


@pytest.mark.parametrize("written", ["tcp/99999", "nothing", "tcp:22:23", "http:80", "x tcp y"])
def test_a_service_of_which_nobody_knows_what_is_meant(written: str) -> None:
    with pytest.raises(InputError, match="a service is written tcp/443"):
        parse_service(written)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("matrices/home.yaml", "matrices/office.yml", "topologies/flat.yaml", "policies/router.rules.j2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("home", "did you mean matrices/home.yaml?"), ("home.yaml", "did you mean matrices/home.yaml?"),
        ("matrices/hme.yaml", "did you mean matrices/home.yaml?"), ("matrices/home", "did you mean matrices/home.yaml?"),
        ("ofice", "did you mean matrices/office.yml?"), ("flat", "flat is a topology: "), ("router", "router is a policy: "),
        ("web-edge-gateway", "web-edge-gateway is a matrix among what is shipped"), ("zzz", ""),
        ("edge", "edge is a topology among what is shipped"), ("home::web[a->b tcp/1]", "a cell's id belongs behind -k"),
    ],
)  # fmt: skip
def test_a_matrix_that_is_not_there(folder: Path, named: str, meant: str) -> None:
    (problem,) = no_such_file(Path(named)).problems
    assert str(problem).startswith(f"{named}: there is no such file")
    assert problem.mend.startswith(meant)
    assert bool(problem.mend) == bool(meant)


def test_what_is_shipped_is_taken_beside_what_is_there(folder: Path) -> None:
    """A project whose topology alone is shipped runs its own matrices with ``--shipped``: none is left out in silence."""
    (folder / FOLDER / "mail-gateway.yaml").write_text("matrix: own\n")
    found = matrix_files((), shipped=True)
    assert [str(path) for path in found[:3]] == ["matrices/home.yaml", "matrices/mail-gateway.yaml", "matrices/office.yml"]
    others = [path.name for path in found[3:]]
    assert "web-edge-gateway.yaml" in others
    assert "mail-gateway.yaml" not in others
    assert all(path.is_absolute() for path in found[3:])


def test_each_that_is_not_there_is_told_once(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        Given([Path("home"), Path("ofice")]).files()
    assert [problem.mend for problem in caught.value.problems] == [
        "did you mean matrices/home.yaml?", "did you mean matrices/office.yml?",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"flat.yaml: there is no such file\n    did you mean topologies/flat.yaml\?"):
        Given([], topology="flat.yaml").scene(Backend.NFT)
    with pytest.raises(InputError, match=r"hom: there is no such file\n    did you mean matrices/home.yaml\?"):
        Given([Path("hom")]).scene(Backend.NFT)
