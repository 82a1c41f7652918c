"""A rendered ruleset into a node, and what the kernel then holds: loaded whole or not at all, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.errors import InputError, MachineError, MeasurementError, Problem
from lab.kernel.namespace import Home, Namespace
from lab.kernel.node import Node
from lab.kernel.rule_index import RuleIndex, dump_handles, index_rules
from lab.kernel.tools import Finished, Running
from lab.kernel.wiping import wipe_rules
from lab.ruleset.lines import lines_of, with_line_counters
from lab.ruleset.refusal import is_missing_extension, locate
from lab.ruleset.render import Rendered
from lab.ruleset.save import Ruleset, read_save

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
    whatever ``-I`` or ``-s a,b`` made of their order and number.  As it is loaded there first, a ruleset that is refused is
    known before anything is built.  It works beside the caller from the moment it is made.
    """

    def __init__(self, home: Home, rendered: Rendered) -> None:
        self._rendered = rendered
        self._namespace = Namespace(home)
        self._running = Running(self._namespace, [RESTORE, "-c"], with_line_counters(rendered.text))

    def wait_until_accepted(self) -> None:
        """Return when the kernel took the ruleset; raises InputError or MachineError when it did not."""
        done = self._running.finish()
        if done.code != 0:
            raise _refusal(done, self._rendered)
        self._running = Running(self._namespace, [SAVE, "-c"])

    def sources(self) -> Mapping[tuple[str, str, int], str | None]:
        """The template's file and line of each (table, chain, number), once the ruleset was accepted."""
        saved = self._running.finish()
        known = self._rendered.sources
        return {
            place: known[line - 1] if 0 < line <= len(known) else None for place, line in lines_of(saved.out).items()
        }

    def close(self) -> None:
        """Throw the namespace away."""
        self._running.stop()
        self._namespace.close()


def read_back(node: Node, rendered: Rendered, lines: LineMap) -> LoadedPolicy:
    """What the node holds now; raises MeasurementError when that cannot be told rule by rule."""
    saving = Running(node.namespace, [SAVE])
    sources = lines.sources()
    saved = saving.finish()
    if saved.code != 0:
        raise MeasurementError(Problem(f"{node.name}: {SAVE} failed: {saved.err.strip()}"))
    ruleset = read_save(saved.out)
    return LoadedPolicy(rendered, ruleset, index_rules(node.name, ruleset, dump_handles(node.namespace), sources))


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
