r"""How much a rule lets through before it acts otherwise, in words: read from its text, in either dialect.

>>> limit_in("-A FORWARD -m limit --limit 25/sec --limit-burst 50 -j ACCEPT")
'25/second burst 50'
>>> limit_in("tcp dport 22 ct count over 4 reject")
'4 connections'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from lab.ruleset.nft.tokens import without_strings
from lab.ruleset.words import FREE_TEXT, words

_BURST = 5
"""What both tools take where a rule names no burst."""
_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
_SOURCE = "source"
_NFT_RATE = re.compile(r"(?<![\w/.@-])limit rate (?:over )?(?P<rate>\d+ ?\w*/\w+)(?: burst (?P<burst>\d+)(?: (?P<unit>\w+))?)?")
_NFT_NAMED = re.compile(r'(?<![\w/.@-])(?P<what>limit|quota) name "(?P<name>[^"]*)"')
_NFT_COUNT = re.compile(r"(?<![\w/.@-])ct count (?:over )?(?P<count>\d+)")
_NFT_QUOTA = re.compile(r"(?<![\w/.@-])quota (?:over |until )?(?P<bytes>\d+ \w+)")
_NFT_EACH = re.compile(
    r"(?<![\w/.@-])(?:(?:add|update) @[^{]*|meter [^{]*)\{ ?(?P<key>(?:(?!\b(?:timeout|limit|ct count|quota)\b)[^{}])*)"
)


def limit_in(text: str) -> str | None:
    """What a rule of this text allows: a rate with its burst, hits, connections, bytes; None where it has no limiter."""
    if not text.startswith("-A "):
        return _of_nft(text)
    options = _options(words(text))
    return next((said for kind, say in _SAY.items() if kind in options and (said := say(options[kind])) is not None), None)


def _options(line: Sequence[str]) -> dict[str, dict[str, str]]:
    """The options behind each ``-m``, with the value of each; what is free text is none."""
    found: dict[str, dict[str, str]] = {}
    at: dict[str, str] = {}
    for number, word in enumerate(line):
        if line[number - 1] in FREE_TEXT:
            continue
        if line[number - 1] == "-m":
            at = found.setdefault(word, {})
        elif word.startswith("--"):
            value = line[number + 1] if number + 1 < len(line) else ""
            at[word] = "" if value.startswith("-") else value
    return found


def _limit(options: Mapping[str, str]) -> str:
    return _rate(options.get("--limit", "3/hour"), options.get("--limit-burst"))


def _hashlimit(options: Mapping[str, str]) -> str | None:
    rate = next((options[f"--hashlimit{end}"] for end in ("-upto", "-above", "") if f"--hashlimit{end}" in options), None)
    if rate is None:
        return None
    mode = options.get("--hashlimit-mode", "").split(",")
    each = " and ".join(_MODES[one] for one in mode if one in _MODES)
    return _rate(rate, options.get("--hashlimit-burst")) + (f" for each {each}" if each else "")


def _recent(options: Mapping[str, str]) -> str | None:
    if not options.keys() & {"--update", "--rcheck"}:
        return None
    within = f" in {options['--seconds']} seconds" if "--seconds" in options else ""
    hits = options.get("--hitcount")
    whose = "destination" if "--rdest" in options else _SOURCE
    return f"the first{within} of each {whose}" if hits is None else f"a hitcount of {hits}{within} for each {whose}"


def _connlimit(options: Mapping[str, str]) -> str | None:
    count = options.get("--connlimit-above", options.get("--connlimit-upto"))
    if count is None:
        return None
    whose = "destination" if "--connlimit-daddr" in options else _SOURCE
    mask = options.get("--connlimit-mask", "32")
    each = "" if mask == "0" else f" for each {whose}" if mask in ("32", "128") else f" for each /{mask} of {whose}s"
    return f"{count} connections{each}"


def _quota(options: Mapping[str, str]) -> str | None:
    return f"{options['--quota']} bytes" if "--quota" in options else None


def _rate(rate: str, burst: str | None) -> str:
    count, _, unit = rate.partition("/")
    return f"{count}/{_UNITS.get(unit[:1], unit)} burst {burst or _BURST}"


def _of_nft(text: str) -> str | None:
    named = _NFT_NAMED.search(text)
    bare = without_strings(text)
    found = _nft_limit(bare)
    if found is None:
        return f"the {named['what']} {named['name']}" if named is not None and f"{named['what']} name" in bare else None
    each = _NFT_EACH.search(bare)
    return found + (f" for each {each['key'].strip()}" if each is not None and each["key"].strip() else "")


def _nft_limit(bare: str) -> str | None:
    if rate := _NFT_RATE.search(bare):
        if " " not in rate["rate"]:
            return f"{rate['rate']} burst {rate['burst'] or _BURST}"
        return rate["rate"] + (f" burst {rate['burst']} {rate['unit']}" if rate["burst"] else "")  # bytes
    if count := _NFT_COUNT.search(bare):
        return f"{count['count']} connections"
    if quota := _NFT_QUOTA.search(bare):
        return quota["bytes"]
    return None


_MODES = {"srcip": _SOURCE, "dstip": "destination", "srcport": "source port", "dstport": "port"}
_SAY: Mapping[str, Callable[[Mapping[str, str]], str | None]] = {
    "limit": _limit, "hashlimit": _hashlimit, "recent": _recent, "connlimit": _connlimit, "quota": _quota,
}  # fmt: skip
