"""Why iptables-restore refused a ruleset: its error output, told by the template's file and line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.errors import Problem, Where
from lab.ruleset.extensions import MATCHES, TABLES, TARGETS, resembled
from lab.ruleset.render import Rendered
from lab.ruleset.rule import SavedRule, read_rule
from lab.ruleset.words import words

_MISSING_HERE = re.compile(r"Extension (\S+) revision \d+ not supported, missing kernel module")
_NOT_LOADED = re.compile(r"Couldn't load (match|target) [`'](\S+?)'")
_NO_CHAIN = re.compile(r"Chain '([^']+)' does not exist|goto '([^']+)' is not a chain|Couldn't load target `([^']+)'")
_BAD_TABLE = re.compile(r"(?:table name|initialize (?:iptables |ip6tables )?table) [`']([^']*)'", re.DOTALL)
_KERNEL = re.compile(r"^line (\d+): (\w+) failed \((.*?)\): (?:rule in chain |chain )?(\S*)", re.MULTILINE)
_AT_LINE = re.compile(r"(?:Error occurred at line: |COMMIT expected at line |\bline )(\d+)")
_PREAMBLE = re.compile(r"\A[\w.-]*tables\S*(?: v[\d.]+ \((?:nf_tables|legacy)\))?: ?")
_NOISE = re.compile(r"^(?:Warning: .*|# .*|Error occurred at line: \d+|Try [`'].*)$", re.MULTILINE)
_RULE_START = re.compile(r"\s*(?:\[\d+:\d+\]\s*)?(?:-[AIR]|--append|--insert|--replace)\s*(\S+)")


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What the tool said, in its words, of which line (from 1, None where it names none), in which chain."""

    said: str
    line: int | None = None
    chain: str | None = None
    errno: str | None = None


def locate(stderr: str, rendered: Rendered) -> Problem:
    """The error output of iptables-restore as one problem: template line, the rule's text, what the tool said.

    Reads both backends of iptables 1.8.7 and later.  Where the tool names the line of COMMIT instead of the rule's, the
    rule is looked for; where it cannot be told, the problem says so.
    """
    refusal = _read(stderr)
    lines = rendered.text.split("\n")
    number = _line_of(refusal, lines)
    line = lines[number - 1].strip() if number is not None and 0 < number <= len(lines) else ""
    what, mend = _explained(refusal, line, lines, number)
    missing = is_missing_extension(stderr, rendered)
    if missing is not None and not mend:
        mend = f"install or enable {missing} on this machine; `lab doctor` says what it has"
    shown = f": {line}" if line else ""
    place = f"line {number} of the rendered ruleset" if line else f"the rendered {rendered.file}"
    return Problem(f"iptables refuses {place}, {what}{shown}", _where(rendered, number), mend)


def is_missing_extension(stderr: str, rendered: Rendered | None = None) -> str | None:
    """What this machine's kernel or iptables lacks for the ruleset (``match geoip``, ``nat table``); None if nothing.

    A name that is close to a known extension's is taken for a misspelling, and a target of no known name for a chain.
    With the ruleset, a kernel that says no more than "No such file or directory" of a rule is understood too.
    """
    not_loaded = _NOT_LOADED.search(stderr)
    if not_loaded is not None:
        kind, name = not_loaded.groups()
        known = MATCHES if kind == "match" else TARGETS
        if name in known or (kind == "match" and resembled(name, known) is None):
            return f"{kind} {name}"
        return None
    no_chain = _NO_CHAIN.search(stderr)
    if no_chain is not None:
        name = no_chain[1] or no_chain[2] or no_chain[3]
        return f"target {name}" if name in TARGETS else None
    table = _BAD_TABLE.search(stderr)
    if table is not None:
        return f"{table[1]} table" if table[1] in TABLES else None
    warned = [_extension(name) for name in _MISSING_HERE.findall(stderr)]
    refusal = _read(stderr)
    if refusal.errno == "No such file or directory" or (warned and refusal.said == ""):
        if warned:
            return ", ".join(dict.fromkeys(warned))
        return _lacking(refusal, rendered) if rendered is not None else None
    return None


def _extension(name: str) -> str:
    return f"{'target' if name in TARGETS else 'match'} {name}"


