"""The path of a packet as a person reads it: node by node, hook by hook, with each rule's text and template line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lab.record.observation import Counter
from lab.record.path import End, Path, Rule, Step
from lab.record.routed import Routed
from lab.report.plain import plain

AS_BEFORE = "conntrack, as for the flow's first packet"
_HOOK_WIDTH = 12
_AS_TOLD = frozenset(("accept", "drop", "return", "continue", "vmap"))


def describe_path(paths: Sequence[Path], counters: Iterable[Counter] = ()) -> list[str]:
    """Return the lines that tell the way of one packet through ``paths``, its nodes in order.

    A node has a line for its entry, one for each step (``forward     filter FORWARD:3 "web" accept``) with the rule's
    text and template line below it, one for each translation (before -> after), and one for the end.  A rule of which the
    ``counters`` tell has the packets that it had counted before and after.
    """
    counted = {one.rule: one for one in counters}
    lines: list[str] = []
    for path in paths:
        lines.append(f"{plain(path.node)}: in {plain(str(path.entry))}")
        lines.extend(_steps(path, counted))
        if path.bridged:
            tool = "iptables" if path.entry.family == 4 else "ip6tables"
            lines.append(f"  bridged past the rules of {tool} (bridge-nf-call-{tool} is 0)")
        lines.extend(f"  {line}" for line in translations(path))
        lines.append(f"{plain(path.node)}: {_end(path)}")
    return lines


def step_name(step: Step) -> str:
    """Return ``filter FORWARD:3 "web" accept``; where a chain ended without a match, ``…: end of chain``."""
    chain = f"{step.table} {step.chain}"
    if step.rule is None:
        # an implicit return says "continue" or "return", of which neither means anything to a reader
        said = "" if step.verdict in ("continue", "return") else f", {step.verdict}"
        return plain(f"{chain}: end of chain{said}")
    number = " policy" if step.rule.number is None else f":{step.rule.number}"
    comment = f' "{step.rule.comment}"' if step.rule.comment else ""
    return plain(f"{chain}{number}{comment} {deed(step)}")


def deed(step: Step) -> str:
    """What a rule did, by its own name where it has one (``REJECT``, ``DNAT``, ``LOG``); else the trace's word.

    nftables tells a REJECT as ``drop``, a DNAT as ``accept``, a LOG as ``continue``.
    """
    rule = step.rule
    if rule is None or rule.number is None or rule.target is None or rule.target.lower() in _AS_TOLD:
        return step.verdict
    if step.verdict.partition(" ")[0] in ("jump", "goto", "return"):
        return step.verdict
    if step.read is not None:
        return f"{rule.target} {' '.join(step.read)}"
    usual = "drop" if rule.rejects else "accept" if rule.translates else "queue" if rule.queue else "continue"
    name = f"{rule.target} {rule.queue}" if rule.queue else rule.target
    return name if step.verdict == usual else f"{name}, {step.verdict}"


def translations(path: Path) -> list[str]:
    """Return one line for each address that NAT changed at this node, with the rule that did it."""
    told = ((what, ", ".join(_where(rule) for rule in rules) or AS_BEFORE) for what, rules in translated(path))
    return [plain(f"translated: {what} by {by}") for what, by in told]


def translated(path: Path) -> list[tuple[str, tuple[Rule, ...]]]:
    """What NAT changed of a packet at this node (``destination a -> b``), and the rules that did; without any conntrack did."""
    after = path.exit or path.head(-1)
    changes = []
    for side in ("source", "destination"):
        rules = tuple(rule for rule in path.translated_by if rule.translates == side)
        if (before_text := path.entry.end_point(side)) != (after_text := after.end_point(side)):
            changes.append((f"{side} {before_text} -> {after_text}", rules))
        elif rules and path.exit is None:
            changes.append((f"{side} changed", rules))
    return changes


def routing(routed: Routed) -> str:
    """By which table and rule a packet was routed: ``table wan2, so by 100: from all fwmark 0x2 lookup wan2``."""
    if routed.doubt is not None:
        return plain(f"not known: {routed.doubt}")
    by = f", so by {routed.rule}" if routed.rule else ""
    if routed.table is None:
        return plain(f"refused ({routed.refused}){by} (mark {routed.mark:#x})")
    return plain(f"table {routed.name}{by} (mark {routed.mark:#x})")


def _steps(path: Path, counted: Mapping[Rule, Counter]) -> Iterator[str]:
    stack: list[str] = []
    here: tuple[str, str] | None = None
    hook = ""
    for place, step in enumerate(path.steps):
        if path.routed is not None and path.routed.at == place:
            yield from _routing(path.routed)
            here, hook = None, ""
        if (step.hook, step.table) != here:
            here, stack = (step.hook, step.table), []
        depth = _enter(stack, step.chain)
        label = "" if step.hook == hook else step.hook
        hook = step.hook
        head = f"  {plain(label):<{_HOOK_WIDTH}}{'  ' * depth}"
        yield from _step(step, head, None if step.rule is None else counted.get(step.rule))
    if path.routed is not None and path.routed.at == len(path.steps):
        yield from _routing(path.routed)


def _routing(routed: Routed) -> Iterator[str]:
    yield f"  {'routing':<{_HOOK_WIDTH}}{routing(routed)}"
    if routed.route is not None:
        yield f"  {'':<{_HOOK_WIDTH}}  {plain(routed.route)}"


def _step(step: Step, head: str, counter: Counter | None) -> Iterator[str]:
    first = head + step_name(step) + (f"  [{counter.before} -> {counter.after} packets]" if counter is not None else "")
    inner = " " * (len(head) + 2)
    rule = step.rule
    yield first + (f"  [{plain(rule.origin)}]" if rule is not None and rule.origin else "")
    if rule is not None and rule.number is not None and rule.text:
        yield inner + plain(rule.text)


def _enter(stack: list[str], chain: str) -> int:
    """Keep ``stack`` as the chains that are open when ``chain`` is in turn; return how deep it lies."""
    if chain in stack:
        del stack[stack.index(chain) + 1 :]
    else:
        stack.append(chain)
    return len(stack) - 1


def _end(path: Path) -> str:
    match path.end:
        case End.LEFT:
            via = f" via {path.out}" if path.out else ""
            return plain(f"out {path.exit or path.entry}{via}")
        case End.DELIVERED:
            return "delivered to the node itself" + (f" as {plain(str(path.exit))}" if path.exit else "")
        case End.DROPPED:
            rule = path.dropped_by
            if (read := path.steps[-1].read if path.steps else None) is not None and rule:
                return f"dropped by the reader of queue {read[0]}, handed over by {_where(rule)}"
            word = "rejected" if rule and rule.rejects else "dropped"
            return f"{word} by {_where(rule)}" if rule else word
        case End.QUEUED:
            rule = path.steps[-1].rule if path.steps else None
            return f"handed to queue {rule.queue}, and gone" if rule and rule.queue else "handed to a user-space queue"
        case End.STOLEN:
            return "taken over by a rule that answers it itself"
        case End.VANISHED:
            return "gone: it came in, did not leave, and no rule dropped it"


def _where(rule: Rule) -> str:
    return plain(rule.place + (f' "{rule.comment}"' if rule.comment else ""))
