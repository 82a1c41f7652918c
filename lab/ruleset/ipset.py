"""Texts in the format of `ipset save`: which sets they make, and why `ipset restore` refused one."""

from __future__ import annotations

import re

from lab.errors import Problem
from lab.ruleset.foreign import foreign, shown
from lab.ruleset.form import Fault
from lab.ruleset.render import Rendered

_CREATE = re.compile(r"^\s*(?:-!\s+|-exist\s+)?(?:create|-N|--create|n)\s+(\S+)", re.MULTILINE)
_PORTLESS = re.compile(
    _CREATE.pattern + r"\s+(?:(?:hash|bitmap):(?:ip|net|mac|ip,mac|ip,mark|net,net|net,iface))(?=\s)", re.MULTILINE
)
_STATEMENT = re.compile(r"\s*(?:(?:-!|-exist)\s+)?(\S+)\s+(\S+)(.*)")
_VERBS = {
    "create": ("create", "-N", "--create", "n"), "add": ("add", "-A", "--add"), "del": ("del", "-D", "--del"),
    "flush": ("flush", "-F", "--flush"), "swap": ("swap", "-W", "--swap"), "rename": ("rename", "-E", "--rename"),
}  # fmt: skip
_ERROR = re.compile(r"Error in line (\d{1,9}): (.*)", re.DOTALL)
_PREAMBLE = re.compile(r"\A(?:ipset v[\d.]+: )?")
_MENDS = (
    (r"set with the given name does not exist", "create the set above, before anything is added to it"),
    (r"set with the same name already exists", "create each set once"),
    (r"it's already added", "leave the second one out, or write `add -exist`"),
    (r"[Hh]ash is full", "give the set a larger `maxelem`"),
    (r"(?:Syntax error|cannot parse|[Cc]annot be parsed|resolving)", "write it as `ipset save` prints it"),
    (r"[Uu]nknown (?:argument|command)", "write it as `ipset save` prints it"),
)
_MISSING = re.compile(r"Kernel (?:error received: )?.*(?:set type not supported|Invalid argument)|set type not supported"
                      r"|Cannot open session to kernel|Kernel support protocol")  # fmt: skip


def names_of(text: str) -> tuple[str, ...]:
    """The names of the sets that the text makes, in its order."""
    return tuple(dict.fromkeys(_CREATE.findall(text)))


def faults(text: str) -> tuple[Fault, ...]:
    """The first line that belongs to another form than that of `ipset save`, and that `ipset restore` refuses."""
    for number, line in enumerate(text.split("\n"), start=1):
        found = None if line.lstrip()[:1] in ("", "#") else foreign(line, "ipset")
        if found is not None:
            return (Fault(number, f"`{shown(line)}` is no part of what `ipset save` prints, but {found.what}", found.mend),)
    return ()


def empty_sets(text: str) -> frozenset[str]:
    """The sets that the text leaves without an entry; a list of sets is empty where all of its sets are."""
    held = entries(text)
    empty = {name for name, (_, found) in held.items() if not found}
    return frozenset(empty | {name for name, (kind, found) in held.items() if kind == "list:set" and found.keys() <= empty})


def entries(text: str) -> dict[str, tuple[str, dict[str, str]]]:
    r"""Of each set that the text leaves: its type, and its entries, each with the options behind it.

    >>> entries("create banned hash:net\nadd banned 192.0.2.0/24 timeout 60")
    {'banned': ('hash:net', {'192.0.2.0/24': 'timeout 60'})}
    """
    held: dict[str, tuple[str, dict[str, str]]] = {}
    for line in text.split("\n"):
        found = _STATEMENT.match(line)
        if found is None:
            continue
        verb, name, rest = found.groups()
        other, _, more = rest.strip().partition(" ")
        if verb in _VERBS["create"]:
            held.setdefault(name, (other, {}))
        elif verb in _VERBS["add"]:
            held.setdefault(name, ("", {}))[1][other] = more
        elif verb in _VERBS["del"]:
            held.get(name, ("", {}))[1].pop(other, None)
        elif verb in _VERBS["flush"]:
            held.get(name, ("", {}))[1].clear()
        elif verb in _VERBS["swap"]:
            held[name], held[other] = held.get(other, ("", {})), held.get(name, ("", {}))
        elif verb in _VERBS["rename"]:
            held[other] = held.pop(name, ("", {}))
    return held


def definitions(text: str) -> str:
    """The text without its entries, line for line: what rules need so that they can name the sets."""
    return "\n".join(line if _CREATE.match(line) else "" for line in text.split("\n"))


def is_missing(stderr: str) -> bool:
    """Whether this machine lacks ipset or the type of set, rather than the text being wrong."""
    return _MISSING.search(stderr) is not None


def locate(stderr: str, rendered: Rendered) -> Problem:
    """The error output of `ipset restore` as one problem: template line, its text, what the tool said."""
    said = " ".join(_PREAMBLE.sub("", stderr.strip()).split())
    found = _ERROR.match(said)
    number, what = (int(found[1]), found[2]) if found else (None, said)
    lines = rendered.text.split("\n")
    line = lines[number - 1].strip() if number is not None and 0 < number <= len(lines) else ""
    place = f"line {number} of the rendered sets, `{line}`" if line else "the rendered sets"
    if is_missing(stderr):
        mend = "this machine's kernel lacks ipset or this type of set; `lab doctor` says what is there"
    else:
        mend = next((mend for pattern, mend in _MENDS if re.search(pattern, what)), "")
    return Problem(f"ipset refuses {place}: {what or 'without a word'}", rendered.where(number), mend)


def without_ports(text: str) -> frozenset[str]:
    """The sets whose elements have no ports, by their types.

    >>> without_ports("create friends hash:net family inet\\ncreate web bitmap:port range 0-65535")
    frozenset({'friends'})
    """
    return frozenset(_PORTLESS.findall(text))