def _lacking(refusal: _Refusal, rendered: Rendered) -> str | None:
    """What of the rule at fault may be missing, when all that names one is its own text."""
    lines = rendered.text.split("\n")
    number = _line_of(refusal, lines)
    rule = _rule_at(lines, number)
    if number is None or rule is None or "--helper" in rule.text or "--nfacct-name" in rule.text:
        return None
    if rule.target is not None and rule.target not in TARGETS | {"ACCEPT", "DROP", "RETURN"}:
        return None
    names = [f"match {name}" for name in rule.matches if name not in ("comment", "rateest")]
    names += [f"target {rule.target}"] if rule.target in TARGETS else []
    return " or ".join(names) or None


def _read(stderr: str) -> _Refusal:
    kernel = _KERNEL.search(stderr)
    if kernel is not None:
        number, step, errno, chain = kernel.groups()
        return _Refusal(f"{errno} ({step})", int(number), chain if step.startswith("RULE") else None, errno)
    at_line = _AT_LINE.search(stderr)
    said = _NOISE.sub("", stderr).strip()
    while (preamble := _PREAMBLE.match(said)) is not None and preamble.end():
        said = said[preamble.end():].strip()
    said = re.sub(r"\Aline \d+ failed(?:: )?|\Aline \d+ (?=table)|(?<=expected) at line \d+| line \d+(?=:)", "", said)
    said = " ".join(said.replace("`", "'").split()).rstrip(".")
    return _Refusal(said, int(at_line[1]) if at_line else None)


def _line_of(refusal: _Refusal, lines: list[str]) -> int | None:
    """The line of the rule at fault, which a tool that notices only at COMMIT does not name."""
    number = refusal.line
    if number is None or not 0 < number <= len(lines):
        return number if number is None else _last_line(lines)
    no_chain = _NO_CHAIN.search(refusal.said.replace("target '", "target `"))
    if no_chain is not None:
        name = no_chain[1] or no_chain[2] or no_chain[3]
        return next((n for n in _rules_of_table(lines, number) if _jumps_to(lines[n - 1], name)), number)
    if refusal.chain is not None and _chain_of(lines[number - 1]) != refusal.chain:
        own = [n for n in _rules_of_table(lines, number) if _chain_of(lines[n - 1]) == refusal.chain]
        return own[0] if len(own) == 1 else number
    return number


def _last_line(lines: list[str]) -> int:
    return len(lines) - 1 if len(lines) > 1 and not lines[-1] else len(lines)


def _rules_of_table(lines: list[str], number: int) -> list[int]:
    """The numbers of the rule lines of the table that line ``number`` belongs to, up to that line."""
    start = next((n for n in range(number, 0, -1) if lines[n - 1].startswith("*")), 1)
    return [n for n in range(start, number + 1) if _chain_of(lines[n - 1]) is not None]


def _chain_of(line: str) -> str | None:
    found = _RULE_START.match(line)
    return found[1] if found else None


def _rule_at(lines: list[str], number: int | None) -> SavedRule | None:
    """The rule that stands in a line, of no table; None where no rule stands there."""
    chain = _chain_of(lines[number - 1]) if number is not None and 0 < number <= len(lines) else None
    if chain is None or number is None:
        return None
    text = lines[number - 1].strip()
    return read_rule("", chain, 1, text, words(text)[2:], (), None)


def _jumps_to(line: str, chain: str) -> bool:
    rule = _rule_at([line], 1)
    return rule is not None and rule.target == chain


def _table_at(lines: list[str], number: int | None) -> str:
    above = lines[:number or 0]
    return next((line[1:].strip() for line in reversed(above) if line.startswith("*")), "")


def _where(rendered: Rendered, number: int | None) -> Where:
    """The template's file and line; without a line of its own, the file."""
    source = rendered.sources[number - 1] if number is not None and 0 < number <= len(rendered.sources) else None
    if source is None:
        return Where(rendered.file)
    file, _, line = source.rpartition(":")
    return Where(file, int(line))


def _explained(refusal: _Refusal, line: str, lines: list[str], number: int | None) -> tuple[str, str]:
    """What is wrong, in words that follow "iptables refuses line 3,", and how to mend it."""
    if line.startswith("COMMIT") and not refusal.said:
        table = _table_at(lines, number)
        return (
            f"the kernel refuses the table {table} as a whole and iptables-legacy does not say which rule",
            "load it with iptables-nft, which names the rule",
        )
    if "\r" in "".join(lines[:1]) or line.endswith("\r"):
        return "its lines end as on Windows", "save the template with Unix line ends"
    rule = _rule_at(lines, number)
    if refusal.errno is not None:
        return _kernel_says(refusal, rule, _table_at(lines, number), lines)
    said = refusal.said or "it is no command, rule or chain of this format"
    return said, _mended(said)


