"""iptables refuses the dumps that are mended, and takes them once they are."""

from __future__ import annotations

import pytest

from lab.kernel.ground.tools import Finished, run
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend
from lab.ruleset.mend import mend
from tests.kernel.real_rulesets.dumps import DUMPS, loadable_text, path_of

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

RULE = "-A INPUT -p tcp -m tcp --dport 22 -j DROP"
TABLE = f"*filter\n:INPUT ACCEPT [0:0]\n{RULE}\nCOMMIT\n"
IN_NEED = {"ugent_v1.4.21"}  # its negations are those of iptables before 1.4.3


def rule(words: str) -> str:
    return TABLE.replace(RULE, f"-A INPUT {words} -j DROP")


REFUSED = {
    "carriage returns": TABLE.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + TABLE,
    "blank behind COMMIT": TABLE.replace("COMMIT", "COMMIT "),
    "blanks before COMMIT": TABLE.replace("COMMIT", "  COMMIT"),
    "blanks before a chain": TABLE.replace(":", "\t:", 1),
    "blanks before a table": "  " + TABLE,
    "blanks before counters": TABLE.replace(RULE, f" [1:2] {RULE}"),
    "blanks before a comment": TABLE.replace(RULE, f" # why\n{RULE}"),
    "line of blanks": TABLE.replace(RULE, f"  \n{RULE}"),
    "blanks that do not break": TABLE.replace(RULE, RULE.replace(" ", "\u00a0")),
    "prompts": f"root@fw:~# iptables-save\n{TABLE}root@fw:~# \n",
    "prose": f"Hello,\n{TABLE}And:\n{TABLE.replace('filter', 'mangle')}-- \nBob\n",
    "mail": "".join(f"> {line}\n" for line in TABLE.splitlines()),
    "pager": TABLE.replace(RULE, f"--More--\n{RULE}"),
    "dashes": TABLE.replace("--", "\u2014"),
    "more dashes": TABLE.replace("--", "\u2013-"),
    "all dashes": TABLE.replace("-", "\u2013"),
    "quotes around words": rule("-m comment --comment “two words”"),
    "quotes around an address": rule("-s “10.0.0.1”"),
    "command": TABLE.replace(RULE, f"iptables {RULE}"),
    "command and table": TABLE.replace(RULE, f"/sbin/iptables -t filter {RULE}"),
    "no COMMIT before a table": TABLE.replace("COMMIT\n", "*nat\nCOMMIT\n"),
    "no COMMIT at the end": TABLE.replace("COMMIT\n", ""),
    "what -S prints": "-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n" + RULE + "\n",
    "numbered lines": "".join(f"{number:4}  {line}\n" for number, line in enumerate(TABLE.splitlines(), start=1)),
    "entities": rule("-m comment --comment &quot;two words&quot;"),
    "a broken rule": TABLE.replace(" --dport", "\n--dport").replace("-j ", "-j\n"),
    "hardware address": rule("-m mac --mac-source XX:XX:XX:XX:XX:XX"),
    "part of a hardware address": rule("-m mac --mac-source 00:11:22:xx:xx:xx"),
    **{
        f"negation of {words.split(' !')[0]}": rule(words)
        for words in (
            "-s ! 10.0.0.1", "-d ! 10.0.0.0/8", "-i ! eth0", "-p ! tcp", "-p tcp --dport ! 22", "-p tcp --sport ! 1:1023",
            "-m state --state ! NEW", "-p tcp --tcp-flags ! SYN,ACK SYN", "-p icmp --icmp-type ! 8",
        )
    },
}  # fmt: skip


def loaded(node: Node, backend: Backend, text: str) -> Finished:
    return run(node.namespace, [f"iptables-{backend}-restore"], text)


def rules(node: Node, backend: Backend) -> int:
    return run(node.namespace, [f"iptables-{backend}-save"]).out.count("\n-A ")


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_loads_once_it_is_mended(node: Node, backend: Backend, what: str) -> None:
    text = REFUSED[what]
    assert loaded(node, backend, text).code != 0
    mended = mend(text).text
    assert (loaded(node, backend, mended).err, rules(node, backend)) == ("", mended.count("-A INPUT"))


