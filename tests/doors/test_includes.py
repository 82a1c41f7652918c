"""Scripts that include files of their host by absolute paths, as distributions write them: the policy says where these lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors.project import LAB, Project, run

SCRIPT = """\
table inet door {
\tset shops { type ipv4_addr; elements = { 10.0.2.10 }; }
\tinclude "/etc/nftables.d/*.nft"
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t\tct state established,related accept
\t\tinclude "/usr/share/nftables.d/before-forward.nft"
\t\tip daddr @shops tcp dport 8443 jump shop
\t}
}
"""
CUSTOM = '# what this site adds\nchain shop {\n\taccept comment "our-shop"\n}\n'
BEFORE = 'tcp dport 23 reject comment "no-telnet"\n'
MATRIX = """\
matrix: door
for: gateway
topology: small
policies: {gateway: {nft: door.nft, includes: %s}}
flows:
  - {name: the shop, from: world, to: web, service: tcp/8443, expect: allow, rule: our-shop}
  - {name: no telnet, from: world, to: web, service: tcp/23, expect: {reject: icmp-port-unreachable}, rule: no-telnet}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    policies = tmp_path / "policies"
    for folder in ("nftables.d", "usr/share/nftables.d"):
        (policies / folder).mkdir(parents=True)
    (policies / "door.nft").write_text(SCRIPT)
    (policies / "nftables.d" / "10-shop.nft").write_text(CUSTOM)
    (policies / "usr/share/nftables.d" / "before-forward.nft").write_text(BEFORE)
    return project


def matrix(project: Project, includes: str) -> str:
    (project.folder / "matrices" / "door.yaml").write_text(MATRIX % includes)
    return "matrices/door.yaml"


def test_what_is_mapped_is_loaded_and_has_its_lines(project: Project) -> None:
    file = matrix(project, "{/etc/nftables.d: nftables.d, /usr: usr}")
    done = project.lab("run", file).ended(0)
    assert "2 cells: 2 passed" in done.out
    shop = project.lab("trace", "world", "web", "tcp/8443", "--matrix", file).ended(0)
    assert "policies/nftables.d/10-shop.nft:3" in shop.out


def test_a_script_by_a_pipe_is_read_with_what_the_matrix_maps(project: Project) -> None:
    file = matrix(project, "{/etc/nftables.d: nftables.d, /usr: usr}")
    line = f'"{LAB}" run {file} --policy gateway=- <policies/door.nft && rm policies/door.nft'
    assert "2 cells: 2 passed" in run(["bash", "-c", line], project.folder).ended(0).out


@pytest.mark.parametrize(
    ("includes", "words"),
    [
        ("{/usr: usr}", ['policies/door.nft:3: `include "/etc/nftables.d/*.nft"` names a file of the host',
                         "{nft: FILE, includes: {/etc/nftables.d: FOLDER}}", "what `nft list ruleset` prints"]),
        ("{/etc/nftables.d: none.d, /usr: usr}", ["matrices/door.yaml:4:", "there is no folder 'none.d' in policies"]),
        ("{/etc/nftables.d: nftables.d, /usr: nftables.d}", ["policies/door.nft:7: ", "there is no such file"]),
        ("{/etc/nftables.d: null, /usr: usr}", ["policies/door.nft:8: ", "the chain shop does not exist"]),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told(includes: str, words: list[str], project: Project) -> None:
    told = project.lab("run", matrix(project, includes)).ended(2).told
    assert all(word in told for word in words), told
