"""What the next boot of a host loads, as its snapshot tells, and what nobody can know of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.errors import InputError
from lab.record.host import Dumped, Host
from lab.twin.boot import NOT_CAPTURED, loaded_at_boot
from lab.twin.pseudonymised import pseudonymised
from lab.twin.reading import read_host
from lab.twin.script import snapshot_script
from tests.unit.twin.made_snapshots import SAVE, document, parts

V4, V6, NFT = "/etc/iptables/rules.v4", "/etc/iptables/rules.v6", "/etc/nftables.conf"


def taken(said: str | None, files: Mapping[str, str] = {}, code: int = 0) -> dict[str, Any]:
    """A snapshot whose boot says so; ``files`` are by their paths."""
    found = parts()
    if said is not None:
        found["boot"] = {"text": said, "code": 0, "error": ""}
    found |= {f"boot {path}": {"text": text, "code": code, "error": ""} for path, text in files.items()}
    return document(parts=found)


def host(said: str | None, files: Mapping[str, str] = {}) -> Host:
    return read_host(Dumped(json.dumps(taken(said, files)), "gw.json"))


def test_a_snapshot_of_before_is_read_and_tells_of_no_boot() -> None:
    assert host(None).boot is None
    assert loaded_at_boot(host(None)).why == NOT_CAPTURED


def test_the_files_of_services_that_are_enabled_are_loaded_sets_first() -> None:
    files = {V4: SAVE, V6: SAVE, "/etc/iptables/ipsets": "create a hash:ip\n", NFT: "table ip t {\n}\n"}
    found = loaded_at_boot(host("id = 7\nenabled = netfilter-persistent \nothers = \n", files))
    assert found.files == ("/etc/iptables/ipsets", V4, V6)
    assert [(one.kind, one.shown) for one in found.rulesets][1] == ("v4", f"gw.json {V4}")
    assert found.rulesets[1].text == SAVE
    assert found.notes == (f"boot does not load {NFT}: nftables is not enabled",)
    files = {"/etc/sysconfig/iptables": SAVE, "/etc/sysconfig/ipset": "create a"}
    apart = loaded_at_boot(host("enabled = iptables ipset\n", files))
    assert [one.kind for one in apart.rulesets] == ["ipset", "v4"]


@pytest.mark.parametrize(
    ("enabled", "path", "kind"),
    [
        ("iptables", "/etc/sysconfig/iptables", "v4"), ("ip6tables", "/etc/sysconfig/ip6tables", "v6"),
        ("iptables", "/etc/iptables/rules-save", "v4"), ("nftables", "/etc/sysconfig/nftables.conf", "nft"),
        ("ipset", "/etc/ipset.conf", "ipset"),
    ],
)  # fmt: skip
def test_each_distribution_has_files_of_its_own(enabled: str, path: str, kind: str) -> None:
    found = loaded_at_boot(host(f"enabled = {enabled}\n", {path: SAVE}))
    assert ([one.kind for one in found.rulesets], found.files, found.notes, found.why) == ([kind], (path,), (), None)


def test_where_no_service_loads_rules_the_next_boot_has_none() -> None:
    found = loaded_at_boot(host("enabled = \nothers = \n", {V4: SAVE}))
    assert (found.rulesets, found.files, found.why) == ((), (), None)
    assert found.notes == (f"boot does not load {V4}: netfilter-persistent is not enabled",)


@pytest.mark.parametrize(
    "said", ["id = 7\n", "enabled = ufw\n", "enabled = docker fail2ban\n", "enabled = \nothers = /etc/rc.local\n"]
)
def test_what_others_load_is_not_taken_for_nothing(said: str) -> None:
    found = loaded_at_boot(host(said))
    assert found.why is not None
    assert found.rulesets == ()


def test_services_that_write_rules_and_scripts_are_told_beside_the_files() -> None:
    notes = loaded_at_boot(host("enabled = netfilter-persistent docker\nothers = /etc/rc.local\n", {V4: SAVE})).notes
    assert notes == (
        "docker writes more rules at boot, which no file has", "not read, and may load more at boot: /etc/rc.local",
    )  # fmt: skip


def test_of_a_host_without_known_services_the_files_are_taken_and_that_is_told() -> None:
    found = loaded_at_boot(host("id = 7\n", {V4: SAVE}))
    assert found.files == (V4,)
    assert found.notes == (f"whether boot loads {V4} is not known: the snapshot tells of no services",)


def test_what_is_included_is_in_no_snapshot() -> None:
    of = host("enabled = nftables\n", {NFT: 'flush ruleset\ninclude "/etc/nftables.d/*.nft"\n'})
    assert loaded_at_boot(of).why == f"{NFT} includes other files, which no snapshot has"


def test_a_file_that_could_not_be_read_is_told() -> None:
    with pytest.raises(InputError, match="failed on the host"):
        read_host(Dumped(json.dumps(taken("id = 7\n", {V4: ""}, 1)), "gw.json"))


def test_addresses_of_these_files_get_pseudonyms_too_and_the_boot_keeps_its_own(tmp_path: Path) -> None:
    text = SAVE.replace("-i eth0", "-s 203.0.113.77 -i eth0")
    file = tmp_path / "gw.json"
    file.write_text(json.dumps(taken("id = 00000000-0000-4000-8000-203000113077\n", {V4: text})))
    boot = read_host(Dumped(pseudonymised(file, bytes(range(32))), "gw.json")).boot
    assert boot is not None
    assert boot.id == "00000000-0000-4000-8000-203000113077"
    assert "203.0.113.77" not in boot.files[V4].text


def ran(etc: Path) -> Host:
    """What the script takes where ``etc`` is the host's; nothing of this machine's own rules is looked at."""
    tools = etc.parent / "bin"
    tools.mkdir()
    printed = {"ip addr": parts()["ip addr"]["text"], "route": "", "rule": "0:\tfrom all lookup local\n"}
    says = f"case \"$*\" in *addr*|*link*) printf '%s' '{printed['ip addr']}' ;; *rule*) printf '{printed['rule']}' ;; esac"
    for name in ("ip", "tc", "nft", "ipset", "conntrack", "systemctl", "iptables-save", "ip6tables-save", "id"):
        (tools / name).write_text(f"#!/bin/sh\n{says if name == 'ip' else 'echo 0' if name == 'id' else 'exit 1'}\n")
        (tools / name).chmod(0o755)
    script = snapshot_script().replace("    etc=/etc\n", f"    etc={etc}\n").replace("    nf_tables\n    sets\n", "")
    skipped = "".join(
        f"    skip {name} none\n"
        for name in ("iptables-nft-save", "ip6tables-nft-save", "nft", "ipset", "iptables-legacy-save", "ip6tables-legacy-save")
    )
    for name in ("ip", "ip6"):
        script = script.replace(f"    legacy {name}tables /proc/net/{name}_tables_names\n", "" if name == "ip" else skipped)
    done = subprocess.run(
        ["sh"], input=script, capture_output=True, text=True, timeout=60, check=True,
        env={"PATH": f"{tools}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.stderr == ""
    return read_host(Dumped(done.stdout, "gw.json"))


def test_the_script_takes_files_and_enabled_services_and_no_masked_one(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    wants = etc / "systemd/system/multi-user.target.wants"
    for folder in (wants, etc / "iptables", etc / "network/if-pre-up.d"):
        folder.mkdir(parents=True)
    odd = SAVE.replace("-j ACCEPT", '-m comment --comment "a \\"b\\" ü" -j ACCEPT')
    (etc / "iptables/rules.v4").write_text(odd)
    for name in ("netfilter-persistent", "nftables", "ssh"):
        (wants / f"{name}.service").symlink_to(f"/lib/systemd/system/{name}.service")
    (etc / "systemd/system/nftables.service").symlink_to("/dev/null")
    (etc / "network/if-pre-up.d/rules").write_text("#!/bin/sh\niptables-restore < /etc/own.rules\n")
    (etc / "rc.local").write_text("#!/bin/sh\n# no iptables here\nexit 0\n")
    boot = ran(etc).boot
    assert boot is not None
    assert boot.enabled == ("netfilter-persistent",)
    assert {path: file.text for path, file in boot.files.items()} == {V4: odd}
    assert boot.others == ("/etc/network/if-pre-up.d/rules",)
    assert boot.id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_the_script_knows_openrc_and_says_where_it_knows_no_services(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    (etc / "runlevels/default").mkdir(parents=True)
    (etc / "runlevels/default/iptables").symlink_to("/etc/init.d/iptables")
    found = ran(etc).boot
    assert found is not None
    assert found.enabled == ("iptables",)
    other = tmp_path / "other"
    (other / "etc").mkdir(parents=True)
    unknown = ran(other / "etc").boot
    assert unknown is not None
    assert (unknown.enabled, unknown.others, dict(unknown.files)) == (None, (), {})
