"""Why iptables-restore refused a ruleset: its error output, told by the template's file and line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.errors import Problem
from lab.ruleset.advice import kernel_says, mended, without_words
from lab.ruleset.backend import Backend
from lab.ruleset.extensions import MATCHES, TABLES, TARGETS, module_of, resembled
from lab.ruleset.language import looks_like_nft
from lab.ruleset.render import Rendered
from lab.ruleset.rule import SavedRule, read_rule
from lab.ruleset.words import words

_MISSING_HERE = re.compile(r"Extension (\S+) revision \d+ not supported, missing kernel module")
_NOT_LOADED = re.compile(r"Couldn't load (match|target) [`'](\S+?)'")
_NO_CHAIN = re.compile(r"Chain '([^']+)' does not exist|goto '([^']+)' is not a chain|Couldn't load target `([^']+)'")
_BAD_TABLE = re.compile(r"(?:table name|initialize (?:iptables |ip6tables )?table) [`']([^']*)'", re.DOTALL)
_KERNEL = re.compile(r"^line (\d{1,9}): (\w+) failed \((.*?)\): (?:rule in chain |chain )?(\S*)", re.MULTILINE)
_AT_LINE = re.compile(r"(?:Error occurred at line: |COMMIT expected at line |\bline )(\d{1,9})\b")
_PREAMBLE = re.compile(r"\A[\w.-]{0,40}tables\S{0,40}(?: v[\d.]+ \((?:nf_tables|legacy)\))?: ?")
_NOISE = re.compile(r"^(?:Warning: .*|# .*|Error occurred at line: \d+|Try [`'].*)$", re.MULTILINE)
_RULE_START = re.compile(r"\s*(?:\[\d+:\d+\]\s*)?(?:-[AIR]|--append|--insert|--replace)\s*(\S+)")


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What the tool said, in its words, of which line (from 1, None where it names none), in which chain."""

    said: str
    line: int | None = None
    chain: str | None = None
    errno: str | None = None


def locate(stderr: str, rendered: Rendered, backend: Backend = Backend.NFT) -> Problem:
    r"""The error output of iptables-restore as one problem: template line, the rule's text, what the tool said.

    ``backend`` is the one that refused.  Reads both backends of iptables 1.8.7 and later.
    Where the tool names the line of COMMIT instead of the rule's, the
    rule is looked for; where it cannot be told, the problem says so.

    >>> dump = Rendered("*filter\n-A INPUT -j DORP\nCOMMIT\n", (None, "edge.rules.j2:42", None), "edge.rules.j2")
    >>> problem = locate("Chain 'DORP' does not exist\nError occurred at line: 2\n", dump)
    >>> str(problem.where), problem.mend
    ('edge.rules.j2:42', 'declare the chain before COMMIT: `:DORP - [0:0]`')
    """
    if looks_like_nft(rendered.text):
        what = "iptables refuses the rendered ruleset: it is an nft script"
        return Problem(what, rendered.where(1), "give it as the policy's `nft`, in a file NAME.nft")
    refusal = _read(stderr)
    lines = rendered.text.split("\n")
    number = _line_of(refusal, lines)
    line = lines[number - 1].strip() if number is not None and 0 < number <= len(lines) else ""
    what, mend = _explained(refusal, line, lines, number, backend)
    missing = is_missing_extension(stderr, rendered)
    if missing is not None:
        mend = f"this machine lacks {missing}{_modules(missing)}: install or enable it; `lab doctor` says what is there"
    place = f"line {number} of the rendered ruleset, `{line}`" if line else "the rendered ruleset"
    return Problem(f"iptables refuses {place}: {what}", rendered.where(number), mend)


def is_missing_extension(stderr: str, rendered: Rendered | None = None) -> str | None:
    """What this machine's kernel or iptables lacks for the ruleset (``match geoip``, ``nat table``); None if nothing.

    A name that is close to a known extension's is taken for a misspelling, and a target of no known name for a chain.
    With the ruleset, a kernel that says no more than "No such file or directory" of a rule is understood too.

    >>> is_missing_extension("Couldn't load match `geoip':No such file or directory")
    'match geoip'
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
    warned = list(dict.fromkeys(_MISSING_HERE.findall(stderr)))
    refusal = _read(stderr)
    if refusal.errno != "No such file or directory" and not (warned and refusal.said == ""):
        return None
    if rendered is not None:
        rule = _rule_at(rendered.text.split("\n"), _line_of(refusal, rendered.text.split("\n")))
        if rule is not None:
            named = [name for name in warned if name in (*rule.matches, rule.target, rule.proto)]
            return ", ".join(map(_extension, named)) or _lacking(rule)
    return ", ".join(map(_extension, warned)) or None


def _modules(missing: str) -> str:
    """The kernel's modules of what is missing, in brackets; nothing of a table."""
    names = [module_of(name) for name in re.findall(r"(?:match|target) (\w+)", missing)]
    return f" (the module {' or '.join(dict.fromkeys(names))})" if names else ""


def _extension(name: str) -> str:
    return f"{'target' if name in TARGETS else 'match'} {name}"


def _lacking(rule: SavedRule) -> str | None:
    """What of a rule that the kernel cannot find may be missing, when all that names it is the rule's own text."""
    if "--helper" in rule.text or "--nfacct-name" in rule.text:
        return None
    if rule.target is not None and rule.target not in TARGETS | {"ACCEPT", "DROP", "RETURN"}:
        return None
    names = [name for name in rule.matches if name not in ("comment", "rateest")]
    names += [rule.target] if rule.target in TARGETS else []
    return " or ".join(map(_extension, names)) or None


def _read(stderr: str) -> _Refusal:
    kernel = _KERNEL.search(stderr)
    if kernel is not None:
        number, step, errno, chain = kernel.groups()
        return _Refusal(errno, int(number), chain if step.startswith("RULE") else None, errno)
    at_line = _AT_LINE.search(stderr)
    said = _NOISE.sub("", stderr).strip()
    while (preamble := _PREAMBLE.match(said)) is not None and preamble.end():
        said = said[preamble.end():].strip()
    said = re.sub(r"\Aline \d+ failed(?:: )?|\Aline \d+ (?=table)|(?<=expected) at line \d+| line \d+(?=:)", "", said)
    said = " ".join(said.replace("`", "'").split()).rstrip(".").removesuffix(":No such file or directory")
    return _Refusal(said, int(at_line[1]) if at_line else None)


def _line_of(refusal: _Refusal, lines: list[str]) -> int | None:
    """The line of the rule at fault, which a tool that notices only at COMMIT does not name."""
    number = refusal.line
    if number is None:
        return None
    number = max(1, min(number, _last_line(lines)))
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


def _explained(
    refusal: _Refusal, line: str, lines: list[str], number: int | None, backend: Backend
) -> tuple[str, str]:
    """What is wrong, in words that follow the line, and how to mend it."""
    if lines[0].endswith("\r") or line.endswith("\r"):
        return "its lines end as on Windows", "save the template with Unix line ends"
    table = next((above[1:].strip() for above in reversed(lines[: number or 0]) if above.startswith("*")), None)
    if not refusal.said:
        return without_words(line, table, _chain_of(line), lines, backend)
    if refusal.errno is not None:
        return kernel_says(refusal.errno, _rule_at(lines, number), table or "filter", lines)
    return refusal.said, mended(refusal.said, line)
