"""Why nft refused a script: its error output, told by the template's file and line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.errors import Problem
from lab.ruleset.language import looks_like_iptables_save
from lab.ruleset.nft.advice import NOWHERE, Marked, kernel_says, lacking, mended
from lab.ruleset.nft.tokens import TOKEN
from lab.ruleset.render import Rendered

_MODULES = frozenset(("queue", "tproxy", "synproxy", "osf", "socket", "xfrm", "tunnel", "numgen", "quota", "connlimit"))
_NAMED = {"flowtables": "nf_flow_table", "ct count": "nft_connlimit", "meta ibrname": "nft_meta_bridge"}
_ERROR = re.compile(
    r"^(?:\S.*?:(?P<line>\d{1,9}):(?P<first>\d{1,9})-(?P<last>\d{1,9}): )?(?:netlink: )?Error: (?P<said>.*)$", re.MULTILINE
)
_ERRNO = re.compile(
    r"(?:.*: )?(No such file or directory|Operation not supported|Invalid argument|Device or resource busy|Too many links"
    r"|File exists|Numerical result out of range|Address family not supported by protocol|Message too long"
    r"|Too many open files in system|Operation not permitted|Cannot allocate memory|No such device)"
)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The first thing that nft said, the line (from 1, None for none) and the part of it that nft marked.

    ``errno`` is the kernel's error where the kernel refused; ``more`` counts the errors after the first.
    """

    said: str
    line: int | None = None
    marked: Marked = NOWHERE
    errno: str | None = None
    more: int = 0


def locate(stderr: str, rendered: Rendered) -> Problem:
    """The error output of ``nft -f`` as one problem: template line, the line's text, what nft said, how to mend it.

    Of several errors the first is told: nft and the kernel go on after it, and mostly stumble over what it left.

    >>> script = Rendered("add rule ip filter input tcp dport ssx drop", ("policies/edge.nft:7",), "policies/edge.nft")
    >>> problem = locate("/dev/stdin:1:36-38: Error: Could not resolve service: Servname not supported", script)
    >>> str(problem.where), problem.mend
    ('policies/edge.nft:7', "write the port's number, or a name of /etc/services")
    """
    if looks_like_iptables_save(rendered.text):
        return _iptables_save(rendered)
    refusal = _read(stderr, rendered)
    what, mend = _explained(refusal, rendered)
    missing = is_missing_feature(stderr, rendered)
    if missing is not None:
        what = f"the kernel says {refusal.errno} of {missing}"
        named = _NAMED.get(missing, f"nft_{missing}" if missing in _MODULES else "")
        module = f" (the module {named})" if named else ""
        mend = f"this machine lacks {missing}{module}: install or enable it; `lab doctor` says what is there"
    if refusal.more:
        others = "another error, which" if refusal.more == 1 else f"{refusal.more} more errors, which"
        what += f" (nft tells {others} may follow from this one)"
    line = refusal.marked.line.strip()
    place = f"line {refusal.line} of the rendered ruleset, `{line}`" if line else "the rendered ruleset"
    return Problem(f"nft refuses {place}: {what}", rendered.where(refusal.line), mend)


def is_missing_feature(stderr: str, rendered: Rendered) -> str | None:
    """What this machine's kernel lacks for the script (``queue``, ``ct count``, ``tables of family bridge``); None if nothing.

    The kernel says "Operation not supported" of what it lacks and of what is not possible in this place alike: of a
    statement that is bound to hooks or families, the latter is taken to be meant.

    >>> script = Rendered("add rule ip filter input queue num 0", (), "policies/edge.nft")
    >>> is_missing_feature("/dev/stdin:1:26-36: Error: Could not process rule: No such file or directory", script)
    'queue'
    """
    refusal = _read(stderr, rendered)
    return None if refusal.errno is None else lacking(refusal.errno, refusal.marked)


def _read(stderr: str, rendered: Rendered) -> _Refusal:
    errors = list(_ERROR.finditer(stderr))
    if not errors:
        return _Refusal(" ".join(stderr.split()) or "it does not say why")
    first, more = errors[0], len(errors) - 1
    said = " ".join(first["said"].split())
    kernel = _ERRNO.fullmatch(said)
    errno = kernel[1] if kernel is not None else None
    if not int(first["line"] or 0):
        return _Refusal(said, errno=errno, more=more)
    lines = rendered.text.split("\n")
    number = min(int(first["line"]), _last_line(lines))
    octets = lines[number - 1].encode()  # nft counts columns in them
    begin, end = int(first["first"]) - 1, int(first["last"])
    before, marked = (part.decode(errors="replace") for part in (octets[:begin], octets[begin:end]))
    return _Refusal(said, number, Marked(lines[number - 1], before, marked, tuple(lines), number), errno, more)


def _explained(refusal: _Refusal, rendered: Rendered) -> tuple[str, str]:
    """What is wrong, in words that follow the line, and how to mend it."""
    if refusal.marked.line.endswith("\r"):
        return "its lines end as on Windows", "save the template with Unix line ends"
    if refusal.errno is not None:
        return kernel_says(refusal.errno, refusal.marked)
    if "unexpected end of file" in refusal.said:
        tokens = TOKEN.findall(rendered.text)
        missing = tokens.count("{") - tokens.count("}")
        if missing > 0:
            open_braces = "a `{` before it is" if missing == 1 else f"{missing} `{{` before it are"
            return f"{refusal.said}: {open_braces} not closed", "close each `{` with a `}`"
    return refusal.said, mended(refusal.said, refusal.marked)


def _iptables_save(rendered: Rendered) -> Problem:
    lines = rendered.text.split("\n")
    first = next(number for number, line in enumerate(lines, start=1) if line.strip() and not line.lstrip().startswith("#"))
    return Problem(
        f"nft refuses line {first} of the rendered ruleset, `{lines[first - 1].strip()}`: it is not an nft script, but in "
        "the format of iptables-save",
        rendered.where(first),
        "give it as the policy's `v4` or `v6`, in a file NAME.rules or NAME.rules6",
    )


def _last_line(lines: list[str]) -> int:
    return next((number for number in range(len(lines), 0, -1) if lines[number - 1].strip()), 1)
