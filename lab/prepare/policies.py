"""From a policy's files to the rulesets of its node: rendered, looked through, and repaired where that was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.errors import InputError, Problem, Where
from lab.kernel.ground.names import OWN_NAMES
from lab.prepare.renderer import run_renderer
from lab.prepare.templates import Templates
from lab.ruleset import ipset
from lab.ruleset.advice import BUILT_IN_CHAINS
from lab.ruleset.backend import Backend
from lab.ruleset.both_families import both_families
from lab.ruleset.closed_lists import not_data
from lab.ruleset.form import Fault
from lab.ruleset.form import faults as faults_of_save
from lab.ruleset.language import looks_like_iptables_save, looks_like_nft
from lab.ruleset.mended import Repair, by_kind, in_short, mender
from lab.ruleset.named_objects import told
from lab.ruleset.nft.form import faults as faults_of_script
from lab.ruleset.nft.includes import expand
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.ruleset.twice import given_twice
from lab.ruleset.unmet import unmet
from lab.written.policy import ENDINGS, PolicyFiles
from lab.written.topology import Topology

_IPTABLES = {"v4": "iptables", "v6": "ip6tables"}
_OTHER = {"v4": "v6", "v6": "v4"}
_IS_HALF = "the dump says of itself that rules of the other backend (iptables-legacy) were there, which it does not hold"
_UNMET = (
    "none of its rules stands in a built-in chain, so no packet meets one: is it a part of a ruleset, as ufw's before.rules "
    "and user.rules are?"
)
_RULE = re.compile(r"^(?:\[\d+:\d+\][ \t]*)?[ \t]*-(?:[AI]|-append|-insert)[ \t]+([^\s\"]+)", re.MULTILINE)
_OUR_PREFIX = re.compile(r"""--(?:nf)?log-prefix[ =]+["']?TRACE: """)
# what is written plainly, for who has no kernel at hand; what the kernel makes of a text is looked at once it is loaded
_RESERVED = (
    (re.compile("\0"), "a zero byte ends the ruleset here for some tools", "save it as plain text"),
    (
        re.compile(rf"(?m)^[^#\n]*\btable[ \t]+(?:\w+[ \t]+)?(?:{'|'.join(OWN_NAMES)})(?:_\d+)?\b"),
        f"{', '.join(OWN_NAMES[:-1])} and {OWN_NAMES[-1]} are the lab's own names",
        "rename the table",
    ),
    (
        re.compile(r"(?m)^[^#\"\n]*\bmeta[ \t]+nftrace[ \t]+set[ \t]+0\b"),
        "`meta nftrace set 0` takes the trace away that every verdict rests on",
        "take the statement out: it changes nothing but tracing",
    ),
    (_OUR_PREFIX, "with iptables-legacy this log prefix is what the trace itself says", "choose another prefix"),
)
_HALF = "tables present, use iptables-legacy-save"


@dataclass(frozen=True, slots=True)
class Rendering:
    """How policies are rendered: ``mend`` repairs dumps, ``allow_commands`` lets them run their own renderers.

    ``without_macs`` has ``mend`` take matches of unreadable hardware addresses away, which widens their rules.
    """

    backend: Backend = Backend.NFT
    mend: bool = False
    without_macs: bool = False
    allow_commands: bool = False


AS_IT_IS = Rendering()


@dataclass(frozen=True, slots=True)
class Prepared:
    """The rulesets of one node, and what the reader must know of how they came about (sentences).

    ``files`` is what they were rendered from.
    """

    rulesets: Rulesets
    notes: tuple[str, ...] = field(default=())
    files: PolicyFiles | None = None


def prepare(policy: PolicyFiles, topology: Topology, how: Rendering, templates: Templates) -> Prepared:
    """Render every file of ``policy``; raises InputError with every problem found."""
    texts = _by_command(policy, how) if policy.render is not None else templates.render(policy, topology.as_written())
    notes = [*policy.notes]
    if how.mend:
        notes += _split(texts)
        for kind in sorted(texts.keys() - {"ipset"}):
            texts[kind], repairs = _mended(kind, texts[kind], without_macs=how.without_macs)
            notes += repairs
    if policy.render is None and "nft" in texts:
        folder = policy.around(policy.nft) if isinstance(policy.nft, Path) else None
        texts["nft"] = expand(texts["nft"], folder, policy.includes)
    problems = [*_problems(texts, policy, how.backend)]
    if problems:
        raise InputError(problems)
    notes += [f"{text.file} holds no rule" for kind, text in texts.items() if kind != "ipset" and _is_empty(text.text)]
    notes += [f"{text.file}: {_IS_HALF}" for text in texts.values() if _HALF in text.text[:2000]]
    notes += [f"{texts[kind].file}: {_UNMET}" for kind in _IPTABLES if kind in texts and _meets_none(texts[kind].text)]
    notes += [f"{text.file}: {words}" for kind, text in texts.items() for words in told(kind, text.text)]
    return Prepared(Rulesets(**texts), tuple(notes), policy)


def _meets_none(text: str) -> bool:
    """Whether a text of iptables has rules, and none where a packet begins."""
    chains = {found[1] for found in _RULE.finditer(text)}
    return bool(chains) and not chains & BUILT_IN_CHAINS


def _is_empty(text: str) -> bool:
    return not any(line.strip() and line.lstrip()[0] != "#" for line in text.split("\n"))


