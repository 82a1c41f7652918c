"""What a topology says of the programs of its nodes: each mistake has its line, and no command is taken without leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError
from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.load import load_matrix, load_topology
from lab.written.programs import ProgramSpec

TOPOLOGY = """topology: small
networks: {lan: 10.0.1.0/24}
nodes:
  files:
    role: server
    interfaces: {lan: 10.0.1.10}
    services: [tcp/8021]
    programs:
"""
RUN = "run: [vsftpd, /run/vsftpd.conf], ready: tcp/21"


def written(folder: Path, *programs: str) -> Path:
    file = folder / "small.yaml"
    file.write_text(TOPOLOGY + "".join(f"      - {program}\n" for program in programs))
    return file


WRONG = {
    "serve: gopher": "'gopher' is no server that the lab brings",
    "serve: tftp": "tftp needs no program",
    "serve: ftp, environment: {LD_PRELOAD: /home/x.so}": "`serve: ftp` stands alone",
    "serve: ftp, run: [vsftpd], ready: tcp/21": "a server that the lab brings, or a command",
    "files: {/run/a: b}": "a server that the lab brings, or a command",
    "run: [vsftpd]": "`ready` is missing",
    "run: vsftpd /run/a.conf, ready: tcp/21": "write its words as a list: [vsftpd, /run/a.conf]",
    "run: [vsftpd], ready: tcp/21-23": "is not one port of tcp or udp",
    "run: [vsftpd], ready: {prints: ''}": "every program prints an empty text",
    "run: [vsftpd], ready: soon": "'soon' is not a service",
    "run: [vsftpd], ready: tcp/21, files: {/etc/shadow: x}": "'/etc/shadow' is not below /run or /tmp",
    "run: [vsftpd], ready: tcp/21, files: {/run/../etc/shadow: x}": "is not below /run or /tmp",
    "run: [vsftpd], ready: tcp/21, environment: {'A=B': x}": "'A=B' cannot be the name of a variable",
    'run: ["a\\0b"], ready: tcp/21': "a NUL can be told to no program",
    "run: [daemon], ready: tcp/8021": "listens on tcp/8021, which `services` would have the lab open",
}


@pytest.mark.parametrize(("program", "words"), WRONG.items(), ids=WRONG)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, program: str, words: str) -> None:
    with pytest.raises(InputError) as told:
        load_topology(written(tmp_path, f"{{{program}}}"), allow_commands=True)
    assert "small.yaml:9:" in str(told.value)
    assert words in str(told.value)


def test_two_cannot_have_one_port(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"small.yaml:10:.*`serve: ftp` listens on tcp/21 already"):
        load_topology(written(tmp_path, "serve: ftp", f"{{{RUN}}}"), allow_commands=True)


def test_a_command_needs_leave_and_what_the_lab_brings_needs_none(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        load_topology(written(tmp_path, f"{{{RUN}}}"))
    assert "small.yaml:9:15: node files runs the command 'vsftpd /run/vsftpd.conf', which was not allowed" in str(told.value)
    assert "--allow-commands" in str(told.value)
    assert load_topology(written(tmp_path, f"{{{RUN}}}"), allow_commands=True).nodes["files"].programs[0].run is not None
    assert load_topology(written(tmp_path, "serve: ftp")).nodes["files"].programs[0].listens == ("tcp", 21)


@pytest.mark.parametrize("ready", ["notifies", "tcp/21", {"prints": "up"}])
def test_it_is_written_as_it_was_read(ready: object) -> None:
    program = ProgramSpec.model_validate({"run": ["a"], "ready": ready})
    assert program.model_dump(mode="json", exclude_unset=True)["ready"] == ready


ROWS = {
    "service: ftp/passive": "ftp/passive asks a server, and no node of topology small has a program",
    "service: ftp/both": "a session of ftp is one of ftp/control, ftp/passive, ftp/active",
    "service: tftp/write": "a session of tftp is one of tftp/read",
    "service: 'ftp/passive:21-22'": "a session has one port: ftp/passive:21",
    "service: tftp/read, flags: ack": "`flags` is one bare segment, and tftp/read a whole session",
}


def expanded(folder: Path, row: str, *, programs: str = "", default: str = "") -> tuple[Cell, ...]:
    folder = folder / "small"
    folder.mkdir(exist_ok=True)
    text = TOPOLOGY.replace("    programs:\n", programs) + "  gate: {role: gate, interfaces: {lan: 10.0.1.1}}\n"
    (folder / "topology.yaml").write_text(text)
    (folder / "matrix.yaml").write_text(
        "matrix: m\nfor: server\ntopology: small\npolicies: {files: none}\n"
        f"flows:\n  - {{name: r, from: gate, to: files, expect: allow, {row}}}\n{default}"
    )
    return expand(load_matrix(folder / "matrix.yaml"), load_topology(folder / "topology.yaml"))


@pytest.mark.parametrize(("row", "words"), ROWS.items(), ids=ROWS)
def test_a_row_of_a_session_that_cannot_be_held_is_told_with_its_line(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(InputError) as told:
        expanded(tmp_path, row)
    assert "matrix.yaml:6:" in str(told.value)
    assert words in str(told.value)


def test_where_a_program_listens_no_row_has_the_lab_listen(tmp_path: Path) -> None:
    served = "    programs: [{serve: ftp}]\n"
    with pytest.raises(InputError, match=r"matrix.yaml:6:.*files: `serve: ftp` listens on tcp/21, so that the lab cannot"):
        expanded(tmp_path, "service: tcp/20-22", programs=served)


def test_no_default_tries_a_session(tmp_path: Path) -> None:
    default = "default: {expect: drop, between: [gate, files], services: [tftp/read]}\n"
    with pytest.raises(InputError, match=r"matrix.yaml:7:.*tftp/read is a session, which a row of its own asks for"):
        expanded(tmp_path, "service: tcp/80", default=default)


def test_sessions_of_one_port_contradict_nothing(tmp_path: Path) -> None:
    served = "    programs: [{serve: ftp}]\n"
    cells = expanded(tmp_path, "service: [ftp/control, 'ftp/active:2121', tcp/22]", programs=served)
    assert [(cell.id[4:], cell.service.application, cell.service.ports) for cell in cells] == [
        ("[gate->files ftp/control]", "ftp/control", ((21, 21),)),
        ("[gate->files ftp/active:2121]", "ftp/active", ((2121, 2121),)),
        ("[gate->files tcp/22]", None, ((22, 22),)),
    ]
    topology = load_topology(tmp_path / "small" / "topology.yaml")
    assert topology.served == {"ftp"}
