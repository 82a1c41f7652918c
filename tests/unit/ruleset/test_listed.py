"""What `iptables -S` prints, and what `--mend` makes of it: a table where it is certain which, and nothing where it is not."""

from __future__ import annotations

import pytest

from lab.ruleset.form import faults
from lab.ruleset.mend import mend

POLICIES = "-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n"
RULES = '-N guests\n-A INPUT -i lo -j ACCEPT\n-A FORWARD -m comment --comment "to the shop" -j guests\n'
FILTER = POLICIES + RULES
NAT = "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n-A POSTROUTING -o wan -j MASQUERADE\n"
MADE = (
    "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:guests - [0:0]\n"
    '-A INPUT -i lo -j ACCEPT\n-A FORWARD -m comment --comment "to the shop" -j guests\nCOMMIT\n'
)


@pytest.mark.parametrize(
    ("text", "how"),
    [
        (FILTER, "whose chains these are"),
        ("$ sudo iptables -S\n" + FILTER, "as its command names no other"),
        ("# iptables -S\n" + FILTER, "as its command names no other"),
        ("[root@edge ~]# iptables -t filter -vS\n" + FILTER, "which its command names"),
        ("admin@edge:~$ iptables -w --list-rules\n" + FILTER + "admin@edge:~$ \n", "as its command names no other"),
        ("Here is `sudo iptables -S`, please help:\n\n" + FILTER + "\nThanks\n", "whose chains these are"),
        (FILTER.replace("DROP\n", "DROP -c 0 0\n"), "whose chains these are"),
        ("".join(f"> {line}\r\n" for line in FILTER.splitlines()), "whose chains these are"),
        ("```\n" + FILTER + "```\n", "whose chains these are"),
        (FILTER.replace("-", "\u2013"), "whose chains these are"),
    ],
)
def test_a_listing_becomes_the_table_that_it_is_of(text: str, how: str) -> None:
    found = mend(text)
    kept = [line for line in found.text.split("\n") if line and line[0] != "#"]
    assert [line.replace("\u2013", "-") for line in kept] == MADE.splitlines()
    assert not faults(found.text, "v4")
    told = [one.what for one in found.repairs if "of its own" in one.what]
    assert told == [(f"what `iptables -S` printed is put into a table of its own, *filter, {how}; of *nat, *mangle and *raw it "
                    "says nothing")]  # fmt: skip


def test_the_rules_keep_their_lines() -> None:
    found = mend("$ iptables -S\n" + FILTER)
    given = ("$ iptables -S\n" + FILTER).split("\n")
    for number, line in zip(found.lines, found.text.split("\n"), strict=True):
        if line[:2] == "-A":
            assert given[number - 1] == line


def test_listings_behind_each_other() -> None:
    text = "$ sudo iptables -S\n" + FILTER + "$ sudo iptables -S -t nat\n" + NAT + "$ \n"
    found = mend(text)
    assert [line for line in found.text.split("\n") if line[:1] == "*"] == ["*filter", "*nat"]
    assert not faults(found.text, "v4")
    told = [one.what for one in found.repairs if "of its own" in one.what]
    assert told[0].endswith("; of *mangle and *raw it says nothing")
    assert told[1].endswith("*nat, which its command names")
    bare = mend(FILTER + NAT)
    assert [line for line in bare.text.split("\n") if line[:1] == "*"] == ["*filter", "*nat"]


def test_counters_of_policies_stay() -> None:
    found = mend(FILTER.replace("-P INPUT DROP", "-P INPUT DROP -c 3 180"))
    assert ":INPUT DROP [3:180]" in found.text.split("\n")


# the rest of the table, the policies or the table itself is not known
UNCERTAIN = {
    "rules alone": RULES,
    "a chain alone": "$ iptables -S INPUT\n-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n",
    "a chain alone, without its command": "-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n",
    "cut by grep": "$ iptables -S | grep -v docker\n" + FILTER,
    "a command that names another table": "$ iptables -S -t nat\n" + FILTER,
    "the same table twice": FILTER + "\n" + FILTER,
    "both families": "$ iptables -S\n" + FILTER + "$ ip6tables -t nat -S\n" + NAT,
    "rules before their policies": RULES + POLICIES,
    "a policy twice": "-P INPUT ACCEPT\n" + FILTER,
    "a policy that no chain can have": FILTER.replace("FORWARD DROP", "FORWARD REJECT"),
    "behind a table": "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n" + FILTER,
}


@pytest.mark.parametrize("text", UNCERTAIN.values(), ids=UNCERTAIN)
def test_what_is_not_certain_is_refused(text: str) -> None:
    found = mend(text)
    assert not [one for one in found.repairs if "of its own" in one.what]
    assert faults(found.text, "v4")


def test_what_follows_a_rule_stays_with_it() -> None:
    """It may be the rest of the rule, without which the rule would mean something else."""
    found = mend(FILTER + "-A OUTPUT -p tcp\n-m tcp --syn --nonsense\nregards\n")
    assert faults(found.text, "v4")
