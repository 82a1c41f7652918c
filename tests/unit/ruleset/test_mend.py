"""Dumps as people have them, and what is repaired in them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab.ruleset.mend import mend
from lab.ruleset.mended import Mended, Repair

RULE = "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"
FINE = f"# made\n*filter\n:INPUT DROP [0:0]\n[3:180] {RULE}\n{RULE}\nCOMMIT\n\n*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n# end\n"


def table(*lines: str, name: str = "filter") -> str:
    return "\n".join((f"*{name}", ":INPUT ACCEPT [0:0]", *lines, "COMMIT", ""))


def rule_of(*lines: str) -> list[str]:
    """The lines between the chains and COMMIT, mended."""
    return mend(table(*lines)).text.split("\n")[2:-2]


def repaired(found: Mended) -> list[int]:
    return [repair.line for repair in found.repairs]


@pytest.mark.parametrize("text", [FINE, "", "\n", "table inet filter {\n}\n", "hello\n", f"{RULE}\nCOMMIT\n", table(RULE)])
def test_what_needs_nothing_stays(text: str) -> None:
    assert mend(text) == Mended(text, (), tuple(range(1, text.count("\n") + 2)))


@pytest.mark.parametrize(
    ("messy", "lines"),
    [
        (FINE.replace("\n", "\r\n"), [1]),
        ("\ufeff" + FINE, [1]),
        (FINE.replace("\nCOMMIT\n\n", "\nCOMMIT \t\n\n"), [6]),
        (FINE.replace("\nCOMMIT\n\n", "\n  COMMIT\n\n"), [6]),
        (FINE.replace("COMMIT\n\n", "COMMIT\n \t\n"), [7]),
        (FINE.replace("*filter", "\t*filter"), [2]),
        (FINE.replace(":INPUT", "  :INPUT"), [3]),
        (FINE.replace(f"\n{RULE}", f"\n  {RULE}"), [5]),
        (FINE.replace("[3:180]", " [3:180]"), [4]),
        (FINE.replace("# end", " # end"), [11]),
        (FINE.replace(f"\n{RULE}", "\n" + RULE.replace(" ", "\u00a0")), [5]),
        (FINE.replace(":INPUT DROP ", ":INPUT\u00a0DROP\u202f"), [3]),
        (FINE.replace("*nat", "*nat\u00a0"), [8]),
        ("".join(f"> {line}\n" for line in FINE.split("\n")[:-1]), [1]),
        ("".join(f">> {line}\n" if line else ">>\n" for line in FINE.split("\n")[:-1]), [1]),
        (FINE.replace(f"\n{RULE}", f"\n--More--\b\b {RULE}"), [5]),
        (FINE.replace(f"\n{RULE}", f"\niptables -A{RULE[2:]}"), [5]),
        (FINE.replace(f"\n{RULE}", f"\nsudo /sbin/iptables -t filter {RULE}"), [5]),
        (FINE.replace(f"\n{RULE}", f"\n{RULE}".replace("--", "\u2014")), [5]),
        (FINE.replace(f"\n{RULE}", f"\n{RULE}".replace("--", "\u2013-")), [5]),
        (FINE.replace(f"\n{RULE}", f"\n{RULE}".replace("-", "\u2013")), [5]),
    ],
)
def test_a_dump_becomes_what_it_was(messy: str, lines: list[int]) -> None:
    found = mend(messy)
    assert found.text == FINE
    assert repaired(found) == lines
    assert found.lines == tuple(range(1, 13))


@pytest.mark.parametrize(
    ("messy", "lines"),
    [
        ("root@fw:~# iptables-save\n{}", [1]),
        ("$ cat rules.v4\n{}", [1]),
        ("Hello,\nmy rules - do they help?\n\n{}", [1, 2]),
        ("- first\n* a list\n{}", [1, 2]),
        ("{}root@fw:~# exit\nlogout\n", [12, 13]),
        ("{}-- \nBob\n", [12, 13]),
        ("--More--\n{}", [1]),
    ],
)
def test_prose_around_a_dump_is_left_out(messy: str, lines: list[int]) -> None:
    found = mend(messy.format(FINE))
    assert found.text.strip("\n") == FINE.strip("\n")
    assert repaired(found) == lines
    assert found.lines == tuple(range(1, messy.format(FINE).count("\n") + 2))


def test_prose_between_two_tables_is_left_out() -> None:
    assert mend(FINE.replace("COMMIT\n\n", "COMMIT\nand the nat table:\n")).text == FINE


def test_prose_between_two_dumps_stays() -> None:
    """The second one may be that of IPv6, and would take the first one's place."""
    two = table(RULE) + "root@fw:~# ip6tables-save\n" + table(RULE)
    assert mend(two).text == two
    assert mend(f"first\n{two}last\n").text == f"\n{two}\n"


