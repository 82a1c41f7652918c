"""Whether a text has the form that iptables-restore reads: what it refuses, whatever machine it runs on.

Each of these was tried with iptables-nft-restore and iptables-legacy-restore 1.8.9; what only one of them refuses is left
to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from lab.ruleset.extensions import BUILT_IN_CHAINS, TARGETS
from lab.ruleset.foreign import EXCERPT, RUN, SAVE, Foreign, first_foreign, foreign, is_excerpt, is_shell_script, quoted, shown
from lab.ruleset.placeholders import first_placeholder, may_have_placeholders
from lab.ruleset.repairs import with_plain_dashes, without_text
from lab.ruleset.words import words

_VERDICTS = frozenset(("ACCEPT", "DROP", "RETURN", "QUEUE"))
_JUMP = re.compile(r"\s(?:-j|-g|--jump|--goto)[ \t]+([\w.+:-]+)")
_WRAPPED = re.compile(
    r"\s[^-\s]\S*[ \t]+(-[jgmpsdio]|--(?:jump|goto|match|protocol|source|destination|in-interface|out-interface|[ds]ports?"
    r"|comment|ctstate|state|to-destination|to-source|to-ports|reject-with|log-prefix|match-set|limit))[ \t]*\Z"
)
_COMMAND = re.compile(r'(?:\A|[\s"])-(?:[A-Z]|-(?:app|ins|del|rep|new|pol|flu|zer|ren|lis|che))')  # getopt takes beginnings too
_COUNTERS = re.compile(r"\s*\[\d+:\d+\]\s*")
_OF_S = re.compile(r"-[PNAI] \S")
_ANY_TABLE = re.compile(r"^[> \t]*\*(?:filter|nat|mangle|raw|security)\b", re.MULTILINE)
_ANY_POLICY = re.compile(r"^-P ", re.MULTILINE)
# who makes chains that a part of a ruleset jumps to, by how their names begin
_MAKERS = {
    "ufw-": "ufw", "ufw6-": "ufw", "f2b-": "fail2ban", "fail2ban-": "fail2ban", "DOCKER": "Docker", "KUBE-": "Kubernetes",
    "cali-": "Calico", "LIBVIRT_": "libvirt", "ts-": "Tailscale", "CNI-": "CNI", "sshguard": "sshguard", "nixos-": "NixOS",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the form of a text: in which line (from 1), what it is, and what to do."""

    line: int
    what: str
    mend: str


