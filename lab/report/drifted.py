"""Whether a host drifted, as a scheduled job mails it: the answer in one line, then flows, then rules.

Nothing in it tells when it was made or how long that took: the same host makes the same text, and diff compares two days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.record.difference import Aspect, Difference
from lab.record.drifted import ByProgram, Compared, DriftReport, NextBoot, Standing
from lab.record.reconciled import Reconciled
from lab.report.diff import diff_lines
from lab.report.differences import between, counted, service
from lab.report.markup import block, prose
from lab.report.plain import plain
from lab.report.reconciled import reconciled_lines

_SAME_BOOT = "its next boot loads what it runs"


def headline(report: DriftReport) -> str:
    """``gw drifted from edge-gateway: 2 classes of flows open, 1 closes; 3 rules nobody answers for``."""
    now = report.now
    parts = [] if now is None else [_now(report.host, str(report.policy), now)]
    if report.boot is not None and (boot := _boot(report.boot)):
        parts.append(boot if parts else f"{report.host}: {boot}")
    known = report.boot is not None and report.boot.compared is not None
    return plain("; ".join(parts) or f"{report.host}: {_SAME_BOOT if known else 'what its next boot loads is not known'}")


def drift_lines(report: DriftReport, *, full: bool = False) -> Iterator[str]:
    """All of it, in lines as long as they are; ``full`` names every class of flows."""
    yield headline(report)
    if report.restarted is not None:
        yield f"{plain(report.host)} was {'restarted' if report.restarted else 'not restarted'} between both snapshots"
    if (now := report.now) is not None:
        yield ""
        yield from diff_lines(now.behaviour, full=full)
        yield from _by_programs(now.by_programs)
        yield from reconciled_lines(now.rules)
    if (boot := report.boot) is not None:
        yield ""
        yield from _boot_lines(boot, full=full)


def drift_markdown(report: DriftReport) -> str:
    """The same as GitHub-flavoured Markdown: the answer as its heading."""
    lines = [f"## Drift: {prose(headline(report))}", ""]
    lines += [f"- {prose(str(problem))}" for problem in report.problems]
    text = "\n".join(list(drift_lines(report))[1:]).strip("\n")
    return "\n".join([*lines, *([block(text)] if report.host else []), ""])


def _now(host: str, policy: str, now: Compared) -> str:
    if now.standing is Standing.SAME:
        return f"{host} runs what {policy} says"
    if now.standing is Standing.UNKNOWN:
        return f"whether {host} drifted from {policy} is not known"
    if now.standing is Standing.OTHER_RULES:
        return f"{host} against {policy}: same behaviour, other rules: {_rules(now.rules)}"
    return "; ".join(filter(None, (f"{host} drifted from {policy}: {_flows(now.behaviour.differences)}", _rules(now.rules))))


def _boot(boot: NextBoot) -> str:
    """What the next boot does; empty where it changes nothing, or nothing is known of it."""
    if boot.refused:
        return "what its next boot loads is refused"
    if boot.compared is None or (standing := boot.compared.standing) is Standing.SAME:
        return ""
    if standing is Standing.UNKNOWN:
        return "what its next boot changes is not known"
    rules = boot.compared.rules
    if not boot.files:
        told = "it loads no rules"
    else:
        lost, back = len(rules.by_hand), len(rules.unloaded)
        words = (_many(lost, "rule is lost", "rules are lost"), _many(back, "comes back", "come back"))
        told = ", ".join(filter(None, words)) or "rules stand otherwise"
    if standing is Standing.OTHER_RULES:
        return f"its next boot: same behaviour, other rules: {told}"
    return f"its next boot: {_flows(boot.compared.behaviour.differences)}; {told}"


def _flows(differences: Sequence[Difference]) -> str:
    """``2 classes of flows open, 1 closes``: those that fare otherwise."""
    first, *others = counted([one for one in differences if one.aspect is not Aspect.RULE])
    count, words = first.split(" ", 1)
    return ", ".join((f"{count} {'class' if count == '1' else 'classes'} of flows {words}", *others))


def _rules(rules: Reconciled) -> str:
    unowned = len(rules.unowned)
    return ", ".join(filter(None, (
        _many(unowned, "rule nobody answers for", "rules nobody answers for"),
        _many(len(rules.by_hand) - unowned, "owned rule is not in it", "owned rules are not in it"),
        _many(len(rules.unloaded), "rule of it is not loaded", "rules of it are not loaded"),
        _many(len(rules.moved), "rule stands elsewhere", "rules stand elsewhere"),
        _many(len(rules.policies), "chain has another policy", "chains have another policy"),
    )))  # fmt: skip


def _many(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}" if count else ""


def _by_programs(found: Sequence[ByProgram]) -> Iterator[str]:
    for one in found:
        how = "closed" if one.difference.closes else "decided"
        yield plain(f"no drift: {how} by a rule of {one.program} itself: {between(one.difference)}  {service(one.difference)}")


def _boot_lines(boot: NextBoot, *, full: bool) -> Iterator[str]:
    if boot.refused:
        yield plain(f"its next boot loads {', '.join(boot.files)}, which is refused:")
        yield from (f"  {plain(line)}" for problem in boot.refused for line in str(problem).split("\n"))
    elif boot.compared is None:
        yield plain(f"its next boot: {boot.why}")
    elif boot.compared.standing is Standing.SAME:
        yield plain(f"{_SAME_BOOT}, from {_from(boot)}")
    else:
        nothing = "no rules: no service that loads any is enabled, or its file is missing"
        yield plain(f"its next boot loads {_from(boot) if boot.files else nothing}:")
        yield from diff_lines(boot.compared.behaviour, full=full)
        yield from _by_programs(boot.compared.by_programs)
        yield from _boot_rules(boot.compared.rules, _from(boot) if boot.files else "any file")
    yield from (plain(f"note: {note}") for note in boot.notes)


def _from(boot: NextBoot) -> str:
    return " ".join(boot.files) or "no file"


def _boot_rules(rules: Reconciled, files: str) -> Iterator[str]:
    """Rule by rule: what the kernel has and boot does not load, and the other way round."""
    sections = (
        (f"in the kernel, and not in {files}: lost at the next boot", [f"{one.place}  {one.text}" for one in rules.by_hand]),
        (f"in {files}, and not in the kernel: there again after the next boot",
         [f"{one.source or one.place}  {one.text}" for one in rules.unloaded]),
        ("elsewhere among the rules of its chain",
         [f"{one.place}  {one.text}  [then number {one.number}]" for one in rules.moved]),
        ("chain policies", [f"{one.family} {one.table}:{one.chain}  {one.running or 'none'} now, {one.written or 'none'} then"
                            for one in rules.policies]),
    )  # fmt: skip
    for heading, lines in sections:
        if lines:
            yield plain(f"{heading} ({len(lines)}):")
            yield from (f"  {plain(line)}" for line in lines)