@pytest.mark.parametrize(
    "line",
    [RULE, f"  {RULE}", RULE.replace("-", "\u2013"), f"> {RULE}", f"| {RULE}", f"iptables {RULE}", ":A - [0:0]", "COMMIT",
     "> *nat", "[0:0] -A X"],
)  # fmt: skip
def test_a_part_of_a_table_is_no_prose(line: str) -> None:
    assert mend(f"{line}\n{FINE}").text == f"{line}\n{FINE}"


def test_a_prompt_within_a_table_is_left_out() -> None:
    assert rule_of(RULE, "[root@fw ~]# ") == [RULE, ""]
    assert rule_of(RULE, "root@fw:~# iptables -F") == [RULE, "root@fw:~# iptables -F"]


@pytest.mark.parametrize(
    "command",
    ["iptables-save | grep -v lo | iptables-restore", "cat rules.v4 | sudo iptables-restore", "nft flush ruleset",
     "exit; iptables -F", "cat new.nft | nft -f -", "cat x && iptables -P INPUT DROP"],
)  # fmt: skip
def test_a_prompt_with_a_command_that_changes_rules_stays(command: str) -> None:
    assert rule_of(RULE, f"root@fw:~# {command}") == [RULE, f"root@fw:~# {command}"]


@pytest.mark.parametrize("quoted", ["> {}", ">> {}", "{}"])
def test_mail_quoting_is_only_taken_from_every_line(quoted: str) -> None:
    lines = [quoted.format(line) for line in table(RULE).split("\n")[:-1]]
    lines[2] = f"> {lines[2]}"
    assert mend("\n".join(lines) + "\n").text == "\n".join(lines) + "\n"


@pytest.mark.parametrize("second", [">> {}\n", "{}\n"])
def test_a_dump_within_the_answer_to_another_stays(second: str) -> None:
    """Which of the two is meant, nobody can tell."""
    lines = table(RULE).split("\n")[:-1]
    both = "".join(map("> {}\n".format, lines)) + "".join(map(second.format, lines))
    assert mend(both) == Mended(both, (), tuple(range(1, 10)))


def test_what_is_written_around_a_quoted_dump() -> None:
    quoted = "".join(f"> {line}\n" for line in table(RULE).split("\n")[:-1])
    found = mend(f"Bob wrote:\n> hello\n{quoted}\nyes\n")
    assert found.text == f"\n\n{table(RULE)}\n\n"
    assert repaired(found) == [1, 2, 2, 8]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *(
            (f"{option} ! {value}", f"! {option} {value}")
            for option, value in (
                ("-s", "10.0.0.0/8"), ("-d", "10.0.0.1"), ("-i", "eth0"), ("-o", "eth+"), ("-p", "tcp"), ("--source", "::1"),
                ("--dport", "22"), ("--sport", "1:1023"), ("--state", "NEW"), ("--tcp-flags", "SYN,ACK SYN"),
                ("--icmp-type", "8"), ("--mac-source", "00:11:22:33:44:55"),
            )
        ),
        ("-s  !\t10.0.0.1", "! -s\t10.0.0.1"),
        ("-s ! 10.0.0.1 -d ! 10.0.0.2", "! -s 10.0.0.1 ! -d 10.0.0.2"),
        ('-m comment --comment "-d ! x" -d ! 10.0.0.1', '-m comment --comment "-d ! x" ! -d 10.0.0.1'),
        ('-d ! 10.0.0.1 -m comment --comment "no! no"', '! -d 10.0.0.1 -m comment --comment "no! no"'),
    ],
)  # fmt: skip
def test_an_old_negation_is_written_anew(old: str, new: str) -> None:
    found = mend(table(f"-A INPUT {old} -j DROP"))
    assert found.text == table(f"-A INPUT {new} -j DROP")
    assert found.repairs == (Repair(3, "each negation stands before its option now, as in `! -d ADDRESS`"),)


