"""What of a node's memory survives a reload: each fact as code that asks the kernel, by one way.

A fact is told in one word: ``kept``, ``forgotten``, and what its own docstring says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.kernel.reload.ways import OTHER, PORT, THIRD, Box, Native, Rules

NONE = "-"
_UDP, _DROP = f"-p udp --dport {PORT}", f"-p udp --dport {PORT} -j DROP"


def simple(iptables: tuple[str, ...], native: tuple[str, ...] = (), objects: str = "", sets: str = "") -> Rules:
    """Rules of the filter table alone, each about the one port."""
    return Rules(
        {"filter": tuple(f"{_UDP} {rule}" for rule in iptables)} if iptables else {},
        {"filter": Native(tuple(f"udp dport {PORT} {rule}" for rule in native), objects)} if native else {}, sets,
    )  # fmt: skip


def memory(rules: Rules, before: Callable[[Box], None] | None = None) -> Callable[[Box], str]:
    """Of rules that let one flow pass and no second one, as long as they remember the first; ``before`` the reload."""

    def asked(box: Box) -> str:
        box.load(rules)
        assert box.passes()
        assert not box.passes(), "the rules do not remember"
        if before is not None:
            before(box)
        box.reload(rules)
        return "forgotten" if box.passes() else "kept"

    return asked


def counters(rules: Rules, *, saved: bool) -> Callable[[Box], str]:
    """``kept`` or ``zero``: the counters of rules, and whether they are loaded as they were ``saved``."""

    def asked(box: Box) -> str:
        box.load(rules)
        assert box.passes()
        assert _counted(box) == 1
        if not saved:
            box.reload(rules)
        elif box.way.saved is None:
            return NONE
        else:
            save, restore = box.way.saved
            box.shell(restore, box.shell(save))
        return "kept" if _counted(box) else "zero"

    return asked


def _counted(box: Box) -> int:
    if box.way.is_native:
        printed = box.run(["nft", "list", "ruleset"])
        return int(re.findall(r"packets (\d+) bytes", printed)[0])
    printed = box.run([f"iptables-{box.way.backend}-save", "-c"])
    return int(re.findall(rf"\[(\d+):\d+\] -A OUTPUT .*--dport {PORT}", printed)[0])


def established(box: Box) -> str:
    """``kept``: a flow that began before goes on, though a new one may no longer begin."""
    going_on = ("-m conntrack --ctstate ESTABLISHED -j ACCEPT",), ("ct state established accept",)
    end = (_DROP,), (f"udp dport {PORT} drop",)
    begins = (f"{_UDP} -j ACCEPT",), (f"udp dport {PORT} accept",)
    old, new = (
        Rules({"filter": (*going_on[0], *middle[0], *end[0])}, {"filter": Native((*going_on[1], *middle[1], *end[1]))})
        for middle in (begins, ((), ()))
    )
    box.serve(PORT)
    box.load(old)
    client = box.client()
    assert box.passes(client)
    assert box.answer() == PORT
    box.reload(new)
    assert not box.passes(), "the new rules are not in force"
    return "kept" if box.passes(client) else "forgotten"


_NAT_HEAD = "type nat hook output priority -100;"
_LET = {"filter": (f"{_UDP} -j ACCEPT",)}, {"filter": Native((f"udp dport {PORT} accept",))}
_TRACKED = (
    {"filter": ("-m conntrack --ctstate ESTABLISHED -j ACCEPT", *_LET[0]["filter"])},
    {"filter": Native(("ct state established accept", *_LET[1]["filter"].rules))},
)


def _to(port: int) -> Rules:
    return Rules(
        {"nat": (f"{_UDP} -j REDIRECT --to-ports {port}",), **_TRACKED[0]},
        {"nat": Native((f"udp dport {PORT} redirect to :{port}",), head=_NAT_HEAD), **_TRACKED[1]},
    )


def _empty_nat(others: tuple[Mapping[str, tuple[str, ...]], Mapping[str, Native]]) -> Rules:
    return Rules({"nat": (), **others[0]}, {"nat": Native((), head=_NAT_HEAD), **others[1]})


def translation(new: Rules) -> Callable[[Box], str]:
    """``kept`` or ``not translated``: a flow that was translated before, and goes on; others are translated as ``new`` says."""

    def asked(box: Box) -> str:
        box.serve(PORT, OTHER, THIRD)
        box.load(_to(OTHER))
        client = box.client()
        assert box.passes(client)
        assert box.answer() == OTHER
        box.reload(new)
        box.settle()
        assert box.passes(client)
        port = box.heard()[0]
        return {OTHER: "kept", PORT: "not translated"}[port]

    return asked


def connmark(box: Box) -> str:
    """``kept``: the mark of a flow that began before the reload."""
    old = simple(("-j CONNMARK --set-mark 5",), ("ct mark set 5",))
    new = simple(("-m connmark --mark 5 -j DROP",), ("ct mark 5 drop",))
    box.load(old)
    client = box.client()
    assert box.passes(client)
    box.reload(new)
    assert box.passes(), "another flow has no mark"
    return "forgotten" if box.passes(client) else "kept"


def left_table(box: Box) -> str:
    """``in force`` or ``gone``: a table that the new rules do not speak of, whose rule drops."""
    box.load(Rules({"raw": (_DROP,), **_LET[0]}, {"raw": Native((f"udp dport {PORT} drop",)), **_LET[1]}))
    assert not box.passes()
    box.reload(Rules(*_LET))
    return "gone" if box.passes() else "in force"


def new_rate(box: Box) -> str:
    """``in force`` or ``the old one``: another burst of a hashlimit of the same name, of an address that comes only now."""
    one, three = (
        simple(
            (f"{_PACE} --hashlimit-upto 1/hour --hashlimit-burst {burst} -j ACCEPT", "-j DROP"),
            (f"add @pace {{ ip daddr limit rate 1/hour burst {burst} packets }} accept", "drop"), _DYNAMIC,
        )
        for burst in (1, 3)
    )  # fmt: skip
    with Box(box.way) as fresh:
        fresh.load(three)
        assert _passed(fresh) == 3
    box.load(one)
    box.reload(three)
    return {3: "in force", 1: "the old one"}[_passed(box)]


def _passed(box: Box) -> int:
    return sum(box.passes(host="127.0.0.2") for _ in range(5))


_PACE = "-m hashlimit --hashlimit-name pace --hashlimit-mode dstip"
_DYNAMIC = "set pace { type ipv4_addr; flags dynamic; size 100; }"
_SETS = "create seen hash:ip timeout 600\n"
_IPSET = ("-m set --match-set seen dst -j DROP", "-j SET --add-set seen dst")


def _set_restored(box: Box) -> None:
    box.run(["ipset", "-exist", "restore"], _SETS)


def _set_swapped(box: Box) -> None:
    box.run(["ipset", "restore"], _SETS.replace("seen", "new") + "swap new seen\ndestroy new\n")


@dataclass(frozen=True)
class Fact:
    """A row of the page: what is asked, of which dialects, by which code, and what follows from it for a person."""

    id: str
    what: str
    asked: Callable[[Box], str] = field(repr=False)
    means: str
    iptables: bool = True
    native: bool = True

    def told(self, box: Box) -> str:
        """The word of this fact by the way of the box; `NONE` where there is nothing to ask."""
        return self.asked(box) if (self.native if box.way.is_native else self.iptables) else NONE


FACTS = (
    Fact("conntrack", "established flows", established,
         "Who is connected stays so if the new rules let established flows pass, also where none may begin like it."),
    Fact("nat", "the translation of such a flow, the new rules translating otherwise", translation(_to(THIRD)),
         "A changed DNAT or SNAT reaches new flows alone; delete the entries (`conntrack -D`) to move the others."),
    Fact("no-nat", "the same, the new rules speaking of no NAT", translation(Rules(*_TRACKED)),
         "Where the last NAT chain goes, so does the translation of what is under way, and its packets go astray."),
    Fact("empty-nat", "the same, the new rules having a NAT chain without a rule", translation(_empty_nat(_TRACKED)),
         "To end NAT for new flows alone, leave an empty chain, and a rule that asks conntrack."),
    Fact("untracked", "the same, and no rule asking conntrack any more (no state, no NAT)", translation(_empty_nat(_LET)),
         "Conntrack sleeps until a rule needs it: nothing is translated, and nobody is known to be established."),
    Fact("connmark", "marks of flows (`connmark`, `ct mark`)", connmark,
         "They are the flow's, and not the rules': what was marked yesterday is treated by its mark today."),
    Fact("left-table", "a table that the new rules do not speak of", left_table,
         "A file without `*raw` leaves what is in raw: write an empty table to be rid of it."),
    Fact("counters", "counters of rules, loaded from the file",
         counters(simple(("-j ACCEPT",), ("counter accept",)), saved=False),
         "Read them before: accounting, and what tells which rule never matched, begin anew."),
    Fact("saved-counters", "the same, loaded as they were saved with them",
         counters(simple(("-j ACCEPT",), ("counter accept",)), saved=True),
         "`-c` at both ends, or an nft listing, takes them along as they were when saved."),
    Fact("named-counter", "a counter with a name",
         counters(simple((), ("counter name asked accept",), "counter asked { }"), saved=False),
         "It lives as long as its table does, whatever becomes of its rules.", iptables=False),
    Fact("recent", "lists of `recent`",
         memory(simple(("-m recent --name ban --rcheck --rdest -j DROP", "-m recent --name ban --set --rdest -j ACCEPT"))),
         "A port scanner that `recent` had banned is forgotten by flush-first, and not by restore.", native=False),
    Fact("dynamic-set", "elements that rules put into a set of nft",
         memory(simple((), ("ip daddr @seen drop", "add @seen { ip daddr } accept"), _DYNAMIC.replace("pace", "seen"))),
         "Whom the rules had banned comes back by any script that makes the table anew.", iptables=False),
    Fact("ipset", "elements that rules put into an ipset (`-j SET`)", memory(simple(_IPSET, sets=_SETS)),
         "Sets are no part of the rules: no reload of these touches them.", native=False),
    Fact("ipset-restored", "the same, the sets loaded before by `ipset -exist restore`",
         memory(simple(_IPSET, sets=_SETS), _set_restored),
         "It adds what the file has, and takes nothing away: an address that left the file stays in the set.", native=False),
    Fact("ipset-swapped", "the same, the sets exchanged before by `ipset swap`",
         memory(simple(_IPSET, sets=_SETS), _set_swapped),
         "The set is as the file has it, and what rules had added is gone.", native=False),
    Fact("hashlimit", "buckets of `hashlimit`, of a dynamic set with `limit`",
         memory(simple(
             (f"{_PACE} --hashlimit-upto 1/day --hashlimit-burst 1 -j ACCEPT", "-j DROP"),
             ("add @pace { ip daddr limit rate 1/day burst 1 packets } accept", "drop"), _DYNAMIC)),
         "Where they are forgotten everybody has a full burst again."),
    Fact("new-rate", "another rate of a `hashlimit` of the same name", new_rate,
         "The old rate stays in force though the listing shows the new one: give it another name, or flush first."),
    Fact("limit", "tokens of `limit`",
         memory(simple(("-m limit --limit 1/day --limit-burst 1 -j ACCEPT", "-j DROP"),
                       ("limit rate 1/day burst 1 packets accept", "drop"))),
         "Each reload gives a full burst: reloading every minute is no limit per hour."),
    Fact("quota", "what is used of a `quota`",
         memory(simple(("-m quota --quota 40 -j ACCEPT", "-j DROP"), ("quota 40 bytes accept", "drop"))),
         "Each reload gives the whole quota again."),
    Fact("named-quota", "the same of a quota with a name",
         memory(simple((), ("quota name most drop", "accept"), "quota most { over 40 bytes }")),
         "As a counter with a name.", iptables=False),
    Fact("connlimit", "who counts for `connlimit`, `ct count`",
         memory(simple(("-m connlimit --connlimit-upto 1 --connlimit-daddr --connlimit-mask 32 -j ACCEPT", "-j DROP"),
                       ("ct count over 1 drop", "accept"))),
         "Flows from before the reload are not counted: who is at the limit may open as many again."),
)  # fmt: skip
