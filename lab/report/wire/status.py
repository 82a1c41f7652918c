"""A look at a lab that is up: what ``lab status --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.report.wire.document import key
from lab.report.wire.parts import ExitCode, Many, Number, ProblemRecord, problem_records, texts_of


@dataclass(frozen=True, kw_only=True)
class Link:
    """An interface of a node."""

    name: str = key("its name there")
    state: str = key("up, down, or another word of ip's for what it is")
    addresses: Many[str] = key("with prefix length")
    mtu: int = key("bytes")


@dataclass(frozen=True, kw_only=True)
class RuleCount:
    """A rule or a policy that counts."""

    family: str = key("ip, ip6, inet, netdev, bridge", of="rule.family")
    place: str = key("filter:FORWARD:3", of="rule.place")
    text: str = key("as its tool prints it", of="rule.text")
    comment: str | None = key("its comment", of="rule.comment")
    source: str | None = key("the template's file and line; null: nobody loaded it, or it is not known", of="rule.source")
    by_hand: bool = key("somebody has put it there since", of="rule.by_hand")
    packets: int = key("what it has counted")
    since: int | None = key("of these since the last look; null: nobody has looked before")


@dataclass(frozen=True, kw_only=True)
class StatusNode:
    """A node."""

    name: str = key("its name")
    interfaces: Many[Link] = key("its interfaces", of="links")
    routes: Many[str] = key("the main table of both families, as ip prints it")
    tracks: int | None = key("entries of conntrack; null: it is not told")
    most: int | None = key("how many it takes at most: the machine's own number")
    by_hand: bool = key("its rules are not those that were loaded")
    trouble: str = key("why its rules cannot be told; empty where they can")
    rules: Many[RuleCount] = key("its rules that count", of="counts")


@dataclass(frozen=True, kw_only=True)
class Status:
    """One look."""

    version: Literal[1] = key()
    exit_code: ExitCode = key("of `lab status`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    lab: str = key("its name", of="name")
    topology: str = key("what it stands on")
    seconds: Number | None = key("since the last look; null: nobody has looked before")
    nodes: Many[StatusNode] = key("those that were looked at")
