"""A rendered ruleset into a node, and what the kernel then holds: loaded whole or not at all, and read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from lab.errors import InputError, MachineError, MeasurementError, Problem
from lab.kernel import tools
from lab.kernel.namespace import Home, Namespace
from lab.kernel.node import Node
from lab.kernel.rule_index import RuleIndex, dump_handles, index_rules
from lab.kernel.tools import Finished, Running
from lab.kernel.wiping import wipe_rules
from lab.ruleset.lines import lines_of, with_line_counters
from lab.ruleset.refusal import is_missing_extension, locate
from lab.ruleset.render import Rendered
from lab.ruleset.save import Ruleset, read_save

Lines = Mapping[tuple[str, str, int], str | None]  # (table, chain, number) to the template's file and line
RESTORE, SAVE = "iptables-nft-restore", "iptables-nft-save"


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """What a node holds after a load: the rules as ``iptables-save`` prints them, and which rule has which handle."""

    rendered: Rendered
    ruleset: Ruleset
    index: RuleIndex


class Load:
    """Loads ``rendered`` into the node with iptables-nft-restore, beside the caller from the moment it is made."""

    def __init__(self, node: Node, rendered: Rendered) -> None:
        self._node, self._rendered = node, rendered
        self._running = Running(node.namespace, [RESTORE], rendered.text)

    def finish(self) -> None:
        """Return when the ruleset is loaded.

        A refusal is an InputError with the line of the ruleset and of its template; a match or target that this machine
        lacks is a MachineError.  Either way the node then keeps none of it, nor of what it held before.
        """
        done = self._running.finish()
        if done.code != 0:
            wipe_rules(self._node.namespace)
            raise _refusal(done, self._rendered)

    def stop(self) -> None:
        """Kill the tool if it still runs."""
        self._running.stop()


def load(node: Node, rendered: Rendered) -> None:
    """Load ``rendered`` into the node and wait for it; raises as `Load.finish`."""
    Load(node, rendered).finish()


class LineMap:
    """Finds which line of a rendered text each rule came from, in a namespace that is thrown away.

    A copy of the text carries its line numbers as packet counters; ``iptables-save -c`` gives them back with the rules,
    whatever ``-I`` or ``-s a,b`` made of their order and number.  It works beside the caller from the moment it is made.
    """

    def __init__(self, home: Home, rendered: Rendered) -> None:
        self._rendered = rendered
        self._namespace = Namespace(home)
        self._running = Running(self._namespace, [RESTORE, "-c"], with_line_counters(rendered.text))

    def sources(self) -> Lines:
        """The template's file and line of each rule; InputError or MachineError when the kernel refused the ruleset."""
        done = self._running.finish()
        if done.code != 0:
            raise _refusal(done, self._rendered)
        saved = tools.run(self._namespace, [SAVE, "-c"])
        known = self._rendered.sources
        return {
            place: known[line - 1] if 0 < line <= len(known) else None for place, line in lines_of(saved.out).items()
        }

    def close(self) -> None:
        """Throw the namespace away."""
        self._running.stop()
        self._namespace.close()


def lines_of_accepted(home: Home, policies: Mapping[str, Rendered]) -> dict[str, Lines]:
    """The lines of every node's rules, found before anything is built; InputError or MachineError for a refused ruleset."""
    with ExitStack() as undo:
        maps = {}
        for name, rendered in policies.items():
            maps[name] = LineMap(home, rendered)
            undo.callback(maps[name].close)
        return {name: lines.sources() for name, lines in maps.items()}


def read_back(node: Node, rendered: Rendered, sources: Callable[[], Lines]) -> LoadedPolicy:
    """What the node holds now; raises MeasurementError when that cannot be told rule by rule."""
    saving = Running(node.namespace, [SAVE])
    lines = sources()
    saved = saving.finish()
    if saved.code != 0:
        raise MeasurementError(Problem(f"{node.name}: {SAVE} failed: {saved.err.strip()}"))
    ruleset = read_save(saved.out)
    return LoadedPolicy(rendered, ruleset, index_rules(node.name, ruleset, dump_handles(node.namespace), lines))


_TOO_LONG = "Message too long"


def _refusal(done: Finished, rendered: Rendered) -> InputError | MachineError:
    if done.code < 0:
        what = f"{rendered.file}: {RESTORE} died of signal {-done.code} over this ruleset"
        return InputError(Problem(what, mend="try it by hand in `unshare -n`, and without -R, -D or -E"))
    if _TOO_LONG in done.err:
        what = f"{rendered.file}: this ruleset is larger than this machine lets an ordinary user give to the kernel at once"
        return MachineError(Problem(what, mend="sudo sysctl -w net.core.wmem_max=16777216   (or run as root)"))
    problem = locate(done.err, rendered)
    return MachineError(problem) if is_missing_extension(done.err, rendered) else InputError(problem)
