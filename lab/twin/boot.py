"""What a host loads at its next boot, as far as its snapshot tells: which services, from which of its files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.record.host import Boot, Dumped, Host
from lab.written.policy import ENDINGS, Piped

LOADERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "netfilter-persistent": {
        "ipset": ("/etc/iptables/ipsets",), "v4": ("/etc/iptables/rules.v4",), "v6": ("/etc/iptables/rules.v6",),
    },
    "iptables": {"v4": ("/etc/sysconfig/iptables", "/etc/iptables/iptables.rules", "/etc/iptables/rules-save")},
    "ip6tables": {"v6": ("/etc/sysconfig/ip6tables", "/etc/iptables/ip6tables.rules", "/etc/iptables/rules6-save")},
    "ipset": {"ipset": ("/etc/sysconfig/ipset", "/etc/ipset.conf")},
    "nftables": {"nft": ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf", "/etc/nftables.nft")},
}  # fmt: skip
"""The files of each service that loads rules at boot, by kind, as distributions have them; the first that is there."""
NOT_CAPTURED = "what boot loads was not captured: take the snapshot anew, lab snapshot | ssh root@HOST sh > HOST.json"
_INCLUDES = re.compile(r"(?m)^\s*include\b")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What boot loads in place of a policy, from ``files``; ``why`` says why that is not known, and nothing can be compared."""

    rulesets: tuple[Piped, ...] = ()
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    why: str | None = None


def loaded_at_boot(host: Host) -> Loaded:
    """What the next boot of ``host`` loads.

    Where services are known and none of them loads anything, that is no rules at all.
    """
    boot = host.boot
    if boot is None:
        return Loaded(why=NOT_CAPTURED)
    found = dict(_files(boot))
    notes = tuple(_notes(boot, tuple(found.values())))
    if not found and (boot.enabled is None or _writers(boot) or boot.others):
        return Loaded(notes=notes, why="none of the files that boot loads rules from is here, or its service is not enabled")
    if (nft := found.get("nft")) is not None and _INCLUDES.search(boot.files[nft].text):
        return Loaded(notes=notes, why=f"{nft} includes other files, which no snapshot has")
    rulesets = tuple(_piped(kind, boot.files[found[kind]]) for kind in ENDINGS if kind in found)
    return Loaded(rulesets, tuple(found[kind] for kind in ENDINGS if kind in found), notes)


def _files(boot: Boot) -> Iterator[tuple[str, str]]:
    """The kind and the path of each file that is loaded; of a host whose services are not known those that are there."""
    for service, by_kind in LOADERS.items():
        if boot.enabled is None or service in boot.enabled:
            for kind, files in by_kind.items():
                if (file := next((one for one in files if one in boot.files), None)) is not None:
                    yield kind, file


def _notes(boot: Boot, found: tuple[str, ...]) -> Iterator[str]:
    if boot.enabled is None and found:
        yield f"whether boot loads {', '.join(found)} is not known: the snapshot tells of no services"
    for service, by_kind in LOADERS.items():
        there = [file for files in by_kind.values() for file in files if file in boot.files and file not in found]
        if boot.enabled is not None and service not in boot.enabled and there:
            yield f"boot does not load {', '.join(there)}: {service} is not enabled"
    if writers := _writers(boot):
        yield f"{', '.join(writers)} {'writes' if len(writers) == 1 else 'write'} more rules at boot, which no file has"
    if boot.others:
        yield f"not read, and may load more at boot: {', '.join(boot.others)}"


def _writers(boot: Boot) -> tuple[str, ...]:
    return tuple(one for one in boot.enabled or () if one not in LOADERS)


def _piped(kind: str, file: Dumped) -> Piped:
    return Piped(kind, file.text, file.shown)
