"""The forms in which people paste rulesets: `lab check` refuses what `lab run` would, without a kernel, and says what it is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.doors.project import Project

pytestmark = pytest.mark.kernel

HEAD = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
RULE = "-A FORWARD -p tcp -m tcp --dport 8443 -j ACCEPT\n"
WHOLE = HEAD + RULE + "COMMIT\n"
FORMS = {
    "script.rules": ("#!/bin/sh\niptables -P FORWARD DROP\niptables -A FORWARD -j DROP\n", ":2", "shell script"),
    "listed.rules": ("-P FORWARD DROP\n" + RULE, ":1", "`iptables -S` prints"),
    "prompt.rules": ("admin@edge:~# iptables-save\n" + WHOLE, ":1", "a terminal's prompt"),
    "hosts.rules": (WHOLE + "edge2:~# iptables-save\n" + WHOLE, ":7", "a terminal's prompt"),
    "table.rules": ("Chain FORWARD (policy DROP)\n", ":1", "`iptables -L` prints"),
    "half.rules": (HEAD + RULE, ":5", "COMMIT that ends *filter is missing"),
    "six.rules6": ("ip6tables -A FORWARD -j DROP\n", ":1", "shell script"),
    "script.nft": ("#!/bin/bash\nnft add table ip edge\n", ":2", "shell script"),
    "prompt.nft": ("# nft list ruleset\nadmin@edge:~$ nft list ruleset\ntable ip edge {\n}\n", ":2", "a terminal's prompt"),
    "half.nft": ("table ip edge {\n\tchain in {\n\t}\n", ":1", "never closed"),
}


@pytest.mark.parametrize(("name", "form"), FORMS.items(), ids=FORMS)
def test_check_and_run_say_the_same(project: Project, barred: Sequence[str], name: str, form: tuple[str, str, str]) -> None:
    text, line, words = form
    project.write(f"policies/{name}", text)
    chosen = ("matrices/small.yaml", "--policy", f"gateway=policies/{name}")
    told = project.lab("check", *chosen, before=barred).ended(2).err
    assert f"policies/{name}{line}: " in told
    assert words in told
    assert project.lab("run", *chosen).ended(2).err == told


def test_sets_that_were_listed(project: Project) -> None:
    project.write("policies/small-gateway.ipset", "Name: guests\nType: hash:ip\nMembers:\n")
    told = project.lab("check").ended(2).err
    assert "policies/small-gateway.ipset:1: " in told
    assert "`ipset list` prints" in told


def test_what_mend_repairs_is_told_and_then_is_fine(project: Project) -> None:
    project.write("policies/mail.rules", "Here it is:\n> nothing\n" + WHOLE.replace("\n", "\r\n"))
    chosen = ("check", "matrices/small.yaml", "--policy", "gateway=policies/mail.rules")
    assert "--mend would repair it in " in project.lab(*chosen).ended(2).err
    assert ": fine" in project.lab(*chosen, "--mend").ended(0).out


def test_what_mend_cannot_repair_is_not_promised(project: Project) -> None:
    project.write("policies/two.rules", "Here it is:\n" + WHOLE + "edge2:~# iptables-save\n" + WHOLE)
    chosen = ("check", "matrices/small.yaml", "--policy", "gateway=policies/two.rules")
    assert "--mend would" not in project.lab(*chosen).ended(2).err
    assert "edge2:~# iptables-save" in project.lab(*chosen, "--mend").ended(2).err


def test_a_policy_that_is_set_within_its_table(project: Project) -> None:
    project.write("policies/open.rules", "*filter\n:FORWARD DROP [0:0]\n-P FORWARD ACCEPT\nCOMMIT\n")
    chosen = ("matrices/small.yaml", "--policy", "gateway=policies/open.rules")
    project.lab("check", *chosen).ended(0)
    assert "fail-open" in project.lab("run", *chosen, "-k", "tcp/80 and ->web").ended(1).out


def test_includes_of_the_machine_itself(project: Project) -> None:
    project.write("policies/fw.nft", 'table inet fw {\n\tinclude "/etc/nftables.d/*.nft"\n}\n')
    told = project.lab("check", "matrices/small.yaml", "--policy", "gateway=policies/fw.nft").ended(2).err
    assert "policies/fw.nft:2: " in told
    assert "take the line out, where it means no file" in told
