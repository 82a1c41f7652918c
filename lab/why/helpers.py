"""A connection that a helper of conntrack would expect, were there a session that announces it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End
from lab.ruleset.conditions import without_texts
from lab.ruleset.describe import described
from lab.ruleset.held import HeldRule, reached, rules_of
from lab.why.case import Case
from lab.why.established import accepts

_SYN, _TCP, _UDP = 0x02, 6, 17
_FTP_DATA = 20  # where a server's data connections come from (RFC 959, 5.2)
_ROWS = {("ftp", False): "ftp/passive", ("ftp", True): "ftp/active", ("tftp", False): "tftp/read"}
_DATA_PORTS = 1024  # what a session agrees on is no port of a service
_HELPER = re.compile(r"-j CT\b.*--helper (?P<one>\S+)|\bct helper set \"?(?P<other>[^\s\"]+)")


def helpers(case: Case) -> Iterator[Hint]:
    """What a row cannot ask with one packet: it is NEW, where the data connection of a session is RELATED."""
    path = case.verdict.path[-1] if case.verdict.path else None
    sent = case.verdict.observation.sent
    begins = sent.flags == _SYN or sent.proto == _UDP
    if not case.should_pass or path is None or path.end is not End.DROPPED or not begins or (sent.dport or 0) < _DATA_PORTS:
        return
    if case.later or case.verdict.observation.session is not None:
        return
    chains = case.chains(path.node)
    assigns = next((rule for rule in rules_of(chains, case.family) if helper_of(rule)), None)
    begun = {(chain.table, chain.name) for chain in chains.values() if chain.hook == path.steps[-1].hook}
    lets = next((rule for rule in reached(chains, begun, case.family) if accepts(rule, "RELATED")), None)
    if lets is None:
        return
    active = sent.proto == _TCP and sent.sport == _FTP_DATA
    if assigns is not None:
        name = helper_of(assigns) or ""
        row = _ROWS.get((name.removesuffix("-standard"), active))
        yield Hint(
            f"{described(path.node, lets)} accepts RELATED, as which a data connection comes that the helper "
            f"{name} of a session expects ({described(path.node, assigns)}); "
            "this packet is of no session, and NEW",
            f"ask for a whole session: `service: {row}`" + (", from the client" if active else "") if row else "",
        )
    elif active:
        made_here = case.topology.owner(path.head(-1).destination) == path.node
        yield Hint(
            f"it comes from port {_FTP_DATA}, as the data connection of a session of FTP does; {described(path.node, lets)} "
            f"accepts RELATED, but no rule of {path.node} gives the session the helper that would expect it, so that it is NEW",
            f"{assigning(case, path.node, 'ftp', 21, _TCP, made_here=made_here)}; and ask for a whole session: "
            f"`service: {_ROWS['ftp', True]}`, from the client",
        )


def assigning(case: Case, node: str, name: str, port: int | None, proto: int, *, made_here: bool) -> str:
    """The rule that would give a flow its helper, in the words of the node's rules; ``made_here`` by the node itself."""
    native = any(rule.is_native for rule in rules_of(case.chains(node), case.family))
    word = {_TCP: "tcp", _UDP: "udp"}[proto]
    if not native:
        tool, chain = "ip6tables" if case.family == 6 else "iptables", "OUTPUT" if made_here else "PREROUTING"
        return f"{tool} -t raw -A {chain} -p {word} --dport {port} -j CT --helper {name}"
    hook = "output" if made_here else "prerouting"
    return (
        f'table inet helpers {{ ct helper {name}-standard {{ type "{name}" protocol {word}; }}; chain {hook} {{ '
        f'type filter hook {hook} priority filter; {word} dport {port} ct helper set "{name}-standard"; }}; }}'
    )


def helper_of(rule: HeldRule) -> str | None:
    """The helper that a rule gives a flow."""
    return helper_of_text(rule.text) if rule.is_native or rule.target == "CT" else None


def helper_of_text(text: str) -> str | None:
    """The helper that a rule with this text gives a flow."""
    found = _HELPER.search(without_texts(text))
    return None if found is None else found["one"] or found["other"]