@dataclass(slots=True)
class _Reader:
    """A text on its way to iptables-restore, line by line."""

    text: str
    kind: str
    table: str | None = None
    known: dict[str, set[str]] = field(default_factory=dict)
    missing: set[tuple[str, str]] = field(default_factory=set)
    taken_out: set[str] = field(default_factory=set)
    may_have_placeholders: bool = False

    @property
    def harmless(self) -> int:
        """How many faults were told that nothing behind them follows from."""
        return len(self.missing) + len(self.taken_out)

    def read(self, number: int, line: str) -> Iterator[Fault]:
        """What is wrong with one line, which is not empty and no comment."""
        if self.table is None:
            if line[0] != "*" or line.endswith("\r"):
                yield self._outside(number, line)
            else:
                self.table = (line[1:].split() or [""])[0]
                self.known.setdefault(self.table, set(BUILT_IN_CHAINS.get(self.table, ())))
        elif line == "COMMIT":
            self.table = None
        elif line[0] == ":":
            parts = line[1:].split()
            if len(parts) < 2:
                yield Fault(number, f"`{line}` declares a chain without its policy", "write it as in `:FORWARD DROP [0:0]`")
            self.known[self.table].update(parts[:1])
        else:
            yield from self._within(number, line, self.table)

    def _outside(self, number: int, line: str) -> Fault:
        told = quoted(line)
        if line.endswith("\r"):
            return Fault(number, f"{told}: its lines end as on Windows", "save it with Unix line ends")
        if is_shell_script(self.text):
            return Fault(number, f"{told} stands in a shell script, which is no ruleset", RUN)
        if line.lstrip()[:1] == "#":
            return Fault(number, f"{told} has blanks in front, which make it no comment", "take the blanks out")
        if not line.strip():
            return Fault(number, "a line of blanks alone", "make it an empty line")
        found = foreign(line, self.kind)
        has_tables = _ANY_TABLE.search(self.text) is not None
        if found is None and not has_tables and not _OF_S.match(line):
            number, found = self._further_on(number)
            told = f"`{shown(self.text.split(chr(10), number)[number - 1])}`"
        if found is not None:
            return Fault(number, f"{told} is no part of a ruleset, but {found.what}", found.mend)
        if _OF_S.match(line) and not has_tables:
            return self._listed(number, told)
        excerpt = self._excerpt(number) if has_tables else None
        if excerpt is not None:
            return excerpt
        if not has_tables:
            return Fault(number, f"{told} is no part of a ruleset, and no line of this text begins a table", SAVE)
        mend = "take it out, or write `#` before it; a table begins with a line such as `*filter`, without blanks before it"
        return Fault(number, f"{told} stands outside any table", mend)

    def _excerpt(self, number: int) -> Fault | None:
        """The line behind this one that says that the text is an excerpt, which weighs more than what stands around it."""
        lines = self.text.split("\n")
        place = next((place for place in range(number, len(lines)) if is_excerpt(lines[place])), None)
        if place is None:
            return None
        return Fault(place + 1, f"`{shown(lines[place])}` is no part of a ruleset, but {EXCERPT.what}", EXCERPT.mend)

    def _further_on(self, number: int) -> tuple[int, Foreign | None]:
        """The next line of a text without tables that says what it is; the line itself where none does."""
        lines = self.text.split("\n")
        found = first_foreign(lines[number:], self.kind)
        return (number, None) if found is None else (number + found[0], found[1])

    def _listed(self, number: int, told: str) -> Fault:
        if _ANY_POLICY.search(self.text):
            return Fault(number, f"{told}: as what `iptables -S` prints, the text names no table", SAVE)
        what = "rules alone, without their table and the policies of its chains, of which it depends what they do"
        return Fault(number, f"{told}: these are {what}", SAVE)

    def _within(self, number: int, line: str, table: str) -> Iterator[Fault]:
        bare = _COUNTERS.sub("", line, count=1) if line.lstrip()[:1] == "[" else line.lstrip()
        if bare[:1] not in ("-", "!", '"'):
            yield self._no_rule(number, line, table)
            return
        if bare[0] != '"' and _COMMAND.search(bare) is None:
            mend = "if a mail or a terminal has wrapped the line above, join the two"
            yield Fault(number, f"`{shown(line)}` is a rule without its beginning, `-A CHAIN`", mend)
            return
        options = without_text(line) if " -t" in f" {bare}" or "--table" in bare else ()
        if any(word.value in ("-t", "--table") for word in options):
            yield Fault(number, f"`{shown(line)}` names a table with -t, which is for commands", "take `-t TABLE` out")
        elif _WRAPPED.search(line):
            yield Fault(number, f"`{shown(line)}` ends before the value of its last option", "join it with the next line")
        elif not line.isascii() and with_plain_dashes(line) != line:
            yield Fault(number, f"`{shown(line)}` has dashes of print before its options", "write `-` and `--`")
        elif "&quot;" in line and _html_quotes(line):
            yield Fault(number, f"`{shown(line)}` has HTML's `&quot;` for quotes", 'write `"`')
        else:
            if self.may_have_placeholders:
                yield from self._values_of(number, bare)
            yield from self._chains_of(number, bare, table)

    def _values_of(self, number: int, rule: str) -> Iterator[Fault]:
        value = first_placeholder(rule)
        if value is not None and value not in self.taken_out:
            self.taken_out.add(value)
            what = f"`{shown(value)}` stands for a value that is not in the text"
            yield Fault(number, what, "write one of the topology's; `{{ NAME }}` is a variable in files NAME.j2 alone")

    def _no_rule(self, number: int, line: str, table: str) -> Fault:
        bare, told = line.strip(), f"`{shown(line)}`"
        if line.endswith("\r"):
            return Fault(number, f"{told}: its lines end as on Windows", "save it with Unix line ends")
        if not bare:
            return Fault(number, "a line of blanks alone", "make it an empty line")
        if bare[0] == "*":
            what = f"{told} begins a table, but the COMMIT that ends *{table} is missing"
            return Fault(number, what, "end each table with COMMIT")
        if bare[0] in ":#" or bare == "COMMIT":
            return Fault(number, f"{told} has blanks around it, which iptables takes for a rule's", "take the blanks out")
        if not bare.isascii() and with_plain_dashes(bare)[:1] == "-":
            return Fault(number, f"{told} has dashes of print before its options", "write `-` and `--`")
        found = foreign(line, self.kind)
        if found is not None:
            return Fault(number, f"{told} is no part of a ruleset, but {found.what}", found.mend)
        mend = "take it out; or, if a mail or a terminal has wrapped the line above, join the two"
        return Fault(number, f"{told} is no rule and no chain of *{table}", mend)

    def _chains_of(self, number: int, rule: str, table: str) -> Iterator[Fault]:
        parts = rule.split(None, 2)
        known = self.known[table]
        if len(parts) > 1 and parts[0] in ("-N", "--new-chain"):
            known.add(parts[1])
        elif len(parts) > 1 and parts[0] in ("-E", "--rename-chain"):
            known.update(words(rule)[2:3])
        elif len(parts) > 1 and parts[0] in ("-A", "-I", "--append", "--insert"):
            if parts[1] not in known and parts[1] not in words(rule)[1:2]:
                return  # quoted
            yield from self._unknown(parts[1], number, table)
        for found in _JUMP.finditer(rule):
            name = found[1]
            if name in known or name in TARGETS or name in _VERDICTS or name.upper() == name:
                continue  # a target in capitals may be one that this machine has and the lab does not know
            pairs = pairwise(word.value for word in without_text(rule))
            if any(option in ("-j", "-g", "--jump", "--goto") and value == name for option, value in pairs):
                yield from self._unknown(name, number, table)

    def _unknown(self, chain: str, number: int, table: str) -> Iterator[Fault]:
        if chain not in self.known[table] and (table, chain) not in self.missing:
            self.missing.add((table, chain))
            maker = next((who for name, who in _MAKERS.items() if chain.startswith(name)), None)
            what = f"the chain {chain} does not exist in *{table} (yet)"
            if maker is None:
                yield Fault(number, what, f"declare it before COMMIT and above this line: `:{chain} - [0:0]`")
            else:
                what += f": {maker} makes it, and this text is a part of the ruleset alone"
                yield Fault(number, what, f"{SAVE}, while {maker} runs")


