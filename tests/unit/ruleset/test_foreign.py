"""What people paste for a ruleset and is none: each is called what it is, in the line that says so."""

from __future__ import annotations

import pytest

from lab.ruleset.form import Fault, faults
from lab.ruleset.mend import mend
from lab.ruleset.nft.form import faults as nft_faults

RULE = "-A INPUT -p tcp -m tcp --dport 587 -j ACCEPT\n"
HEAD = "*filter\n:INPUT DROP [0:0]\n"
END = "COMMIT\n"
PROSE = "Dear list,\nthis is what I have:\n"

# text, the line that says what it is, words of what it is, words of what to do
WRONG = {
    "ufw status": (PROSE + "Status: active\n\nTo      Action   From\n", 3, "`ufw status`", "iptables-save"),
    "ufw status, its table alone": ("To                         Action      From\n--   ---\n", 1, "`ufw status`", ""),
    "ufw status, numbered": ("[ 1] 25/tcp                   ALLOW IN    Anywhere\n", 1, "`ufw status`", ""),
    "ufw status behind a prompt": ("edge:~$ sudo ufw status verbose\nStatus: active\n", 1, "`ufw status`", ""),
    "firewalld's zone that is not active": ("dmz\n  target: default\n", 2, "`firewall-cmd --list-all`", "nft list ruleset"),
    "firewalld's direct rules": ("ipv4 filter INPUT 0 -p tcp -j DROP\n", 1, "--get-all-rules", ""),
    "a listing behind prose": (PROSE + "Chain INPUT (policy DROP)\n", 3, "`iptables -L`", "iptables-save"),
    "a listing in full": ("Chain INPUT (policy DROP 3 packets, 180 bytes)\n pkts bytes\n", 1, "`iptables -L`", ""),
    "a listing's head": (" pkts bytes target     prot opt in\n", 1, "`iptables -L`", ""),
    "Docker Compose": ("services:\n  shop:\n    image: shop\n", 1, "Docker Compose", ""),
    "Kubernetes": ("apiVersion: networking.k8s.io/v1\n", 1, "Kubernetes", ""),
    "OpenWrt": ("\nconfig rule\n\toption src 'wan'\n", 2, "/etc/config/firewall", "nft list ruleset"),
    "RouterOS": ("/ip firewall filter\nadd action=drop chain=input\n", 1, "RouterOS", "Linux"),
    "Shorewall": ("#ACTION SOURCE DEST PROTO\nACCEPT net fw tcp 22\n", 2, "no line of this text begins a table", ""),
    "firewalld's own file": ('<?xml version="1.0"?>\n<zone>\n', 1, "XML", ""),
    "sets": ("create guests hash:ip family inet\nadd guests 10.0.0.7\n", 1, "`ipset save`", "NAME.ipset"),
    "addresses": ("1: lo: <LOOPBACK,UP> mtu 65536\n", 1, "addresses and routes", "topology"),
    "routes": ("default via 10.0.0.1 dev eth0\n", 1, "addresses and routes", "topology"),
    "a script with variables": ("IPT=/sbin/iptables\n$IPT -P INPUT DROP\n", 1, "a shell script", "unshare -rn"),
    "a script's loop": ("for port in 25 587; do\niptables -A INPUT -j ACCEPT\ndone\n", 1, "a shell script", "unshare -rn"),
    "a script behind prose": (PROSE + "${IPT} -t nat -A POSTROUTING -j MASQUERADE\n", 3, "a shell script", ""),
    "commands behind prompts": ("$ sudo iptables -t nat -A POSTROUTING -j MASQUERADE\n", 1, "typed at a terminal", "unshare"),
    "rules alone": (RULE, 1, "rules alone", "iptables-save"),
    "prose alone": (PROSE, 1, "no line of this text begins a table", "iptables-save"),
    "an excerpt": (HEAD + "...\n" + END, 3, "an excerpt", "whole dump"),
    "an excerpt, in words": (HEAD + RULE + "[ 200 lines omitted ]\n" + END, 4, "an excerpt", "whole dump"),
    "an excerpt behind prose": (PROSE + HEAD + "(some more rules)\n" + END, 5, "an excerpt", "whole dump"),
    "a template that is none": (HEAD + "{% for port in ports %}\n" + END, 3, "a template's statement", ".j2"),
    "a placeholder": (HEAD + "-A INPUT -s <office>/32 -j ACCEPT\n" + END, 3, "`<office>/32` stands for a value", "topology"),
    "a variable": (HEAD + "-A INPUT -i $WAN -j ACCEPT\n" + END, 3, "`$WAN` stands for a value", ""),
    "a variable in braces": (HEAD + "-A INPUT -d ${DB}/32 -j ACCEPT\n" + END, 3, "`${DB}/32` stands for a value", ""),
    "a template's variable": (HEAD + "-A INPUT --dport {{port}} -j ACCEPT\n" + END, 3, "`{{port}}` stands for", ".j2"),
    "letters for digits": (HEAD + "-A INPUT -s 203.0.113.x -j DROP\n" + END, 3, "`203.0.113.x` stands for", ""),
    "letters alone": (HEAD + "-A INPUT -s x.x.x.x -j DROP\n" + END, 3, "`x.x.x.x` stands for", ""),
    "capitals for a port": (HEAD + "-A INPUT -p tcp --dport SSH_PORT -j DROP\n" + END, 3, "`SSH_PORT` stands for", ""),
    "negated": (HEAD + "-A INPUT ! -s <office> -j DROP\n" + END, 3, "`<office>` stands for", ""),
    "capitals": (HEAD + "-A INPUT -s YOUR_IP -j DROP\n" + END, 3, "`YOUR_IP` stands for", ""),
    "ufw's own file": (HEAD + ":ufw-in - [0:0]\n-A ufw-in -j ufw-deny\n" + END, 4, "ufw makes it", "ufw runs"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "words", "mends"), WRONG.values(), ids=WRONG)