def _by_command(policy: PolicyFiles, how: Rendering) -> dict[str, Rendered]:
    """What a team's own renderer prints: an nft script if it looks like one, else IPv4 rules of iptables."""
    command = policy.render or ()
    if not how.allow_commands:
        raise InputError(
            Problem(
                f"policy {policy.name} is rendered by the command {' '.join(command)!r}, which was not allowed",
                mend="allow it with --allow-commands, if you trust this project",
            )
        )
    text = run_renderer(command, policy.folder)
    return {"nft" if looks_like_nft(text.text) else "v4": text}


def _split(texts: dict[str, Rendered]) -> Iterator[str]:
    """Puts what was printed of the other family into a text of its own, where nothing else is of that family."""
    both = [(kind, text, found) for kind, text in texts.items() if kind in _IPTABLES and (found := both_families(text.text))]
    if len(both) != 1 or not _IPTABLES.keys().isdisjoint(texts.keys() - {both[0][0]}):
        return
    _, text, found = both[0]
    lines = text.text.split("\n")
    for part in found:
        of_part = "\n".join(lines[part.first - 1: part.last])
        end = "" if part.last == len(lines) else "\n"
        texts[part.kind] = replace(text, text=of_part + end, sources=text.sources[part.first - 1: part.last])
    second = found[1]
    yield (
        f"mended {text.where(second.first)}: what {_IPTABLES[second.kind]} printed, from here on, is a ruleset of its own, for "
        f"IPv{second.kind[1]}"
    )


def _mended(kind: str, text: Rendered, *, without_macs: bool) -> tuple[Rendered, list[str]]:
    """The text with its repairs, those of one kind told in one sentence, with the line of the first."""
    found = mender(kind, without_macs=without_macs)(text.text)
    sources = tuple(text.source(line) for line in found.lines)
    return replace(text, text=found.text, sources=sources), [_told(kind, text) for kind in by_kind(found.repairs)]


def _told(repairs: Sequence[Repair], text: Rendered) -> str:
    """What repairs of one kind did."""
    lines = list(dict.fromkeys(repair.line for repair in repairs))
    first = f"mended {text.where(lines[0])}"
    if len(lines) == 1:
        return f"{first}: {repairs[0]}"
    more = "1 more line" if len(lines) == 2 else f"{len(lines) - 1:,} more lines"
    return f"{first}, and {more} up to {lines[-1]}: {repairs[0]}"


def _problems(texts: Mapping[str, Rendered], policy: PolicyFiles, backend: Backend) -> Iterator[Problem]:
    sets = ipset.names_of(texts["ipset"].text) if "ipset" in texts else ()
    if backend is Backend.LEGACY and "nft" in texts:
        what = f"policy {policy.name} is an nft script, which iptables-legacy cannot hold"
        yield Problem(what, Where(texts["nft"].file), "run it without --backend legacy")
    for kind, text in texts.items():
        yield from _reserved(kind, text, backend)
        wrong = _wrong_dialect(kind, text.text)
        if wrong:
            yield Problem(f"this is {wrong[0]}, not {_wanted(kind)}", Where(text.file), f"call it {policy.name}{wrong[1]}")
            continue
        faults = _misformed(kind, text.text)
        mendable = _mendable(kind, text.text) if faults else ""
        misformed = [Problem(fault.what, text.where(fault.line), fault.mend + mendable) for fault in faults]
        yield from misformed
        if mendable:
            continue  # what else is wrong may follow from that
        told = {problem.where for problem in misformed}
        yield from (problem for problem in not_data(kind, text) if problem.where not in told)
        if kind in _IPTABLES:
            for one in unmet(text.text, sets):
                yield Problem(one.what, text.where(one.line), one.mend)
    yield from given_twice(texts)


def _misformed(kind: str, text: str) -> tuple[Fault, ...]:
    if kind in _IPTABLES:
        return faults_of_save(text, kind)
    return faults_of_script(text) if kind == "nft" else ipset.faults(text)


def _mendable(kind: str, text: str) -> str:
    """What --mend would do about a text of a wrong form, where it then has the right one."""
    if kind == "ipset":
        return ""
    found = mender(kind)(text)
    if not found.repairs or _misformed(kind, found.text):
        return ""
    return f"; or: --mend would repair it {in_short(found.repairs)}"


def _reserved(kind: str, text: Rendered, backend: Backend) -> Iterator[Problem]:
    """What a text may not hold, as it would cut the text off or be taken for what the lab itself says."""
    for pattern, what, advice in _RESERVED:
        if pattern is _OUR_PREFIX and (backend is Backend.NFT or kind == "nft"):
            continue
        for found in pattern.finditer(text.text):
            yield Problem(what, text.where(text.text.count("\n", 0, found.start()) + 1), advice)


def _wrong_dialect(kind: str, text: str) -> tuple[str, str] | None:
    """What a text is that is of another kind than its name says, and the ending that would say so."""
    if kind == "nft":
        return ("a ruleset of iptables", ".rules or .rules6") if looks_like_iptables_save(text) else None
    if kind in _IPTABLES:
        if looks_like_nft(text):
            return "an nft script", ".nft"
        other = _OTHER[kind]
        if f"# Generated by {_IPTABLES[other]}" in text[:2000] and both_families(text) is None:
            return f"a dump of {_IPTABLES[other]}", ENDINGS[other]
    return None


def _wanted(kind: str) -> str:
    return "an nft script" if kind == "nft" else f"a ruleset of {_IPTABLES[kind]}"
