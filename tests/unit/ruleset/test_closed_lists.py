"""What texts of rules and sets may hold: what makes rules and sets, by however the tools shorten and quote it."""

from __future__ import annotations

import pytest

from lab.errors import InputError
from lab.ruleset.closed_lists import not_data, require_data
from lab.ruleset.ipset_statements import MAX_LINE_BYTES as MAX_SET_LINE
from lab.ruleset.render import Rendered
from lab.ruleset.restore_options import MAX_LINE_BYTES

RULES = [
    "-A INPUT -j DROP",
    "-I INPUT 2 -s 192.0.2.1 -j DROP",
    "-R INPUT 1 -j DROP",
    "-D INPUT 1",
    "-N own",
    "-P INPUT DROP",
    "-E own mine",
    "-F",
    "-Fown",
    "-X own",
    "-Z",
    "[12:3456] -A INPUT -j DROP",
    "-A INPUT -c 12 3456 -j DROP",
    "-A INPUT --set-counters 12,3456 -j DROP",
    "--append INPUT --protocol tcp --match tcp --dport 22 --jump ACCEPT",
    "-A INPUT --proto tcp -j DROP",
    "-A INPUT -ptcp -mtcp --dport=22 -jACCEPT",
    "-A INPUT ! -s 192.0.2.1 ! -p tcp -j DROP",
    "-A INPUT -f -j DROP",
    "-4 -A INPUT -j DROP",
    "-A INPUT -v -j DROP",
    '-A INPUT -m comment --comment "-M /x" -j DROP',
    "-A INPUT -m comment --comment -M -j DROP",
    "-A INPUT -m comment --comment=--modprobe=/x -j DROP",
    '-A INPUT -m comment --comment "who -h --help" -j DROP',
    '-A INPUT -j LOG --log-prefix "-V "',
    "-A INPUT -j DROP -- -M",  # nothing behind it is an option, and iptables refuses what is there
    "-A INPUT -s -M",  # -s takes the next word, whatever it is, and iptables says that it is no address
    '-A INPUT -m string --algo bm --string "--version" -j DROP',
    "-A INPUT -m statistic --mode random --probability 0.5 -j DROP",
    "-A INPUT -m helper --helper ftp -j ACCEPT",
    "-A INPUT -m time --weekdays Mo -m length --length 40:100 -m ttl --ttl-lt 5 -j DROP",
    "-A INPUT -m geoip --source-country DE -j DROP",
    "# -M /x",
    "*filter",
    ":INPUT DROP [0:0]",
    "COMMIT",
    "",
]
NO_RULES = [
    ("-A INPUT -M /x -j DROP", "-M"),
    ("-A INPUT -M/x -j DROP", "-M/x"),
    ("-A INPUT -fM /x -j DROP", "-fM"),
    ("-A INPUT -vM/x -j DROP", "-vM/x"),
    ("-A INPUT --modprobe /x", "--modprobe"),
    ("-A INPUT --modprobe=/x", "--modprobe=/x"),
    ("-A INPUT --mo /x", "--mo"),
    ("-A INPUT --m=/x", "--m=/x"),
    ('-A INPUT "-M" /x', "-M"),
    ('-A INPUT -"M" /x', "-M"),
    ('-A INPUT "\\-\\M" /x', "-M"),
    ('-A INPUT --mod"probe" /x', "--modprobe"),
    ('-A INPUT ""-M /x', "-M"),
    ('-A INPUT "- M" /x', "- M"),  # behind -p tcp getopt goes on with the second letter
    ('-A INPUT "-f M" /x', "-f M"),
    ("-A INPUT -j LOG --log-prefix --comment -M /x", "-M"),
    ("-A INPUT -m comment --comment=x -M /x", "-M"),
    ("-A INPUT -m comment --comm -M /x", "-M"),
    ("-A INPUT -s a\x0c--comment -M /x", "-M"),  # a form feed is no blank for iptables
    ("[1:2] -M /x -A INPUT", "-M"),
    ('["]-M /x " -A INPUT', "-M"),
    (" -M /x -A INPUT", "-M"),
    ("-A INPUT -h", "-h"),
    ("-A INPUT --he", "--he"),
    ("-V", "-V"),
    ("-A INPUT --ver", "--ver"),
    ("-L", "-L"),
    ("-S INPUT", "-S"),
    ("--list-rules", "--list-rules"),
    ("-C INPUT -j DROP", "-C"),
    ("-A INPUT -n -j DROP", "-n"),
    ("-A INPUT -j DROP -w 5", "-w"),
    ("-A INPUT -t nat -j DROP", "-t"),
    ("-A INPUT --tab nat -j DROP", "--tab"),
    ("-A INPUT -b -j DROP", "-b"),
    ("-A INPUT -q -j DROP", "-q"),
    ("-A INPUT --=/x", "--=/x"),
    ("-A INPUT -m bpf --object-pinned /sys/fs/bpf/x -j DROP", "--object-pinned"),
    ("-A INPUT -m bpf --obj /sys/fs/bpf/x -j DROP", "--obj"),
]
SETS = [
    "create a hash:ip",
    "create a hash:net family inet hashsize 1024 maxelem 65536 comment",
    "-N a hash:ip",
    "--create a hash:ip",
    "n a hash:ip",
    "a a 192.0.2.1",
    "add a 192.0.2.1 -exist",
    "-exist add a 192.0.2.1",
    "-! create a hash:ip",
    "--exist add a 192.0.2.1",
    'add a 192.0.2.1 comment "who -f is"',
    'add a 192.0.2.1 comment "-"',
    "-A a 192.0.2.1",
    "del a 192.0.2.1",
    "test a 192.0.2.1",
    "flush",
    "destroy a",
    "x",
    "swap a b",
    "w a b",
    "rename a b",
    "e a b",
    "-W a b",
    "-q flush a",
    "# save -file /x",
    "  # save -file /x",
    "COMMIT",
    "COMMIT\r",
    "",
]
NO_SETS = [
    ("save", "save"),
    ("sa", "sa"),
    ("s", "s"),
    ("-S", "-S"),
    ("--save", "--save"),
    ('"save"', "save"),
    ('s"av"e', "save"),
    ("\tsave", "save"),
    ("\x0bsave", "save"),
    ("save -file /x", "-file"),
    ("-file /x save", "-file"),
    ("add a 192.0.2.1 -f /x", "-f"),
    ("add a 192.0.2.1 --file /x", "--file"),
    ('add a 192.0.2.1 "-file" /x', "-file"),
    ('add a 192.0.2.1 -f"ile" /x', "-file"),
    ('add a 192.0.2.1 ""-f /x', "-f"),
    ('add a 192.0.2.1 comment "-f" /x', "-f"),  # ipset takes its options from values too
    ("add\ta 192.0.2.1\t-f /x", "-f"),
    ("add a 192.0.2.1 -o xml", "-o"),
    ("-t flush", "-t"),
    ("-exist save", "save"),
    ("list", "list"),
    ("l", "l"),
    ("-L a", "-L"),
    ("restore", "restore"),
    ("re", "re"),
    ("help", "help"),
    ("version", "version"),
    ("quit", "quit"),
    ("-", "-"),
    ("--", "--"),
    ("made up", "made"),
    ("-q", "no command"),
    ("$(touch x)", "$(touch"),
]