def test_each_is_called_what_it_is(text: str, line: int, words: str, mends: str) -> None:
    (fault,) = faults(text, "v4")
    assert fault.line == line
    assert words in fault.what
    assert mends in fault.mend


@pytest.mark.parametrize(("text", "line", "words", "mends"), WRONG.values(), ids=WRONG)
def test_none_is_made_a_ruleset(text: str, line: int, words: str, mends: str) -> None:
    assert faults(mend(text).text, "v4")


# what only looks like it
RIGHT = {
    "a comment": HEAD + '-A INPUT -m comment --comment "from <office>, see $WIKI or x.x.x.x" -j ACCEPT\n' + END,
    "a prefix": HEAD + '-A INPUT -j LOG --log-prefix "$WAN {{ 1 }} "\n' + END,
    "a chain's name": HEAD + ":MY_HOST - [0:0]\n-A INPUT -j MY_HOST\n-A MY_HOST -j DROP\n" + END,
    "a chain's odd name": HEAD + ":<in> - [0:0]\n-A INPUT -g <in>\n-A <in> -j DROP\n" + END,
    "an interface's name": HEAD + "-A INPUT -i MY_NET -o xx.x -j DROP\n" + END,
    "a set's name": HEAD + "-A INPUT -m set --match-set DB_SERVER src -j DROP\n" + END,
    "a pattern": HEAD + '-A INPUT -m string --algo bm --string "<script>" -j DROP\n' + END,
    "comments of a file": "#ACTION SOURCE DEST\n# ...\n# (some lines left out)\n# default via 10.0.0.1\n" + HEAD + RULE + END,
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_a_ruleset_is_none_of_it(text: str) -> None:
    assert faults(text, "v4") == ()


def test_every_placeholder_is_told_once() -> None:
    rules = "-A INPUT -s <a> -j DROP\n-A INPUT -d <b> -j DROP\n-A INPUT -s <a> -d <c> -j DROP\n"
    assert [fault.line for fault in faults(HEAD + rules + END, "v4")] == [3, 4]


OF_NFT = {
    "a chain alone": ("\tchain in {\n\t\tdrop\n\t}\n", 1, "a part of a table", "nft list ruleset"),
    "a rule alone": ("tcp dport 25 accept\n", 1, "a part of a table", "table FAMILY NAME"),
    "a chain's head": ("type filter hook input priority 0; policy drop;\n", 1, "a part of a table", ""),
    "what iptables made": ('table ip t {\nchain c {\nxt match "comment" accept\n}\n}\n', 3, "iptables made", "iptables-save"),
    "an excerpt": ("table ip edge {\n\tchain in {\n\t\t...\n\t}\n}\n", 3, "an excerpt", "whole dump"),
    "an excerpt in words": ("table ip edge {\n\t(rest omitted)\n}\n", 2, "an excerpt", "whole dump"),
    "a listing of iptables": ("Chain INPUT (policy DROP)\n", 1, "`iptables -L`", "nft list ruleset"),
}


@pytest.mark.parametrize(("text", "line", "words", "mends"), OF_NFT.values(), ids=OF_NFT)
def test_what_is_no_script(text: str, line: int, words: str, mends: str) -> None:
    (fault,) = nft_faults(text)
    assert fault.line == line
    assert words in fault.what
    assert mends in fault.mend


@pytest.mark.parametrize(
    "text",
    [
        "define DENY = { 25, 587 }\ndefine default = 1\ntable ip edge {\n\tmap m { type ipv4_addr : verdict; }\n}\n",
        "add map ip edge m { type ipv4_addr : verdict; }\n",
        "chain ip edge in { type filter hook input priority 0; }\nset ip edge s { type ipv4_addr; }\n",
        'table ip edge {\n\tchain c { comment "..."; tcp flags & (fin | syn) == syn drop; }\n}\n# ...\n',
    ],
)
def test_a_script_is_none_of_it(text: str) -> None:
    assert nft_faults(text) == ()


@pytest.mark.parametrize("piece", ["(omitted ", "<", "x.", "$", "{{", "[", "a@", "iptables -S ", "\u2026", "> ", "0.", "1 "])
def test_a_hostile_line_takes_no_time(piece: str) -> None:
    """Each of these took minutes where a pattern was tried from every place of the line."""
    long = piece * (1_000_000 // len(piece))
    found: list[Fault] = []
    for text in (long, f"{HEAD}-A INPUT -s {long} -j DROP\n", f"{HEAD}{long}\n", f"{long}\n{HEAD}{END}"):
        found += faults(text, "v4")
        mend(text)
    assert found
