"""Every match and target of iptables 1.8.9 (iptables-extensions(8)), and the page that says which flow exercises it.

One that has no case of its own is exercised elsewhere, or it is said why not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.ruleset.extensions import MATCHES_OF_IPTABLES, TARGETS_OF_IPTABLES
from tests.kernel.matches.case import Case, Flow, Probe

MATCHES = tuple(sorted(MATCHES_OF_IPTABLES))
TARGETS = tuple(sorted(TARGETS_OF_IPTABLES))
ELSEWHERE = {
    "connlimit": "tests/kernel/test_bursts.py",
    "hashlimit": "tests/kernel/test_bursts.py",
    "limit": "tests/kernel/test_bursts.py",
    "recent": "tests/kernel/test_bursts.py",
    "quota": "tests/kernel/test_bursts.py",
    "LOG": "tests/kernel/test_logged.py",
    "NFLOG": "tests/kernel/test_logged.py",
    "NFQUEUE": "tests/kernel/test_queues.py",
    "REJECT": "tests/kernel/test_rejected.py",
    "TEE": "tests/kernel/test_copied.py",
    "SYNPROXY": "tests/kernel/test_synproxy.py",
    "TPROXY": "tests/kernel/test_proxies.py",
}
"""By which other test it is exercised."""
WHY_NOT = {
    "cgroup": "matches a sender's control group; the lab's sockets are in none of their own",
    "helper": "matches what a helper expected; needs a program that speaks FTP and the like in a node",
    "ipvs": "this kernel has no `xt_ipvs`",
    "nfacct": "needs an accounting object (`nfacct add`), which no file of a policy makes",
    "osf": "needs fingerprints in the kernel (`nfnl_osf -f pf.os`); what a rule waits for is told by a warning",
    "rateest": "compares rates that RATEEST measures over seconds; one packet has none",
    "CLUSTERIP": "gone from Linux 6.3 on; `cluster` is what came after it",
    "LED": "this kernel has no `xt_LED`, and a node no lamp",
    "SECMARK": "needs SELinux",
    "ULOG": "gone from Linux 3.17 on; NFLOG is what came after it",
}


def the_page(cases: Iterable[Case]) -> str:
    """docs/matches.md."""
    held: dict[str, list[Case]] = {}
    for case in cases:
        held.setdefault(case.name, []).append(case)
    matches, targets = "\n".join(_rows(MATCHES, held)), "\n".join(_rows(TARGETS, held))
    many = [sum(name in held or name in ELSEWHERE for name in names) for names in (MATCHES, TARGETS)]
    return _PAGE.format(
        matches=matches, targets=targets, of_matches=f"{many[0]} of {len(MATCHES)}", of_targets=f"{many[1]} of {len(TARGETS)}"
    )


def _rows(names: Iterable[str], held: dict[str, list[Case]]) -> Iterator[str]:
    for name in names:
        if name in ELSEWHERE:
            yield f"| `{name}` | | | | `{ELSEWHERE[name]}` |"
        elif name not in held:
            yield f"| `{name}` | | | | not: {WHY_NOT[name]} |"
        for case in held.get(name, ()):
            words = " ".join(filter(None, (case.nft_before and f"`{case.nft_before}`;", case.nft and f"`{case.nft}`")))
            yield f"| `{name}` | {_rules(case)} | {_escaped(words) or '-'} | {_flow(case.meets)} | {_other(case)} |"


def _rules(case: Case) -> str:
    before = [line for lines in case.before.values() for line in lines]
    own = f"{case.rule} -j {case.does}" if case.does else case.rule
    return "; ".join(f"`{_escaped(line)}`" for line in (*before, own))


def _other(case: Case) -> str:
    return "the same, past a rule that asks for another value" if case.meets == case.misses else _flow(case.misses)


def _flow(flow: Flow) -> str:
    if not isinstance(flow, Probe):
        return _escaped(flow.words)
    keys = "".join(f", {name} {value}" for name, value in flow.keys.items())
    return f"{flow.sender} > {flow.target} {flow.service}{keys}"


def _escaped(text: str) -> str:
    return text.replace("|", r"\|")


_PAGE = """# Matches and targets

What a flow of a matrix can meet: each match and target of iptables 1.8.9, and beside it the words of nft. Each row is a test
(`tests/kernel/matches/`): one flow meets the rule and is dropped by it, as its trace says, and another one does not. It holds
with rules of iptables-nft, of iptables-legacy and, where words of nft stand here, of native nft. What stands between backticks
in place of a flow is one packet with these layers, from the client to the server. Exercised are {of_matches} matches and
{of_targets} targets.

This page is made of the tests: `ci/matches` writes it, and a test holds it to them. Whoever adds a case adds a row.

## Matches

| match | rule | words of nft | what meets it | what does not |
| --- | --- | --- | --- | --- |
{matches}

## Targets

A target is seen by what a rule behind it, the last in its row, then says of the packet; where a rule with the target stands
alone, nothing in a node shows what it did, and it is its own rule that the packet meets.

| target | rules | words of nft | what meets it | what does not |
| --- | --- | --- | --- | --- |
{targets}
"""
