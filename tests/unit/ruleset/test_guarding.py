"""The script for the real host: whole for every shell, and deaf to what its rules say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.ruleset.applying.command import Command
from lab.ruleset.guarding.cksum import cksum
from lab.ruleset.guarding.script import FOLDER, folder_of, guard_script

_COMMENT = '"it\'s $(touch /x) `id` \\\\"'
HOSTILE = f"*filter\n-A INPUT -m comment --comment {_COMMENT} -j DROP\nEND-OF-TEXT-0\nEND-OF-TEXT-1\n@TEXTS@ \x81\u00c1\r\n"
COMMANDS = (
    Command(("iptables-nft-restore",), HOSTILE),
    Command(("iptables-nft", "-A", "INPUT", "--comment", "a'b\"\n$(id) `id` \\ *", ""), may_fail=True),
    Command(("nft", "-f", "-"), "table inet x {}"),
)
SHELLS = [shell for shell in (["dash"], ["bash", "--posix"], ["busybox", "ash"]) if shutil.which(shell[0])]


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_commands_and_what_they_read_come_as_they_are(tmp_path: Path, shell: list[str]) -> None:
    script = guard_script("CHG-7", COMMANDS, 60)
    head, _, _ = script.partition("# --- what is said, and kept")
    said = 'step() { printf "<%s>" "$@"; printf "\\n"; [ "$1" != 2 ]; }\nstate=.\n'
    tried = "write_texts new && check_texts new && change_rules && printf '%s' \"$change\"\n"
    (tmp_path / "try").write_text(f"{head}{said}{tried}")
    done = subprocess.run([*shell, "try"], cwd=tmp_path, capture_output=True, check=True)
    assert done.stderr == b""
    assert done.stdout.decode() == (
        "<1><./new/1><iptables-nft-restore>\n"
        "<2></dev/null><iptables-nft><-A><INPUT><--comment><a'b\"\n$(id) `id` \\ *><>\n"  # which may fail
        "<3><./new/3><nft><-f><->\nCHG-7"
    )
    assert (tmp_path / "new/1").read_bytes().decode() == HOSTILE
    assert (tmp_path / "new/3").read_text() == "table inet x {}\n"
    (tmp_path / "try").write_text((tmp_path / "try").read_text().replace("-j DROP", "-j DRQP"))  # as by a careless paste
    assert subprocess.run([*shell, "try"], cwd=tmp_path, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_it_reads_whole_in_every_shell_and_tells_its_usage(tmp_path: Path, shell: list[str]) -> None:
    file = tmp_path / "guard.sh"
    file.write_text(guard_script("CHG-7", COMMANDS, 60))
    subprocess.run([*shell, "-n", str(file)], check=True)
    for words in ([], ["apply", "now"], ["confirm"], ["timer"], ["undo"]):
        done = subprocess.run([*shell, str(file), *words], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "usage: sh" in done.stderr


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not on this machine")
def test_shellcheck_finds_nothing_in_it(tmp_path: Path) -> None:
    file = tmp_path / "guard.sh"
    file.write_text(guard_script("CHG-7", COMMANDS, 60))
    done = subprocess.run(["shellcheck", "--norc", str(file)], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0


def test_it_is_a_file_of_its_own_with_nothing_left_to_fill_in() -> None:
    script = guard_script("CHG-7", COMMANDS, 60)
    assert script.startswith("#!/bin/sh\n# Makes the change CHG-7, ")
    assert script.endswith("# the end of netfilter-guard\n")
    assert script.count("@TEXTS@") == HOSTILE.count("@TEXTS@")
    assert f"\nbase={FOLDER}\n" in script
    assert "\nseconds=60\n" in script
    assert "\ntables='ip:filter'\n" in script or "\ntables=ip:filter\n" in script
    assert "end='" not in script


def test_a_null_character_is_refused() -> None:
    with pytest.raises(ValueError, match="null character"):
        guard_script("CHG-7", [Command(("nft", "-f", "-"), "a\0b")], 60)


def test_the_names_of_changes_are_folders_that_no_two_share() -> None:
    assert folder_of("CHG-7.b") == "CHG-7.b"
    names = ["CHG-7", "CHG 7", "CHG$7", "../CHG-7", ".CHG-7", "-CHG-7", "ä" * 80, "x" * 80]
    folders = [folder_of(name) for name in names]
    assert len(set(folders)) == len(names)
    for folder in folders:
        assert "/" not in folder
        assert folder[0] not in ".-"
        assert folder.isascii()


@given(st.binary(max_size=2000))
def test_the_checksum_is_that_of_posix(data: bytes) -> None:
    crc = 0
    for byte in data + len(data).to_bytes((len(data).bit_length() + 7) // 8, "little"):
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    assert cksum(data) == f"{crc ^ 0xFFFFFFFF} {len(data)}"