@pytest.mark.parametrize(
    "line",
    [
        "-A INPUT ! -s 10.0.0.1 ! -d 10.0.0.2 -m tcp ! --syn",
        "-A INPUT -m limit --limit ! 3/s",
        "-A INPUT -m string --algo bm --string ! x",
        '-A INPUT -m comment --comment "-d ! 10.0.0.1"',
        "-A INPUT -m comment --comment -d ! 10.0.0.1",
        '-A INPUT -d "!" 10.0.0.1',
        "-A INPUT ! -d ! 10.0.0.1",
        "-A INPUT -j LOG --log-prefix “a\u00a0\u2014b”",
        "-A INPUT -j LOG --log-prefix “one",
        "-A INPUT -m comment --comment “one -j LOG --log-prefix two”",
        '-A INPUT -m comment --comment "iptables \u2013 “x” \u00a0 XX:XX:XX:XX:XX:XX  "',
        "-A INPUT -m comment --comment \u2013dport",
        "-A INPUT -m string --algo bm --string \u2014a",
        "-A INPUT -m comment --comm \u2013dport",
        "-A INPUT -j \u2013own",
        "-A INPUT -j DROP  ",
        "-A UNDECLARED -j DROP",
        "iptables -t nat -A INPUT -j DROP",
        "iptables -A INPUT -m comment --comment 'a b'",
        "iptables -A INPUT -s $LAN",
        "iptables -A INPUT -j DROP # why",
        "iptables -D INPUT 1",
        "some \u2013 prose “in” a\u00a0table",
        "*filter",
        '" -j DROP',
    ],
)
def test_what_is_not_certain_stays(line: str) -> None:
    assert mend(table(line)) == Mended(table(line), (), tuple(range(1, 6)))


def test_a_command_is_that_of_its_table() -> None:
    in_nat = "-A PREROUTING -j ACCEPT"
    assert mend(table(f"iptables -t nat {in_nat}", name="nat")).text == table(in_nat, name="nat")
    assert mend(table(f"iptables {in_nat}", name="nat")).repairs == ()


def test_commands_of_both_families_stay() -> None:
    """They cannot all be rules of the family that the text is loaded into."""
    both = table(f"iptables {RULE}", f"ip6tables {RULE}")
    assert mend(both).text == both


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("--comment “two words” -j DROP", '--comment "two words" -j DROP'),
        ("--comment „zwei \u2013 Wörter“ -j DROP", '--comment "zwei \u2013 Wörter" -j DROP'),
        ("-s “10.0.0.1” -j DROP", '-s "10.0.0.1" -j DROP'),
        ("\u2013-comment “two words” \u2014dport 22", '--comment "two words" --dport 22'),
    ],
)
def test_quotes_of_print(old: str, new: str) -> None:
    assert rule_of(f"-A INPUT {old}") == [f"-A INPUT {new}"]


def test_a_text_keeps_its_blanks_that_do_not_break() -> None:
    line = '-A\u00a0INPUT -m comment --comment a\u00a0b\u00a0 -m comment\u00a0--comment\u00a0"c\u00a0d"\u00a0-j\u00a0DROP'
    assert rule_of(line) == ['-A INPUT -m comment --comment a\u00a0b\u00a0 -m comment --comment "c\u00a0d" -j DROP']


