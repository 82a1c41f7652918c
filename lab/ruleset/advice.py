"""How to mend a ruleset that was refused: what iptables or the kernel says, and what a person then does."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lab.ruleset.backend import Backend
from lab.ruleset.extensions import MATCHES, TABLES, TARGETS, resembled
from lab.ruleset.rule import SavedRule

BUILT_IN_CHAINS = frozenset(("INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING"))
_VERDICTS = frozenset(("ACCEPT", "DROP", "RETURN", "QUEUE"))
_ONLY_IN = {
    "MASQUERADE": "POSTROUTING of the nat table", "SNAT": "POSTROUTING or INPUT of the nat table",
    "DNAT": "PREROUTING or OUTPUT of the nat table", "REDIRECT": "PREROUTING or OUTPUT of the nat table",
    "TPROXY": "PREROUTING of the mangle table", "CT": "the raw table", "NOTRACK": "the raw table",
    "REJECT": "INPUT, FORWARD or OUTPUT, and with `tcp-reset` needs -p tcp",
    "TCPMSS": "rules with -p tcp --tcp-flags SYN,RST SYN",
}


def is_declared(chain: str, lines: Sequence[str]) -> bool:
    """Whether some line of the ruleset declares the chain."""
    return any(line.startswith((f":{chain} ", f"-N {chain}")) for line in lines)


def without_words(
    line: str, table: str | None, chain: str | None, lines: Sequence[str], backend: Backend
) -> tuple[str, str]:
    """What can be said of a line that iptables refuses without a word, and how to mend it; ``backend`` refused it."""
    if table is None:
        return "it stands outside any table", "begin a table with a line such as `*filter`, without blanks before it"
    if line == "COMMIT":
        mend = f"take rules of *{table} out until it loads"
        if backend is Backend.LEGACY:
            mend += ", or load it without `--backend legacy`: iptables-nft names the rule"
        return f"the kernel refuses the table {table} as a whole, and this iptables does not say which rule", mend
    if chain is not None and chain not in BUILT_IN_CHAINS and not is_declared(chain, lines):
        return f"the chain {chain} does not exist", f"declare it in *{table}: `:{chain} - [0:0]`"
    if backend is Backend.LEGACY:
        return "this iptables does not say why", "load it without `--backend legacy`: iptables-nft says more"
    return "this iptables does not say why", "take its options out one by one until it loads: the last one was wrong"


def kernel_says(errno: str, rule: SavedRule | None, table: str, lines: Sequence[str]) -> tuple[str, str]:
    """What an error of the kernel means for this rule, and how to mend it."""
    said = f"the kernel says {errno}"
    target = rule.target if rule is not None else None
    if errno == "Too many links":
        return f"{said}: its chains call each other in a circle, or too deep", "take one of the jumps out of the circle"
    if errno == "Device or resource busy":
        return f"{said}: it is still jumped to", "remove the rules that jump to it first"
    if errno == "No such file or directory":
        if target in BUILT_IN_CHAINS:
            return f"{said}: {target} is a built-in chain, which nothing can jump to", "jump to a chain of your own"
        if target is not None and target not in TARGETS | _VERDICTS and not is_declared(target, lines):
            return f"{said}: the chain {target} does not exist", f"declare it in *{table}: `:{target} - [0:0]`"
        return f"{said}: something that the rule names is not there", "check what it names, and `lab doctor`"
    if errno == "Invalid argument" and rule is not None and table == "raw" and "--timeout" in rule.text and target == "CT":
        return f"{said}: a timeout policy is of one family and protocol", "give each protocol one of its own name"
    if errno == "Invalid argument" and target in _ONLY_IN:
        return f"{said}: the rule is not possible here", f"{target} stands only in {_ONLY_IN[target]}"
    if errno == "Invalid argument" and rule is not None and "owner" in rule.matches:
        return f"{said}: the rule is not possible here", "`-m owner` stands only in OUTPUT and POSTROUTING"
    return said, ""


_MENDS = (
    (r"Chain '(.+?)' does not exist|goto '(.+?)' is not a chain", r"declare the chain before COMMIT: `:{0} - [0:0]`"),
    (r"unknown option \"--(?:d|s)ports?\"", "give the protocol before it: `-p tcp`"),
    (
        (r"Invalid address format|unknown option \"--(?:ttl|hl)-"
        r"|host/network '(?:[0-9a-fA-F]*:[0-9a-fA-F:.]*|[0-9.]+)' not found"),
        "an address or option of the other family? IPv6 rules belong into NAME.rules6, IPv4 rules into NAME.rules",
    ),
    (r"host/network '(.+?)' not found", "write an address of the ruleset's family; names are not looked up in the lab"),
    (r"Set (\S+) doesn't exist", "add the set {0} to the policy's ipset file"),
    (r"COMMIT expected", "end each table with a line COMMIT"),
    (r"Bad argument 'COMMIT'", "write COMMIT alone on its line, without blanks, with a newline behind it"),
    (r"Bad argument '\*\w+'", "end the table above with a line COMMIT"),
    (r"Bad argument '#", "a comment needs a line of its own, with # as its first character"),
    (r"Bad argument", "correct the word; a negation stands before its option, as in `! -s ADDRESS`"),
    (
        r"unknown option \"--days\"",
        "write `--weekdays Mon,Tue --kerneltz`: iptables 1.2 went by the machine's own zone, and today's goes by UTC",
    ),
    (r"Chain already exists|File exists", "declare the chain once"),
    (r"Bad policy name", "a chain's policy is ACCEPT or DROP; for REJECT, append a rule at its end"),
    (r"No chain/target/match by that name", "declare the chain before its rules, or correct its name"),
    (r"no command specified", "remove the blanks of the empty line"),
)


def mended(said: str, line: str) -> str:
    """How to mend what iptables says of this line; empty where its words are enough."""
    argument = re.match(r"Bad argument '(\w+)'", said)
    if argument is not None and argument[1] != "COMMIT" and line.startswith(argument[1]):
        return "a line begins a table (`*filter`), declares a chain (`:NAME - [0:0]`), is a rule (`-A …`) or is COMMIT"
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
