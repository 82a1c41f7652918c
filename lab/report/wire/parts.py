"""What several documents have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from lab.record.result import RunProblem
from lab.record.verdict import Kind
from lab.report.wire.document import key

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

_Item = TypeVar("_Item")


class FirstWrong:
    """Of a list that is read: whatever a stranger's file holds, what is told ends at the first item that is wrong."""

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> dict[str, object]:
        return {**handler(source), "fail_fast": True}


Many = Annotated[tuple[_Item, ...], FirstWrong()]
Ports = Many[tuple[int, int]]


class NotNegative:
    """Of a number: 0 or more."""

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> dict[str, object]:
        return {**handler(source), "ge": 0}


class PortRanges:
    """Of pairs of numbers: each is a range of ports, the lower end first."""

    @staticmethod
    def checked(ports: Ports) -> Ports:
        """The ports; ValueError for what is none."""
        for low, high in ports:
            if not 1 <= low <= high <= 65_535:
                raise ValueError(f"[{low}, {high}] are no ports")
        return ports

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core.core_schema import no_info_after_validator_function

        return no_info_after_validator_function(self.checked, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), "description": "ascending ranges, both ends included"}


Count = Annotated[int, NotNegative()]
Number = Annotated[float, NotNegative()]
Family = Literal[4, 6]
ExitCode = Literal[0, 1, 2, 3, 4, 129, 130, 143]
Ranges = Annotated[Ports, PortRanges()]


@dataclass(frozen=True, kw_only=True)
class ProblemRecord:
    """A problem part by part."""

    matrix: str = key("whose cells it stopped; empty: it stopped all")
    what: str = key("what is wrong", of="problem.what")
    mend: str = key("how to mend it; empty where that is not known", of="problem.mend")
    file: str | None = key("where it is wrong", of=lambda told: told.problem.where and told.problem.where.file)
    line: int | None = key("from 1", of=lambda told: told.problem.where and told.problem.where.line)
    column: int | None = key("from 1", of=lambda told: told.problem.where and told.problem.where.column)


def texts_of(record: Any) -> Iterable[str]:
    """The record's problems, each as one text."""
    return map(str, record.problems)


def hints_of(record: Any) -> Iterable[str]:
    """The record's hints, each as one text."""
    return map(str, record.hints)


def problem_records() -> Any:
    """The key of all `ProblemRecord` of a record, whose problems are those of a run or bare ones."""
    return key("the problems again, part by part", of=_problems, older=())


def _problems(record: Any) -> Iterable[RunProblem]:
    return (one if isinstance(one, RunProblem) else RunProblem(one) for one in record.problems)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule, or a chain's policy."""

    node: str = key("whose rule it is")
    family: str = key("of its table, in nft's words: ip, ip6, inet, netdev")
    table: str = key("filter, nat, mangle, raw, security")
    chain: str = key("the chain's name")
    number: int | None = key("place in the chain from 1; null for the chain's policy")
    comment: str | None = key("the rule's comment")
    text: str = key("what iptables-save prints of it")
    source: str | None = key("the template's file and line")


@dataclass(frozen=True, kw_only=True)
class Beyond:
    """What becomes of packets beyond those that a limiter lets through."""

    verdict: Kind = key(of="kind")
    node: str | None = key("where such a packet ended")
    reject: str | None = key("the kind of a REJECT, in iptables' words")
    rule: Rule | None = key("the deciding rule")


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """How packets of a sweep came to a node, or left for where none is."""

    at: str | None = key("the node; null: it was let through, and no node of the topology is there")
    address: str | None = key("the address that it came to, or left for; null: the one that was asked")
    port: int | None = key("the port that it came to; null: the one that was asked")
    source: str | None = key("the source that it came from; null: the one that it was sent from")
    missing: str | None = key(
        "what no node of the topology has: that address, or a router's on the way there", older=None
    )
