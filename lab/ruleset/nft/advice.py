"""How to mend an nft script that was refused: what nft or the kernel says, and what a person then does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.ruleset.nft.tokens import NAME, without_strings
from lab.ruleset.placeholders import placeholder


@dataclass(frozen=True, slots=True)
class Marked:
    """A line of a script, what of it nft marked and what stands before that; all lines, and its number from 1."""

    line: str
    before: str
    text: str
    lines: tuple[str, ...]
    number: int

    @property
    def behind(self) -> str:
        """What stands behind the marked part in its line."""
        return self.line[len(self.before) + len(self.text):]


NOWHERE = Marked("", "", "", (), 0)

# Statements that the kernel allows in some places alone (their `validate` in net/netfilter/nft_*.c).
_ONLY_IN = {
    "masquerade": "a chain `type nat hook postrouting`",
    "snat": "a chain `type nat hook postrouting` or `input`",
    "dnat": "a chain `type nat hook prerouting` or `output`",
    "redirect": "a chain `type nat hook prerouting` or `output`",
    "tproxy": "a chain `type filter hook prerouting`",
    "synproxy": "a chain of hook input or forward",
    "fib": "a chain of hook prerouting, input or forward, where there is an interface that the packet came in by",
    "rt": "a chain of hook forward, output or postrouting",
    "reject": "a chain of hook prerouting, input, forward or output",
    "socket": "a chain of hook prerouting, input or output",
    "fwd": "a table of family netdev",
    "flow": "a chain of hook forward",
}
_OF_BRIDGES = frozenset(("ibrname", "obrname", "ibrpvid", "ibrvproto", "ibrhwaddr"))
# What is a part of the kernel that can be left out; a statement's own word names it.
_PARTS = frozenset((
    "queue", "reject", "masquerade", "snat", "dnat", "redirect", "tproxy", "synproxy", "dup", "fwd", "log", "limit", "quota",
    "numgen", "jhash", "symhash", "fib", "socket", "osf", "rt", "ipsec", "notrack", "tunnel", "flow", "counter", "objref",
))
_WITH_THEIR_KEY = frozenset(("ct", "meta"))
_TABLE_HEAD = re.compile(rf"\s*(?:(?:add|create)\s+)?table\s+(?:(\w+)\s+)?{NAME}\s*\Z")
_CHAIN_HEAD = re.compile(r"(?:^|[;{])\s*(?:(?:add|create)\s+)?chain\s+(?:\S+\s+)*\Z")
_FLOWTABLE_HEAD = re.compile(r"(?:^|[;{])\s*(?:(?:add|create)\s+)?flowtable\s+(?:\S+\s+)*\Z")
_HOOK = re.compile(r"type\s+(\w+)\s+hook\s+(\w+)")
_TABLE = re.compile(rf"\s*(?:(?:add|create)\s+)?table\s+(?:(ip|ip6|inet|arp|bridge|netdev)\s+)?{NAME}")
_CHAIN_JUMPED_TO = re.compile(rf"(?:jump|goto)\s+({NAME})\Z")
_COMMANDS = frozenset(("add", "insert", "replace", "delete", "flush", "rename", "reset", "rule"))
_FIRST_LINUX = {"egress": "5.16", "ingress": "5.10"}


_MEANINGS = {
    "Too many links": ("its chains call each other in a circle, or too deep", "take one of the jumps out of the circle"),
    "Device or resource busy": (
        "it is still used by a rule, or used with other properties", "remove the rules that use it first",
    ),
    "File exists": ("it is there already", "declare it once; what is declared twice must be the same both times"),
    "Numerical result out of range": ("a name or a number in it is too long or too large", "make it shorter or smaller"),
    "Message too long": (
        "the ruleset is larger than this user may give to the kernel at once",
        "sudo sysctl -w net.core.wmem_max=16777216   (or run as root)",
    ),
    "Too many open files in system": ("the set is full", "give the set a larger `size`"),
    "Invalid argument": ("its parts do not fit together", "check it against the chain's type and hook, and the family"),
}


def lacking(errno: str, marked: Marked) -> str | None:
    """What the kernel lacks, when it says this of what nft marked; None where something else is more likely meant."""
    if errno == "Address family not supported by protocol" or (
        errno == "Operation not supported" and _TABLE_HEAD.match(marked.before + marked.text)
    ):
        return f"tables of family {_family(marked)}"
    if errno not in ("Operation not supported", "No such file or directory"):
        return None
    if _heads_block(_CHAIN_HEAD, marked):
        return _lacking_for_chain(errno, marked)
    if _heads_block(_FLOWTABLE_HEAD, marked):
        return "flowtables"
    words = without_strings(marked.text).split()
    if not words or "@" in marked.text or _jump(marked) is not None:
        return None
    if errno == "No such file or directory":
        names = [word for word in words if word in _PARTS]
        if names:
            return " or ".join(dict.fromkeys(names))
        return " ".join(words[:2]) if words[0] in _WITH_THEIR_KEY and len(words) > 1 else None
    if not _ONLY_IN.keys().isdisjoint(words) or (_family(marked) != "bridge" and not _OF_BRIDGES.isdisjoint(words)):
        return None
    if words[0] in _WITH_THEIR_KEY:
        return " ".join(words[:2])
    return words[0] if words[0] in _PARTS else None


def kernel_says(errno: str, marked: Marked) -> tuple[str, str]:
    """What an error of the kernel means for what nft marked, and how to mend it."""
    said = f"the kernel says {errno}"
    if marked.text.strip() and marked.text.strip() != marked.line.strip():
        said += f" of `{marked.text.strip()}`"
    if errno == "No such file or directory":
        missing, mend = _not_there(marked)
        return f"{said}: {missing}", mend
    if errno == "Operation not supported":
        why, mend = _not_possible(marked)
        return (f"{said}: {why}" if why else said), mend
    meaning, mend = _MEANINGS.get(errno, ("", ""))
    return (f"{said}: {meaning}" if meaning else said), mend


def _heads_block(head: re.Pattern[str], marked: Marked) -> bool:
    """Whether the name of a block is marked, as in ``chain NAME {``."""
    return head.search(marked.before) is not None and marked.behind.lstrip().startswith("{")


def _jump(marked: Marked) -> str | None:
    """The chain that a marked jump names, whether the whole jump or the name alone is marked."""
    found = _CHAIN_JUMPED_TO.search((marked.before + marked.text).rstrip(" ;}"))
    if found is not None:
        return found[1]
    inside = re.search(rf"(?:jump|goto)\s+({NAME})", without_strings(marked.text))
    if inside is None:  # of a verdict map's element, nft marks the key
        inside = re.match(rf"[^{{}},:]*:\s*(?:jump|goto)\s+({NAME})", without_strings(marked.behind))
    return inside[1] if inside else None


def _family(marked: Marked) -> str:
    """The family of the table that the line stands in; nft's own, ip, where none is named."""
    for line in reversed(marked.lines[:marked.number]):
        found = _TABLE.match(line)
        if found is not None:
            return found[1] or "ip"
    return "ip"


def _hook(marked: Marked) -> tuple[str, str] | None:
    """Type and hook of the chain whose head is marked, in its line or the next few."""
    found = _HOOK.search(" ".join(marked.lines[marked.number - 1: marked.number + 5]))
    return (found[1], found[2]) if found else None


def _lacking_for_chain(errno: str, marked: Marked) -> str | None:
    kind, hook = _hook(marked) or ("", "")
    if errno == "No such file or directory":
        return f"chains of type {kind} in family {_family(marked)}" if kind else None
    if hook in _FIRST_LINUX and (hook == "egress" or _family(marked) == "inet"):
        return f"the {hook} hook of family {_family(marked)} (Linux {_FIRST_LINUX[hook]})"
    return None


def _not_there(marked: Marked) -> tuple[str, str]:
    """What a thing is that the kernel or nft does not find, and how to mend it."""
    text = marked.text.strip()
    chain = _jump(marked)
    if chain is not None:
        return f"the chain {chain} does not exist", f"declare it in the same table: `chain {chain} {{ … }}`"
    named = re.search(rf"@({NAME})", text)
    if named is not None:
        kind = "flowtable" if "flow" in text.split() else "set or map"
        return f"the {kind} {named[1]} does not exist", f"declare the {kind} {named[1]} in the same table"
    if text.startswith('"'):
        name = text.strip('"')
        return f"no object of the name {name} exists", f"declare {name} in the same table"
    words = marked.before.split()
    number = re.search(r"(handle|index|position)\s+\d+\Z", (marked.before + text).rstrip())
    if number is not None:
        return f"the chain has no rule with this {number[1]}", "name a rule that is there at this point of the script"
    if _heads_block(_FLOWTABLE_HEAD, marked):
        return "the kernel has no flowtables, or no such device", "check its `devices`, and `lab doctor`"
    if re.fullmatch(NAME, text) and words and words[0] in _COMMANDS:
        return f"there is no {text} at this point of the script", "declare it above this line, or correct its name"
    return "something that it names is not there", "check what it names, and `lab doctor`"


def _not_possible(marked: Marked) -> tuple[str, str]:
    words = without_strings(marked.text).split()
    if _heads_block(_CHAIN_HEAD, marked):
        kind, hook = _hook(marked) or ("", "")
        if kind == "nat":
            mend = "nat chains stand at prerouting, input, output or postrouting, with a priority above -200"
            return f"a chain `type nat hook {hook}` is not possible with this priority, or there", mend
        if kind == "route":
            return f"a chain `type route hook {hook}` is not possible", "`type route` stands at hook output alone"
        return "a chain of this type, hook and priority is not possible here, or it was declared with others above", (
            "declare the chain once, at a hook of its family"
        )
    for word in words:
        if word in _ONLY_IN:
            return f"{word} is not possible here", f"{word} stands only in {_ONLY_IN[word]}"
        if word in _OF_BRIDGES and _family(marked) != "bridge":
            return f"meta {word} is not possible here", "it is for tables of family bridge"
    return "", ""


_RAW = re.compile(r"@(?:ll|nh|th|ih),\d+,\d+")
_MENDS = (
    (r"Interface does not exist", "name an interface of the node, or match by name: `iifname {marked}`"),
    (r"unknown identifier '(.+?)'", "define it above: `define {0} = …`"),
    (r"redefinition of symbol '(.+?)'", "define {0} once, or change it with `redefine`"),
    (r"conflicting intervals", "take one of them out, or give the set `auto-merge`"),
    (r"Could not resolve hostname", "write an address of the rule's family; names are not looked up in the lab"),
    (r"Could not resolve service", "write the port's number, or a name of /etc/services"),
    (r"Could not parse|out of range|zero or negative size", "correct the value `{marked}`"),
    (r"Statement after terminal statement", "end the rule before it, or take it out"),
    (r"requires transport protocol match", "match the protocol before it: `meta l4proto tcp`"),
    (r"No symbol type information", "say what it is a field of, as in `tcp dport 80`"),
    (r"conflicting protocols specified", "take one of the matches out, or use a table of family inet"),
    (r"ip or ip6 must be specified", "say the family: `dnat ip to ADDRESS` or `dnat ip6 to ADDRESS`"),
    (r"File not found", "include files of the policy's folder, by names relative to it"),
    (r"Missing .device'", 'give the device: `type filter hook ingress device "lan" priority 0;`'),
    (r"does not support this hook", "use a table of a family that has it: netdev or inet for ingress"),
    (r"unknown datatype", "correct the type, as in ipv4_addr, ipv6_addr, inet_service, ifname"),
    (r"does not specify key", "give it a type: `type ipv4_addr;`"),
    (r"unexpected reject, expecting accept or drop", "a chain's policy is accept or drop; put `reject` as a rule at its end"),
    (r"unexpected '}', expecting newline or semicolon", "end the statement before it with `;` or a new line"),
    (r"unexpected \S+(?: string)?, expecting string", "a name begins with a letter, has no quotes, and is not nft's own word"),
    (r"unexpected newline, expecting '{'", "put the `{{` on the same line"),
    (r"unexpected newline", "a word of the line is misspelt, or a value is missing; nft's words are in lower case"),
    (r"xtables compat", "save this ruleset with iptables-save, and give it as the policy's `v4` or `v6`"),
    (r"unexpected string\Z", "correct the word `{marked}`"),
)


def mended(said: str, marked: Marked) -> str:
    """How to mend what nft says of this line; empty where its words are enough."""
    text = marked.text.strip()
    if marked.line.lstrip().startswith(("{%", "{{", "{#")):
        return "it is a template: end its name in .nft.j2, so that it is rendered"
    if "unexpected newline" in said and not marked.line.strip():
        return "an empty line may not stand in the midst of a set's elements: in a template, `{%- for … %}` leaves none"
    if "unexpected junk" in said:
        return {
            '"': "close the quote; there is no way to write a quote within quotes",
            "\\": "take what stands behind the backslash out, or the backslash: nft has no escapes",
            "#": "end the comment with a newline",
        }.get(text, f"take `{text}` out" if text else "take what stands there out")
    bare = without_strings(marked.line)
    if _RAW.search(bare) is not None:
        return "this nft does not read what another version printed so: write the match in words, as in `ip protocol udp`"
    if any(placeholder(word) is not None for word in bare.split("#")[0].split() if word[0] != "$"):
        return "a value was taken out here: write one that the topology has"
    for pattern, mend in _MENDS:
        found = re.search(pattern, said)
        if found is not None and (text or "{marked}" not in mend):
            return mend.format(*found.groups(), marked=text)
    return ""