def text_of(line: str, file: str = "p.rules") -> Rendered:
    return Rendered(f"\n{line}\n", (f"{file}:1", f"{file}:2"), file)


def told(kind: str, line: str) -> str:
    (problem,) = not_data(kind, text_of(line))
    assert str(problem.where) == "p.rules:2"
    assert problem.mend
    return problem.what


@pytest.mark.parametrize("kind", ["v4", "v6"])
@pytest.mark.parametrize("line", RULES)
def test_what_makes_rules(kind: str, line: str) -> None:
    assert not_data(kind, text_of(line)) == ()


@pytest.mark.parametrize("kind", ["v4", "v6"])
@pytest.mark.parametrize(("line", "word"), NO_RULES)
def test_what_makes_no_rule(kind: str, line: str, word: str) -> None:
    assert f"`{word}`" in told(kind, line)


@pytest.mark.parametrize("line", SETS)
def test_what_makes_sets(line: str) -> None:
    assert not_data("ipset", text_of(line)) == ()


@pytest.mark.parametrize(("line", "word"), NO_SETS)
def test_what_makes_no_set(line: str, word: str) -> None:
    assert word in told("ipset", line)


@pytest.mark.parametrize(("kind", "most", "line"), [
    ("v4", MAX_LINE_BYTES, "-A INPUT -M /x -j DROP"), ("ipset", MAX_SET_LINE, "save -file /x"),
])  # fmt: skip
def test_what_a_tool_reads_as_a_line_of_its_own(kind: str, most: int, line: str) -> None:
    assert not_data(kind, text_of("#" * most)) == ()
    assert "longer than" in told(kind, "#" * most + line)
    assert "longer than" in told(kind, "#" + "é" * (most // 2) + line)


def test_each_line_is_told_and_no_more_than_twenty() -> None:
    text = "*filter\n-A INPUT -j DROP\n" + "-A INPUT -M /x\n" * 30 + "COMMIT\n"
    problems = not_data("v4", Rendered(text, tuple(f"p.rules:{line}" for line in range(1, 34)), "p.rules"))
    assert [str(problem.where) for problem in problems] == [f"p.rules:{line}" for line in range(3, 23)]


def test_a_copy_is_refused_with_the_line_of_the_text() -> None:
    written = text_of("-A INPUT -c 1 -s -M /x")
    require_data("v4", written, written.text)
    with pytest.raises(InputError, match=r"p\.rules:2: `-M` has iptables run a program"):
        require_data("v4", written, "\n[2:0] -A INPUT -M /x\n")
