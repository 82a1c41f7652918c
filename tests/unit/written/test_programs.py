"""What a topology says of the programs of its nodes: each mistake has its line, and no command is taken without leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError
from lab.written.load import load_topology
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