def faults(text: str, kind: str) -> tuple[Fault, ...]:
    r"""What iptables-restore refuses of a text of this kind (v4, v6): the first line that is no part of one, chains that
    nobody declared, a table without an end.  None of it needs a kernel, or the tool.

    >>> faults("-A INPUT -j DROP\n", "v4")
    (Fault(line=1, what='`-A INPUT -j DROP`: these are rules alone, without their table and the policies of its chains, of which
    it depends what they do', mend='take what `iptables-save` prints, which has every table'),)
    """
    reader = _Reader(text, kind, may_have_placeholders=may_have_placeholders(text))
    found: list[Fault] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if line[:1] in ("", "#"):
            continue
        before = reader.harmless
        of_line = list(reader.read(number, line))
        found += of_line
        if of_line and reader.harmless == before:
            return tuple(found)  # what is wrong behind it would follow from it
    if reader.table is not None:
        last = next((number for number in range(len(lines), 0, -1) if lines[number - 1]), 1)
        what = f"the text ends, and the COMMIT that ends *{reader.table} is missing"
        found.append(Fault(last, what, "end the table with COMMIT; is the dump whole?"))
    return tuple(found)


def _html_quotes(line: str) -> bool:
    """Whether a quote of HTML's opens a text of several words: to iptables these are arguments of their own."""
    found = words(line)
    return any(
        word.startswith("&quot;") and "&quot;" not in word[6:] and word != "&quot;" and after[:1] != "-"
        for word, after in pairwise(found)
    )
