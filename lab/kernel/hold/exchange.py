"""Other rulesets into a node that holds some: each part is exchanged whole, and at no moment is it without.

What the kernel exchanges at once is a table of iptables, an nft script with all that it takes the place of, and a set; from
one part to the next both policies are in force, as on a host that is administered so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lab.errors import InputError, MeasurementError, Problem
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.tools import Finished, run
from lab.kernel.hold.kinds import NFT_FAMILIES, begin, refusal, restore, tables_in
from lab.kernel.hold.nf_tables import tables
from lab.kernel.hold.wiping import delete_tables, empty
from lab.kernel.stage.node import Node
from lab.ruleset import ipset
from lab.ruleset.backend import Backend
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets

_ASIDE = "lab-aside-"  # what a set is called until it takes the place of another


def exchange(node: Node, before: Rulesets, now: Rulesets, backend: Backend, sets: str) -> None:
    """Put ``now`` in the place of ``before``, and take away what ``now`` does not speak of; ``sets`` is `tried_sets` of it.

    Raises InputError with the line of a refused ruleset, MachineError, MeasurementError; the node may then hold some of both.
    Sets of ipset whose text is the same are left as they are, with what rules have put into them.
    """
    namespace = node.namespace
    same_sets = now.ipset is not None and before.ipset is not None and now.ipset.text == before.ipset.text
    if now.ipset is not None and not same_sets:
        _exchange_sets(namespace, now.ipset, sets, backend)
    _exchange_iptables(namespace, before, now, backend)
    _exchange_nft(namespace, now, backend)
    if backend is Backend.LEGACY:
        _empty_legacy(namespace, before, now)
    if before.ipset is not None and not same_sets:
        _destroy(namespace, set(_held_sets(namespace)) - set(ipset.names_of(now.ipset.text if now.ipset else "")))


def tried_sets(node: Node, now: Rulesets, backend: Backend) -> str:
    """The sets of ``now`` as the kernel prints them, made in a namespace that is thrown away; InputError for a refused one."""
    if now.ipset is None:
        return ""
    other = Namespace(node.namespace.home)
    try:
        _raise("ipset", backend, begin(other, "ipset", backend, now.ipset).finish(), now.ipset)
        return run(other, ["ipset", "save"]).out
    finally:
        other.close()


def _exchange_iptables(namespace: Namespace, before: Rulesets, now: Rulesets, backend: Backend) -> None:
    """Each table that both families' texts speak of; side by side."""
    texts = {kind: text for kind, text in now.parts() if kind in NFT_FAMILIES}
    if backend is Backend.NFT:
        # iptables-nft refuses a table of its name that is not its own
        mine = _iptables_tables(before)
        in_the_way = [place for place in _others(namespace) if place in _iptables_tables(now) and place not in mine]
        delete_tables(namespace, in_the_way)
    running = {kind: begin(namespace, kind, backend, text) for kind, text in texts.items()}
    done = {kind: one.finish() for kind, one in running.items()}
    for kind, finished in done.items():
        _raise(kind, backend, finished, texts[kind])


def _exchange_nft(namespace: Namespace, now: Rulesets, backend: Backend) -> None:
    """Every table but those of iptables that are there by now, for the script's own: one transaction."""
    kept = _iptables_tables(now) if backend is Backend.NFT else frozenset()
    gone = [place for place in _others(namespace) if place not in kept]
    if now.nft is None:
        delete_tables(namespace, gone)
        return
    # in front of the first line, so that lines keep their numbers
    deleted = "".join(f"delete table {family} {name}; " for family, name in gone)
    _raise("nft", backend, begin(namespace, "nft", backend, now.nft, deleted + now.nft.text).finish(), now.nft)


def _empty_legacy(namespace: Namespace, before: Rulesets, now: Rulesets) -> None:
    """Empty the tables of ip_tables that only ``before`` spoke of; the kernel has no way to take one away again."""
    texts = dict(now.parts())
    for kind, text in before.parts():
        if kind in NFT_FAMILIES:
            for table in tables_in(text.text):
                if kind not in texts or table not in tables_in(texts[kind].text):
                    empty(namespace, restore(kind, Backend.LEGACY), table)


def _iptables_tables(rulesets: Rulesets) -> frozenset[tuple[str, str]]:
    """Family and name of the tables that iptables-nft makes of the texts."""
    parts = (part for part in rulesets.parts() if part[0] in NFT_FAMILIES)
    return frozenset((NFT_FAMILIES[kind], table) for kind, text in parts for table in tables_in(text.text))


def _others(namespace: Namespace) -> Sequence[tuple[str, str]]:
    """Family and name of all tables of nf_tables but the lab's own."""
    return [(table.family, table.name) for table in tables(namespace) if not table.is_labs]


def _exchange_sets(namespace: Namespace, rendered: Rendered, saved: str, backend: Backend) -> None:
    """Make the sets, those that are held aside and swapped: a rule or a list that names one sees the other from then on."""
    held = set(_held_sets(namespace))
    aside = {name: f"{_ASIDE}{number}" for number, name in enumerate(ipset.names_of(saved)) if name in held}
    _destroy(namespace, [name for name in held if name.startswith(_ASIDE)])
    _raise("ipset", backend, run(namespace, ["ipset", "restore"], _renamed(saved, aside)), rendered)
    try:
        for name, other in aside.items():
            done = run(namespace, ["ipset", "swap", other, name])
            if done.code != 0:
                what = f"{rendered.file}: set {name} cannot take the place of the one that rules name: {done.err.strip()}"
                raise InputError(Problem(what, mend="give a set of another type another name"))
    finally:
        _destroy(namespace, aside.values())


def _renamed(saved: str, names: dict[str, str]) -> str:
    """What ``ipset save`` printed (``create NAME …``, ``add NAME …``) with other names for some sets."""
    lines = []
    for line in filter(None, saved.split("\n")):  # a comment may have other signs that end a line for Python
        verb, name, *rest = line.split(" ", 2)
        lines.append(" ".join((verb, names.get(name, name), *rest)) + "\n")
    return "".join(lines)


def _held_sets(namespace: Namespace) -> Sequence[str]:
    return run(namespace, ["ipset", "list", "-n"]).out.split()


def _destroy(namespace: Namespace, names: Iterable[str]) -> None:
    """Take sets away that no rule names; MeasurementError when one stays.  A list of sets is emptied first."""
    gone = list(names)
    script = "".join(f"{verb} {name}\n" for verb in ("flush", "destroy") for name in gone)
    done = run(namespace, ["ipset", "restore"], script) if gone else None
    if done is not None and done.code != 0:
        raise MeasurementError(Problem(f"sets that nothing names cannot be taken away: {done.err.strip()}"))


def _raise(kind: str, backend: Backend, done: Finished, rendered: Rendered) -> None:
    if done.code != 0:
        raise refusal(kind, backend, done, rendered)
