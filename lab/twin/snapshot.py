"""A snapshot of a host, as the script of `lab snapshot` takes it: read as data, and refused where it is not whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lab.errors import InputError, Problem, Where
from lab.record.host import Boot, Dumped, Host
from lab.ruleset.backend import Backend
from lab.twin.addresses import joined
from lab.twin.backends import Chosen, chosen
from lab.twin.ip_json import is_json, links_of_json
from lab.twin.ip_lines import Printed, routes_of, rules_of
from lab.twin.ip_text import links_of_text
from lab.twin.json_text import Behind, load_json, refuse, shown
from lab.written.rule_lines import parse_rules

FORMAT = "netfilter-lab snapshot"
VERSION = 1
FIRST = 4_096
"""Characters in which a snapshot says that it is one."""
_SAYS_SO = re.compile(r'\{\s*"format": "netfilter-lab snapshot"')
_KEYS = ("taken", "host", "parts", "skipped", "not_captured", "whole")
_ANEW = "take the snapshot anew: lab snapshot | ssh root@HOST sh > HOST.json"
_SAVES = {
    (Backend.NFT, "v4"): "iptables-nft-save", (Backend.NFT, "v6"): "ip6tables-nft-save",
    (Backend.LEGACY, "v4"): "iptables-legacy-save", (Backend.LEGACY, "v6"): "ip6tables-legacy-save",
}  # fmt: skip
_PARTS = (
    "versions", *_SAVES.values(), "nft", "ipset", "ip addr", "ip link", "ip -4 route", "ip -4 rule", "ip -6 route",
    "ip -6 rule", "rt_tables", "sysctl", "conntrack",
)  # fmt: skip
_BOOT = "boot"
_NEEDED = ("ip addr", "ip link", "ip -4 route", "ip -4 rule")
_PRINTS = {"nft": "nft list ruleset", "ipset": "ipset save", "conntrack": "conntrack -L"}
_PAIR = re.compile(r"([\w./-]+) = (.*)")
_TABLE = re.compile(r"\s*(\d{1,10}|0x[0-9a-fA-F]{1,8})\s+([A-Za-z][\w.-]*)\s*(?:#.*)?")


def is_snapshot(text: str) -> bool:
    """Whether the text is, or was, a snapshot; what a login prints may stand before it."""
    return _SAYS_SO.search(text[:FIRST]) is not None


def read_snapshot(text: str, name: str) -> Host:
    """The host of a snapshot in the file ``name``; raises InputError with what does not fit."""
    where = Where(name)
    document = _whole(text, where)
    parts = _parts(document, name, where)
    links = joined(
        (link, Where(parts[part].shown))
        for part in ("ip link", "ip addr")
        for link in (links_of_json if is_json(parts[part].text) else links_of_text)(parts[part])
    )
    if not links:
        refuse("the snapshot has rules and no interfaces", where, _ANEW)
    routes = [routes_of(parts[part], family=family) for family, part in _of_family(parts, "route")]
    rules = [rules_of(parts[part], family=family) for family, part in _of_family(parts, "rule")]
    ruled = _rulesets(parts)
    return Host(
        name=_text(document, "host", where),
        links=links,
        routes=tuple(line for one in routes for line in one.lines),
        rules=tuple(line for one in rules for line in one.lines),
        tables=_tables(parts["rt_tables"].text) if "rt_tables" in parts else {},
        rulesets=ruled.rulesets,
        backend=ruled.backend,
        sysctls=_pairs(parts.get("sysctl"), "net."),
        conntrack=parts.get("conntrack"),
        not_captured=_not_captured(document, where),
        notes=(
            *ruled.notes, *_left_out("route", routes), *_left_out("rule", rules), *_unread(document, ruled),
            *_untold(parts, rules),
        ),
        at=where,
        is_snapshot=True,
        boot=_boot(document["parts"], name, where),
    )


def _whole(text: str, where: Where) -> Mapping[str, Any]:
    """The document, which is one, of this format and version, and not cut off."""
    begun = _SAYS_SO.search(text[:FIRST])
    if begun is not None and (before := text[: begun.start()].strip("\ufeff \t\r\n")):
        first = before.split("\n", 1)[0].strip()
        refuse(f"before the snapshot stands {shown(first)}, which something else printed", where, "take it out of the file")
    try:
        document = load_json(text, where)
    except Behind as error:
        if isinstance(error.document, dict) and is_snapshot(error.rest):
            other = re.search(r'"host": "([^"\\]*)"', error.rest[:FIRST])
            names = " and ".join(shown(one) for one in (error.document.get("host"), other and other[1]) if one)
            refuse(f"these are two snapshots in one file, of {names}", where, "keep each in a file of its own")
        raise
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        refuse(f"it is no snapshot: its `format` is not {FORMAT!r}", where, _ANEW)
    if (version := document.get("version")) != VERSION:
        refuse(f"it is a snapshot of version {shown(version)}, and version {VERSION} is read here", where, _ANEW)
    if missing := [key for key in _KEYS if key not in document]:
        refuse(f"the snapshot is not whole: it has no {missing[0]!r}", where, _ANEW)
    _text(document, "taken", where)  # people read it
    return document


def _parts(document: Mapping[str, Any], name: str, where: Where) -> dict[str, Dumped]:
    """What each tool printed; raises InputError where one failed, or a part is missing and nothing says why."""
    parts, skipped = document["parts"], document["skipped"]
    if not isinstance(parts, dict) or not isinstance(skipped, dict):
        refuse("the snapshot has no parts", where, _ANEW)
    found: dict[str, Dumped] = {}
    for part in _PARTS:
        if part not in parts:
            if part in _NEEDED or part not in skipped:
                refuse(f"the snapshot is a half: it has no part {part!r}, and no word of why", where, _ANEW)
            continue
        found[part] = Dumped(_printed(parts[part], part, where), f"{name} {_PRINTS.get(part, part)}")
    return found


def _printed(part: object, name: str, where: Where) -> str:
    keys = {"text": str, "code": int, "error": str}
    if not isinstance(part, dict) or any(not isinstance(part.get(key), kind) for key, kind in keys.items()):
        refuse(f"the part {name!r} has no text, code and error", where, _ANEW)
    if part["code"] != 0:
        said = str(part["error"]).strip() or "it said nothing"
        raise InputError(Problem(
            f"`{_PRINTS.get(name, name)}` failed on the host, with exit code {part['code']}: {said[:300]}", where,
            f"mend that there, and {_ANEW}",
        ))
    return _as_text(part["text"])


def _as_text(text: str) -> str:
    """Bytes that are no UTF-8 (``\\udc80`` to ``\\udcff``) as the characters that they are in Latin-1."""
    if text.isascii():
        return text
    return "".join(chr(ord(one) - 0xDC00) if 0xDC80 <= ord(one) <= 0xDCFF else one for one in text).encode(
        errors="replace"
    ).decode()


def _of_family(parts: Mapping[str, Dumped], kind: str) -> list[tuple[int, str]]:
    return [(family, part) for family in (4, 6) if (part := f"ip -{family} {kind}") in parts]


def _rulesets(parts: Mapping[str, Dumped]) -> Chosen:
    saves: dict[Backend, dict[str, Dumped]] = {}
    for (backend, kind), part in _SAVES.items():
        if part in parts:
            saves.setdefault(backend, {})[kind] = parts[part]
    return chosen(saves, parts.get("nft"), parts.get("ipset"))


def _boot(parts: Mapping[str, Any], name: str, where: Where) -> Boot | None:
    """What is loaded at boot; None of a snapshot that was taken before there was such a part."""
    if _BOOT not in parts:
        return None
    said = _pairs(Dumped(_printed(parts[_BOOT], _BOOT, where), name))
    files = {
        part.removeprefix(f"{_BOOT} "): Dumped(_printed(content, part, where), f"{name} {part.removeprefix(f'{_BOOT} ')}")
        for part, content in parts.items()
        if part.startswith(f"{_BOOT} /") and part.isprintable()
    }
    enabled = tuple(said["enabled"].split()) if "enabled" in said else None
    return Boot(said.get("id", ""), enabled, files, tuple(said.get("others", "").split()))


def _tables(text: str) -> dict[int, str]:
    """The names of routing tables that rt_tables has."""
    found = (_TABLE.fullmatch(line) for line in text.split("\n"))
    return {int(one[1], 0): one[2] for one in found if one is not None and int(one[1], 0) < 2**32}


def _pairs(part: Dumped | None, begins: str = "") -> dict[str, str]:
    if part is None:
        return {}
    found = (_PAIR.fullmatch(line) for line in part.text.split("\n"))
    return {one[1]: one[2].strip() for one in found if one is not None and one[1].startswith(begins)}


def _text(document: Mapping[str, Any], key: str, where: Where) -> str:
    value = document[key]
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= 255:
        refuse(f"its {key!r} is {shown(value)}", where, _ANEW)
    return value


def _not_captured(document: Mapping[str, Any], where: Where) -> tuple[str, ...]:
    """``WHAT: SEEN`` of each thing that is there and in no part."""
    listed = document["not_captured"]
    if not isinstance(listed, list):
        refuse("its 'not_captured' is no list", where, _ANEW)
    found: list[str] = []
    for one in listed:
        if not isinstance(one, dict) or not isinstance(one.get("what"), str) or not isinstance(one.get("seen"), str):
            refuse(f"its 'not_captured' has {shown(one)}", where, _ANEW)
        found.append(" ".join(f"{one['what']}: {one['seen']}".split()))
    return tuple(found)


def _left_out(kind: str, printed: list[Printed]) -> tuple[str, ...]:
    return tuple(f"the {kind} `{line}` is left out: {why}" for one in printed for line, why in one.left_out)


def _untold(parts: Mapping[str, Dumped], rules: list[Printed]) -> tuple[str, ...]:
    """That the `ip` of busybox does not print all that a rule asks (busybox, networking/libiproute/iprule.c)."""
    own = sum(not (rule.is_stock or rule.is_plain) for one in rules for _, line in one.lines for rule in parse_rules(line))
    if not own or "BusyBox" not in _pairs(parts.get("versions")).get("ip", ""):
        return ()
    what = "rule may ask" if own == 1 else "rules may ask"
    return (f"{own} routing {what} more than is known: the host's `ip` is BusyBox's, which prints no `not`, port and protocol",)


def _unread(document: Mapping[str, Any], ruled: Chosen) -> tuple[str, ...]:
    """That nobody could look for rules of native nft."""
    why = document["skipped"].get("nft")
    return (
        ("whether nf_tables holds more than iptables-nft's rules is not known: no nft is on the host",)
        if ruled.backend == Backend.NFT.value and isinstance(why, str) and why.startswith("no nft")
        else ()
    )