def test_unreadable_hardware_addresses() -> None:
    mac = "-A INPUT -m mac --mac-source {} -j DROP"
    written = ("XX:XX:XX:XX:XX:XX", "00:11:xx:xx:xx:xx", "**:**:**:**:**:**", "XX:XX:XX:XX:XX:XX", "02:00:00:00:00:02")
    numbers = (1, 3, 4, 1, 2)
    assert rule_of(*map(mac.format, written)) == [mac.format(f"02:00:00:00:00:0{number}") for number in numbers]
    assert rule_of(mac.format("! XX:XX:XX:XX:XX:XX")) == [
        "-A INPUT -m mac ! --mac-source 02:00:00:00:00:01 -j DROP"
    ]
    assert rule_of(mac.format("XX:XX")) == [mac.format("XX:XX")]


def test_a_missing_commit() -> None:
    found = mend(f"*filter\n{RULE}\n# nat\n\n*nat\n-A PREROUTING -j ACCEPT\n# end\n")
    assert found.text == f"*filter\n{RULE}\nCOMMIT\n# nat\n\n*nat\n-A PREROUTING -j ACCEPT\nCOMMIT\n# end\n"
    assert found.lines == (1, 2, 2, 3, 4, 5, 6, 6, 7, 8)
    assert repaired(found) == [2, 6]
    assert [repair.what.split(" was ")[0] for repair in found.repairs] == [
        "the COMMIT that ends *filter", "the COMMIT that ends *nat",
    ]  # fmt: skip


def test_a_missing_newline() -> None:
    assert mend("*filter\nCOMMIT") == Mended(
        "*filter\nCOMMIT\n", (Repair(2, "the newline behind the last COMMIT was missing"),), (1, 2, 2)
    )
    assert mend(f"*filter\n{RULE}").text == f"*filter\n{RULE}\nCOMMIT\n"


def test_a_table_that_begins_again_is_not_committed() -> None:
    """With a COMMIT between them, the second would take the place of the first."""
    assert mend(f"*filter\n{RULE}\n*filter\n{RULE}\nCOMMIT\n").repairs == ()


PIECES = [
    *FINE.split("\n"), "", " ", "\r", "COMMIT ", "  COMMIT", " *nat", "*raw", "> ", ">> ", "--More--", "--More--(5%)", "$ ",
    "root@fw:~# ", "iptables ", "/sbin/iptables ", "iptables -t nat ", "-A INPUT ", "\u2013A INPUT ", "\u2014dport ",
    "\u2013-comment ", "--comment ", "--log-prefix ", "-d ", "! ", "-s ! x ", "--mac-source ", "XX:xx:XX:XX:XX:XX ", '"',
    "\\", "\u201ca b\u201d ", "\u201c", "\u201d ", "\u00a0", "\t", "-j DROP", "prose ", "\ufeff", "[0:0] ", ":A\u00a0- [0:0]",
]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), max_size=12).map("\n".join))
@example("*filter# made\n[3:180] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT --comment \n> ")
def test_what_is_mended_needs_no_mending(text: str) -> None:
    found = mend(text)
    again = mend(found.text)
    assert (again.text, again.repairs) == (found.text, ())
    assert len(found.lines) == found.text.count("\n") + 1
    written = set(range(1, text.count("\n") + 2))
    joined = any("is one line again" in repair.what for repair in found.repairs)  # its first line stands for all of it
    assert set(found.lines) == written or (joined and set(found.lines) < written)
    assert list(found.lines) == sorted(found.lines)
    assert bool(found.repairs) == (found.text != text)
    assert found.text.count("-A ") >= text.count("\n-A ")


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), max_size=12))
def test_a_table_with_rules_is_mended_once(lines: list[str]) -> None:
    found = mend(table(*lines))
    assert mend(found.text).repairs == ()
