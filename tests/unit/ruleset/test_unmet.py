"""Names of hosts and of sets that nothing in the lab stands for."""

from __future__ import annotations

import pytest

from lab.ruleset.unmet import Unmet, unmet

SETS = ("blocked", "partners")


def told(line: str) -> list[str]:
    return [one.what.split(" is ")[0] for one in unmet(f"*filter\n-A INPUT {line} -j DROP\nCOMMIT\n", SETS)]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        *((f"{option} www.example.org", ["www.example.org"]) for option in ("-s", "-d", "--source", "--dst")),
        ("-s mail.example.org/24", ["mail.example.org"]),
        ("! -s localhost", ["localhost"]),
        ("-s ! localhost", ["localhost"]),
        ("-s cafe.be", ["cafe.be"]),
        ("-s cafe", ["cafe"]),
        ("-s x.x.x.x", []),
        ("-s 10.0.0.1,one.example,10.0.0.2,two.example", ["one.example", "two.example"]),
        ("-s one.example -d two.example", ["one.example", "two.example"]),
        ("-m iprange --src-range a.example-b.example", ["a.example-b.example"]),
        ("-j DNAT --to-destination web.example:8080", ["web.example"]),
        ("-j SNAT --to-source gw", ["gw"]),
    ],
)
def test_names_of_hosts(line: str, names: list[str]) -> None:
    assert told(line) == names


@pytest.mark.parametrize(
    "line",
    [
        "-s 10.0.0.1",
        "-s 10.0.0.0/255.0.0.0 ! -d 10.0.0.0/8",
        "-s 10.0.0.1,10.0.0.2",
        "-s 2001:db8::1/64",
        "-d fe80::/10",
        "-d ::ffff:abcd",
        "-s fe80::/10,beef::1",
        "-m iprange --src-range 10.0.0.1-10.0.0.9",
        "-m iprange --dst-range fd00::a-fd00::f",
        "-j DNAT --to-destination 10.0.0.1-10.0.0.4:80-90",
        "-j DNAT --to-destination [fd00::a]:80",
        '-m comment --comment "-s www.example.org --match-set absent src"',
        "-m comment --comment -s www.example.org",
        "-m recent --set --name web --rsource",
        "-i eth0 -m set --match-set blocked src",
        "-m set ! --match-set partners dst,dst",
    ],
)
def test_what_is_there_is_not_told(line: str) -> None:
    assert told(line) == []


@pytest.mark.parametrize(
    "line",
    ["-m set --match-set absent src", "-m set ! --match-set absent src", "-m set --match-set ! absent src",
     "-j SET --add-set absent src", "-j SET --del-set absent src"],
)  # fmt: skip
def test_sets_that_nobody_makes(line: str) -> None:
    found = unmet(f"*filter\n# --match-set none src\n-A INPUT {line}\n-A INPUT {line}\nCOMMIT\n", SETS)
    mend = "create it in the policy's ipset file: `create absent hash:ip`"
    assert found == (Unmet(3, "the set absent is not there", mend),)


def test_each_is_told_with_its_line() -> None:
    text = "*filter\n-A INPUT -s b.example\n-A INPUT -m set --match-set absent src\n\n-A INPUT -d b.example -s c.example"
    assert [one.line for one in unmet(text, ())] == [2, 3, 5, 5]
    assert unmet(text, ())[0].mend == "write its address"