_ONLY_IN = {
    "MASQUERADE": "POSTROUTING of the nat table", "SNAT": "POSTROUTING or INPUT of the nat table",
    "DNAT": "PREROUTING or OUTPUT of the nat table", "REDIRECT": "PREROUTING or OUTPUT of the nat table",
    "TPROXY": "PREROUTING of the mangle table", "CT": "the raw table", "NOTRACK": "the raw table",
    "REJECT": "INPUT, FORWARD or OUTPUT, and with `tcp-reset` needs -p tcp",
    "TCPMSS": "rules with -p tcp --tcp-flags SYN,RST SYN",
}


def _kernel_says(refusal: _Refusal, rule: SavedRule | None, table: str, lines: list[str]) -> tuple[str, str]:
    said = f"the kernel says {refusal.said}"
    target = rule.target if rule is not None else None
    if refusal.errno == "Too many links":
        return f"{said}: its chains call each other in a circle, or too deep", "take one of the jumps out of the circle"
    if refusal.errno == "Device or resource busy":
        return f"{said}: it is still jumped to", "remove the rules that jump to it first"
    if refusal.errno == "No such file or directory" and target is not None and not _extension_target(target):
        declared = any(line.startswith((f":{target} ", f"-N {target}")) for line in lines)
        if target in ("INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING"):
            return f"{said}: {target} is a built-in chain, which nothing can jump to", "jump to a chain of your own"
        if not declared:
            return f"{said}: the chain {target} does not exist", f"declare it in *{table}: `:{target} - [0:0]`"
    if refusal.errno == "No such file or directory":
        return f"{said}: something that the rule names is not there", "check what it names, and `lab doctor`"
    if refusal.errno == "Invalid argument" and target in _ONLY_IN:
        return f"{said}: the rule is not possible here", f"{target} stands only in {_ONLY_IN[target]}"
    if rule is not None and "owner" in rule.matches:
        return f"{said}: the rule is not possible here", "`-m owner` stands only in OUTPUT and POSTROUTING"
    return said, ""


def _extension_target(target: str) -> bool:
    return target in TARGETS or target in ("ACCEPT", "DROP", "RETURN", "QUEUE")


_MENDS = (
    (r"Chain '(.+?)' does not exist|goto '(.+?)' is not a chain", r"declare the chain before COMMIT: `:{0} - [0:0]`"),
    (r"unknown option \"--(?:d|s)ports?\"", "give the protocol before it: `-p tcp`"),
    (r"host/network '(.+?)' not found", "write an address of the ruleset's family; names are not looked up in the lab"),
    (r"Set (\S+) doesn't exist", "add the set {0} to the policy's ipset file"),
    (r"COMMIT expected", "end each table with a line COMMIT"),
    (r"Bad argument 'COMMIT'", "write COMMIT alone on its line, without blanks, with a newline behind it"),
    (r"Bad argument '\*\w+'", "end the table above with a line COMMIT"),
    (r"Bad argument '#", "a comment needs a line of its own, with # as its first character"),
    (r"Bad argument", "write `! -s ADDRESS`, with the ! before the option, if that was meant; else correct the word"),
    (r"Chain already exists|File exists", "declare the chain once"),
    (r"Bad policy name", "a chain's policy is ACCEPT or DROP; for REJECT, append a rule at its end"),
    (r"No chain/target/match by that name", "declare the chain before its rules, or correct its name"),
    (r"no command specified", "remove the blanks of the empty line"),
)


def _mended(said: str) -> str:
    for pattern, mend in _MENDS:
        found = re.search(pattern, said)
        if found is not None:
            return mend.format(next((group for group in found.groups() if group), ""))
    not_loaded = re.search(r"Couldn't load (match|target) '(.+?)'", said)
    if not_loaded is not None:
        meant = resembled(not_loaded[2], MATCHES if not_loaded[1] == "match" else TARGETS)
        if meant is not None:
            return f"{meant} is meant?"
        if not_loaded[1] == "target" and not_loaded[2] not in TARGETS:
            return f"declare the chain: `:{not_loaded[2]} - [0:0]`"
    table = re.search(r"table (?:name )?'(.*?)'", said)
    if table is not None and table[1] not in TABLES:
        return f"the tables are {', '.join(sorted(TABLES))}"
    return ""
