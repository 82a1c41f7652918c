"""Evidence that remains: kept by a run and a comparison, found changed by one byte, and never there by half."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from scapy.utils import PcapNgReader

from tests.doors.project import Project, run

CHANGE = """
change: CHG-7
topology: small
old: {gateway: small-gateway}
new: {gateway: next}
intends:
  - {name: no web any more, from: world, to: web-vip, service: tcp/443, expect: drop}
"""
FULL = """
mount -t tmpfs -o size=40k none "$1" || exit 99
shift
"$@"
code=$?
ls -A kept
exit $code
"""


def failing(project: Project) -> Project:
    project.edit("matrices/small.yaml", "    expect: {reject: tcp-reset}\n    rule: refuse-ssh\n", "    expect: allow\n")
    return project


def kept(project: Project) -> Path:
    (folder,) = (project.folder / "kept").iterdir()
    return folder


def test_a_run_that_failed_is_kept_and_its_packets_say_which_rule_it_was(project: Project) -> None:
    done = failing(project).lab("run", "-q", "--evidence", "kept", "--ticket", "CHG-1042").ended(1)
    folder = kept(project)
    assert folder.name.endswith("Z-CHG-1042")
    assert f"evidence: kept/{folder.name}, " in done.out
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["outcome"]["passed"], manifest["outcome"]["failed"], manifest["command"]) == (6, 1, "run")
    assert manifest["machine"]["kernel"] == os.uname().release
    assert (folder / "sources/policies/small-gateway.rules.j2").read_text() == project.read("policies/small-gateway.rules.j2")
    assert "10.0.2.10" in (folder / "rulesets/small/gateway/v4.rules").read_text()
    assert "[1:60] -A INPUT -p tcp" in (folder / "kernel/small/gateway/v4.rules").read_text()
    assert json.loads((folder / "results.json").read_text())["exit_code"] == 1
    (capture,) = folder.glob("failed/*.pcapng")
    comments = {
        (packet.sniffed_on, bytes(packet)[47] & 0x3F): b"".join(packet.comments or []).decode()
        for packet in PcapNgReader(str(capture))
    }  # fmt: skip
    syn = comments["gateway:wan", 0x02]
    assert 'input       filter INPUT:1 "refuse-ssh" REJECT  [policies/small-gateway.rules.j2:12]' in syn
    assert 'gateway: rejected by filter:INPUT:1 "refuse-ssh"' in syn
    assert "gateway: out tcp 198.51.100.1:22 > " in comments["gateway:wan", 0x14]
    assert comments["world:wan", 0x02] == ""
    words = capture.with_suffix(".txt").read_text()
    assert 'filter INPUT:1 "refuse-ssh" REJECT  [0 -> 1 packets]' in words

    place = str(folder.relative_to(project.folder))
    assert f"{place}: whole: " in project.lab("evidence", "verify", place).ended(0).out
    with capture.open("r+b") as file:
        file.seek(100)
        byte = file.read(1)
        file.seek(100)
        file.write(bytes([byte[0] ^ 1]))
    told = project.lab("evidence", "verify", place).ended(1).out
    assert told.startswith(f"{place}: REFUSED\n  failed/{capture.name}: changed: its SHA-256 is ")


def test_a_change_is_kept_with_both_sides_signed_and_listed(project: Project) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(project.folder / "key")], check=True)
    rules = project.read("policies/small-gateway.rules.j2")
    (publish,) = (line for line in rules.splitlines() if '"publish-web"' in line)
    (refuse,) = (line for line in rules.splitlines() if '"refuse-ssh"' in line)
    project.write("policies/next.rules.j2", rules.replace(publish + "\n", "").replace(refuse + "\n", ""))
    project.write("changes/CHG-7.yaml", CHANGE)
    done = project.lab("diff", "--change", "changes/CHG-7.yaml", "--evidence", "kept", "--key", "key", "--json", "-").ended(1)
    assert json.loads(done.out)["exit_code"] == 1
    assert "evidence: kept/" in done.err
    folder = kept(project)
    assert "publish-web" in (folder / "rulesets/gateway/before/gateway/v4.rules").read_text()
    assert "publish-web" not in (folder / "rulesets/gateway/after/gateway/v4.rules").read_text()
    assert {path.name for path in folder.glob("sources/before/policies/*")} == {"small-gateway.rules.j2"}
    assert {path.name for path in folder.glob("sources/after/policies/*")} == {"next.rules.j2"}
    assert (folder / "sources/changes/CHG-7.yaml").read_text() == CHANGE
    assert {path.suffix for path in folder.glob("diff.*")} == {".json", ".md", ".sarif"}
    before, after = (list(folder.glob(f"failed/gateway/{side}/*.pcapng")) for side in ("before", "after"))
    assert len(before) == len(after) > 0
    signed = project.lab("evidence", "list", "kept").ended(0).out
    assert "CHG-7  diff  1 passed, " in signed
    assert "  whole  SHA256:" in signed
    (folder / "diff.md").unlink()
    listed = project.lab("evidence", "list", "kept", "--json", "-").ended(1)
    (one,) = json.loads(listed.out)["bundles"]
    assert (one["whole"], one["wrong"], one["manifest"]["ticket"]) == (False, ["diff.md: removed"], "CHG-7")


def test_a_full_disk_is_an_error_and_no_half_of_a_bundle_remains(project: Project) -> None:
    (project.folder / "kept").mkdir()
    namespace = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-rm")
    before = (*namespace, "sh", "-c", FULL, "full", "kept")
    if run([*before, "true"], project.folder).code != 0:
        pytest.skip("a file system of a size cannot be mounted here")
    done = project.lab("run", "-q", "--evidence", "kept", "--json", "results.json", before=before).ended(4)
    assert "kept cannot be written: No space left on device (ENOSPC)" in done.err
    assert done.out.splitlines()[-1].startswith("7 cells: 7 passed"), "ls shows nothing behind that"
    assert json.loads(project.read("results.json"))["summary"]["passed"] == 7


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--evidence", "matrices/small.yaml"], "matrices/small.yaml is no folder"),
        (["--key", "key"], "--key belongs to --evidence DIR"),
        (["--evidence", "kept", "--key", "matrices/small.yaml"], "matrices/small.yaml: this is no key of OpenSSH"),
    ],
)
def test_what_cannot_be_kept_is_told_before_anything_is_asked(project: Project, words: list[str], told: str) -> None:
    done = project.lab("run", *words).ended(2)
    assert told in done.err
    assert "passed" not in done.out
    assert not (project.folder / "kept").exists() or not any((project.folder / "kept").iterdir())