def test_what_is_listed_is_what_was_loaded(node: Node, backend: Backend) -> None:
    """Both tables, from what two commands of iptables itself print of them."""
    more = '-A FORWARD -m comment --comment "to \\"shop\\"" -j web\n-A web -j LOG --log-prefix "x "\n'
    table = TABLE.replace("COMMIT", f"{more}COMMIT")
    nat = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING ! -s 10.0.0.0/8 -j MASQUERADE\nCOMMIT\n"
    assert loaded(node, backend, table.replace(RULE, f":web - [0:0]\n{RULE}") + nat).code == 0
    commands = [[f"iptables-{backend}", "-S"], [f"iptables-{backend}", "-t", "nat", "-S"]]
    listed = "".join(f"$ sudo {' '.join(command)}\n{run(node.namespace, command).out}" for command in commands)
    held = [run(node.namespace, [f"iptables-{backend}-save", "-t", name]).out.splitlines()[1:-1] for name in ("filter", "nat")]
    assert loaded(node, backend, "*filter\nCOMMIT\n*nat\nCOMMIT\n").code == 0
    assert loaded(node, backend, mend(listed).text).err == ""
    again = [run(node.namespace, [f"iptables-{backend}-save", "-t", name]).out.splitlines()[1:-1] for name in ("filter", "nat")]
    assert [sorted(lines) for lines in again] == [sorted(lines) for lines in held]


def test_a_policy_behind_a_blank_that_does_not_break(node: Node, backend: Backend) -> None:
    """Legacy refuses it; nft takes it for a part of the chain's name, and the policy is not there."""
    text = TABLE.replace(":INPUT ACCEPT", ":INPUT\u00a0DROP")
    save = [f"iptables-{backend}-save", "-t", "filter"]
    assert (loaded(node, backend, text).code != 0) == (backend is Backend.LEGACY)
    assert ":INPUT DROP" not in run(node.namespace, save).out
    assert loaded(node, backend, mend(text).text).code == 0
    assert ":INPUT DROP" in run(node.namespace, save).out


def test_only_legacy_needs_the_last_newline(node: Node, backend: Backend) -> None:
    assert (loaded(node, backend, TABLE.rstrip("\n")).code != 0) == (backend is Backend.LEGACY)
    assert loaded(node, backend, mend(TABLE.rstrip("\n")).text).code == 0


@pytest.mark.parametrize("text", [TABLE.replace(RULE, f"  {RULE}"), TABLE.replace(RULE, f"{RULE}  ")])
def test_blanks_around_a_rule_are_taken(node: Node, backend: Backend, text: str) -> None:
    assert loaded(node, backend, text).code == 0
    assert loaded(node, backend, mend(text).text).code == 0


def test_what_is_not_understood_is_refused_with_its_line(node: Node, backend: Backend) -> None:
    mended = mend(TABLE.replace(RULE, f"{RULE}\nsome prose").replace("\n", "\r\n"))
    assert "line: 4" in loaded(node, backend, mended.text).err
    assert mended.lines[3] == 4


def test_a_quoted_dump_with_an_unquoted_line_does_not_load_empty(node: Node, backend: Backend) -> None:
    quoted = "".join(f"> {line}\n" for line in TABLE.splitlines()).replace("> -A", "-A")
    assert loaded(node, backend, mend(quoted).text).code != 0


@pytest.mark.parametrize("name", DUMPS)
def test_a_real_dump_loads_once_it_is_mended(node: Node, backend: Backend, name: str) -> None:
    path = path_of(name)
    assert (loaded(node, backend, path.read_text()).code != 0) == (name in IN_NEED)
    assert bool(mend(path.read_text()).repairs) == (name in IN_NEED)
    text = loadable_text(path)
    assert loaded(node, backend, text).err == ""
    assert rules(node, backend) == text.count("\n-A ")
