"""What stands of a lab, whoever asks: a network, and what its nodes hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from types import TracebackType
from typing import Self

from lab.errors import InputError, LabError, MeasurementError, Problem
from lab.kernel.ground.namespace import Home
from lab.kernel.hold.exchange import exchange, tried_sets
from lab.kernel.hold.held import Held
from lab.kernel.hold.held_now import held_now
from lab.kernel.hold.line_map import KnownLines, LineMap, NodeLines, find_lines
from lab.kernel.hold.loading import Load
from lab.kernel.hold.read_back import held, read_back
from lab.kernel.hold.renew.reload import reload
from lab.kernel.hold.renew.renewal import Renewal, Uses
from lab.kernel.stage.handles import NetworkHandles
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.probe.question import SOURCE_PORTS
from lab.record.path import Path
from lab.ruleset.backend import Backend
from lab.ruleset.constants import constants_in
from lab.ruleset.hazards import Hazards, find_hazards
from lab.ruleset.held import Chains, HeldRule, rules_of
from lab.ruleset.ipset import without_ports
from lab.ruleset.memories import Flow, Memories
from lab.ruleset.memory import Memory
from lab.ruleset.port_cuts import Cuts
from lab.ruleset.rule import Ports
from lab.ruleset.rulesets import Rulesets
from lab.ruleset.way_cuts import WayCuts
from lab.verdict.absence import Absences
from lab.written.topology import Topology


@dataclass(frozen=True)
class Holding:
    """What the nodes of ``topology`` hold by name, and what follows from that; a load makes another one of it."""

    topology: Topology
    policies: Mapping[str, Held]

    @cached_property
    def memories(self) -> Memories:
        """What the rules of all policies remember."""
        return Memories(self.topology, self._chains)

    @cached_property
    def hazards(self) -> Hazards:
        """What in the rules could deceive a sweep."""
        return find_hazards((rule for policy in self.policies.values() for rule in policy.rules()), self._sets)

    @cached_property
    def proxied(self) -> Mapping[str, frozenset[int]]:
        """The ports of transparent sockets that rules of a node hand packets to, by nodes that have such rules; 0 is any."""
        found = {
            name: frozenset(port for rule in policy.rules() if (port := rule.hands_to_port) is not None)
            for name, policy in self.policies.items()
        }
        return {name: ports for name, ports in found.items() if ports}

    @property
    def _sets(self) -> str:
        return "\n".join(policy.texts.get("ipset", "") for policy in self.policies.values())

    def hazards_of(self, flow: Flow, sports: Ports = ()) -> Hazards:
        """The same of the rules that a flow may meet, if it is sent from one of ``sports``."""
        return find_hazards(self.memories.hazards_met(flow), self._sets, sports)

    def cuts_on(self, path: Path, first: bool) -> Cuts | None:  # noqa: FBT001 - as `lab.sweep.alike.Ways` calls it
        """Which ports the rules on a path tell apart; None where that cannot be told."""
        cuts = self._way_cuts.get(path.node)
        return () if cuts is None else cuts.on(path, first=first)

    @cached_property
    def _way_cuts(self) -> Mapping[str, WayCuts]:
        own = ((SOURCE_PORTS.start, SOURCE_PORTS.stop - 1),)
        return {
            name: WayCuts(held.chains, own, without_ports(held.texts.get("ipset", "")))
            for name, held in self.policies.items()
        }

    @cached_property
    def absences(self) -> Absences:
        """The rules that need what no node has, which a verdict may rest on."""
        nodes = self.topology.nodes
        served = self.topology.served
        here = {
            name: policy.here(nodes[name].devices, nodes[name].seen_ports, served) for name, policy in self.policies.items()
        }
        return Absences(self.topology, self._chains, here)

    @property
    def _chains(self) -> Mapping[str, Chains]:
        return {name: policy.chains for name, policy in self.policies.items()}


class Site:
    """``topology`` with the rendered ``policies`` of some of its nodes, from now until `close`; nobody watches it yet.

    ``lines`` is what `lab.kernel.hold.line_map.find_lines` gave for these policies, or another site that was built of them;
    ``backend`` the iptables that loads them.  ``ruled`` are further nodes that others may load rulesets into later on.
    With ``handles`` it is what another process built of the same topology and policies, and stays when this one closes it;
    with ``loaded`` too, what that one's nodes held then, it is taken as it is now, and needs no policies; see `as_it_is`.
    Raises InputError when the kernel refuses a ruleset or a route, or when handles are of another topology; MachineError when
    this machine lacks something, MeasurementError when what a node holds cannot be told; nothing then remains.

    A process that keeps it for others prints ``site.network.handles.to_json()``; see `adopt`.
    """

    def __init__(
        self,
        topology: Topology,
        policies: Mapping[str, Rulesets],
        lines: Mapping[str, NodeLines] | None = None,
        *,
        backend: Backend = Backend.NFT,
        handles: NetworkHandles | None = None,
        loaded: Mapping[str, Held] | None = None,
        ruled: Collection[str] = (),
    ) -> None:
        self.topology = topology
        self.backend = backend
        self.trouble: Problem | None = None
        self.bell: Callable[[], AbstractContextManager[None]] = nullcontext
        """Tells those who look that somebody waits for his turn; inside of it nobody begins to look."""
        with ExitStack() as undo:
            home = Home()
            undo.callback(home.close)
            sources: dict[str, LineMap | KnownLines] = {}
            for name, rulesets in policies.items():
                sources[name] = KnownLines(lines[name]) if lines is not None else self._line_map(home, name, undo, rulesets)
            loads: dict[str, Load] = {}

            def start_loading(node: Node) -> None:
                if node.name in policies:
                    loads[node.name] = Load(node, policies[node.name], backend)
                    undo.callback(loads[node.name].stop)

            if handles is None:
                self.network = Network(topology, start_loading, ruled={*policies, *ruled})
            else:
                self.network = Network.adopt(topology, handles)
            undo.callback(self.network.close)
            for load in loads.values():
                load.finish()
            for rulesets in policies.values():
                self._take_on(rulesets)
            read = {
                name: read_back(self.network.nodes[name], rulesets, backend, sources[name])
                for name, rulesets in policies.items()
            }
            self.held = Holding(topology, read if loaded is None else dict(self._found_in_nodes(loaded)))
            self.lines: Mapping[str, NodeLines] = {name: found.sources() for name, found in sources.items()}
            """Of the policies that it was built of, for the next site that is."""
            self._renewals: dict[str, Renewal] = {}
            undo.callback(self._close_renewals)
            for name, policy in self.held.policies.items() if handles is None else ():
                self._see_fresh(name, policy)
            starts = handles is None and any(spec.programs for spec in topology.nodes.values())
            self.programs = self.network.start_programs() if starts else None
            self._undo = undo.pop_all()

    @classmethod
    def adopt(
        cls,
        topology: Topology,
        policies: Mapping[str, Rulesets],
        handles: NetworkHandles,
        lines: Mapping[str, NodeLines] | None = None,
        *,
        backend: Backend = Backend.NFT,
    ) -> Site:
        """What another process built of these and still holds; it need do nothing for that.

        >>> with Site.adopt(topology, policies, NetworkHandles.from_json(told)) as site, Lab.on(site) as lab:
        ...     assert lab.probe("world", "web-vip", "tcp/443").allowed
        """
        return cls(topology, policies, lines, backend=backend, handles=handles)

    @classmethod
    def as_it_is(
        cls, topology: Topology, loaded: Mapping[str, Held], handles: NetworkHandles, *, backend: Backend = Backend.NFT
    ) -> Site:
        """What another process built and still holds, whatever somebody has done to it since, at any of its nodes.

        ``loaded`` is ``site.held.policies`` of that process when it was built (or of who has loaded something since): a rule
        that is still one of those has its line.  Raises InputError for a rule that would blind the lab, MeasurementError where
        what a node holds cannot be told.
        """
        return cls(topology, {}, backend=backend, handles=handles, loaded=loaded)

    def _found_in_nodes(self, loaded: Mapping[str, Held]) -> Iterator[tuple[str, Held]]:
        """What each node holds now; those that hold nothing, and never did, are left out."""
        for name, node in self.network.nodes.items():
            now = held_now(node, self.backend, loaded.get(name))
            if now is not None:
                self._take_on_by_hand(now)
                yield name, now

    def _line_map(self, home: Home, name: str, undo: ExitStack, rulesets: Rulesets) -> LineMap:
        """Starts to find the lines of ``rulesets``, beside the building."""
        line_map = LineMap(home, rulesets, self.backend, self.topology.nodes[name].devices, accept=False)
        undo.callback(line_map.close)
        return line_map

    def load(self, name: str, rulesets: Rulesets, lines: NodeLines) -> None:
        """Put ``rulesets`` in the place of what a node holds, part by part as `exchange` does it.

        The node then holds what a new lab with them would.  What does not lie in the rules themselves stays, as on a real
        host: the entries of conntrack, lists of `recent`, and sets of ipset that are written as before.  ``lines`` is what
        `lab.kernel.hold.line_map.find_lines` gave for the node.

        A refusal is an InputError (or a MachineError) as it is when a lab is built.  The node then holds what it held before;
        where that cannot be promised the error says so, and `trouble` is what every question to the site is answered with.
        """
        sets = tried_sets(self.network.nodes[name], rulesets, self.backend)
        before = self.held.policies.get(name)
        self.trouble = Problem(f"{name}: a load was interrupted: which rules are in force is not known", mend="build a new lab")
        self.network.rule(name)
        try:
            self._exchange(name, _in_force(before), rulesets, lines, sets)
        except LabError as error:
            self.trouble = self._put_back(name, before, rulesets)
            if self.trouble is None:
                raise
            raise type(error)((*error.problems, self.trouble)) from error
        self.trouble = None

    def found(self, name: str, rulesets: Rulesets, lines: NodeLines) -> bool:
        """Take note of what a node holds since somebody else changed it, and say whether that is ``rulesets``.

        Where it is something else, a rule that was there before keeps its line.  Raises MeasurementError when it cannot be told
        rule by rule, InputError for a rule that would blind the lab.
        """
        node = self.network.nodes[name]
        self._take_on(rulesets)
        with self._unknown(f"{name}: its rules were changed: which are in force is not known"):
            now = held(node, self.backend, before=self.held.policies.get(name))
            try:
                as_meant = read_back(node, rulesets, self.backend, KnownLines(lines))
            except MeasurementError:
                as_meant = None
            same = as_meant is not None and as_meant.listing == now.listing
            self._hold(name, as_meant if same else now)
        return same

    @contextmanager
    def _unknown(self, what: str) -> Iterator[None]:
        """Whatever stops what is inside, nobody knows then which rules are in force."""
        self.trouble = Problem(what, mend="build a new lab")
        yield
        self.trouble = None

    def _take_on(self, rulesets: Rulesets) -> None:
        """Have who stands for addresses that rules name be asked for them: a translation may lead there."""
        for kind, rendered in rulesets.parts():
            self.network.take_on(constants_in(kind, rendered.text))

    def _take_on_by_hand(self, now: Held) -> None:
        """The same for rules that were not loaded; where it cannot be, as an interface is gone, nobody is asked for them."""
        for kind, text in now.texts.items() if now.by_hand else ():
            with suppress(MeasurementError):
                self.network.take_on(constants_in(kind, text))

    def _exchange(self, name: str, before: Rulesets, now: Rulesets, lines: NodeLines, sets: str) -> None:
        node = self.network.nodes[name]
        exchange(node, before, now, self.backend, sets)
        self._take_on(now)
        self._hold(name, read_back(node, now, self.backend, KnownLines(lines)))

    def _hold(self, name: str, policy: Held | None) -> None:
        others = {other: held for other, held in self.held.policies.items() if other != name or policy is not None}
        self.held = Holding(self.topology, others if policy is None else {**others, name: policy})
        renewal = self._renewals.pop(name, None)
        if renewal is not None:
            renewal.close()
        if policy is not None:
            self._see_fresh(name, policy)

    def _put_back(self, name: str, before: Held | None, refused: Rulesets) -> Problem | None:
        """Load what a node held before once more; what of it is not as it was."""
        mend = "build a new lab"
        try:
            if before is None:
                exchange(self.network.nodes[name], refused, Rulesets(), self.backend, "")
                self._hold(name, None)
                return None
            if before.by_hand:
                return self._look_again(name, before)
            loaded = before.in_force
            lines = find_lines(self.topology, {name: loaded}, self.backend)[name]
            sets = tried_sets(self.network.nodes[name], loaded, self.backend)
            self._exchange(name, refused, loaded, lines, sets)
        except LabError as error:
            what = f"{name}: nor could the rules of before be loaded again: {'; '.join(one.what for one in error.problems)}"
            return Problem(what, mend=mend)
        if self.held.policies[name].listing != before.listing:
            return Problem(f"{name}: the rules of before were loaded again, and are not the same", mend=mend)
        if Holding(self.topology, {name: before}).memories.any:
            return Problem(f"{name}: the rules of before were loaded again, and what they remembered is gone", mend=mend)
        return None

    def _look_again(self, name: str, before: Held) -> Problem | None:
        """Read what is left of rules that were changed by hand, which nobody could load again."""
        now = held_now(self.network.nodes[name], self.backend, before)
        if now is None or now.listing != before.listing:
            return Problem(f"{name}: it held rules that were changed by hand, and they are not as they were")
        self._hold(name, replace(now, by_hand=True))
        return None

    def renew(self, uses: Uses) -> frozenset[Memory]:
        """Make these memories fresh, as if no packet had come to them, and return those that only `reload` makes so.

        ``uses`` are memories of any nodes, each with the rules that use it.  The rules stay what they are, with their places,
        counters and handles, so that nobody who watches has to be told.  The network has to be at rest.

        Raises MeasurementError when it is not known what a node holds afterwards; `trouble` is then set.
        """
        by_node: dict[str, dict[Memory, Sequence[HeldRule]]] = {}
        for memory, rules in uses.items():
            by_node.setdefault(memory.node, {})[memory] = rules
        self.require_sound()
        with self._unknown("rules were being made fresh: which are in force is not known"):
            left = [self._renewal(name).renew(mine) for name, mine in by_node.items()]
        return frozenset().union(*left)

    def reload(self, name: str) -> None:
        """Take a node's policy out and load it again, so that nothing in it remembers; who watches is told as of a `load`.

        Raises MeasurementError, or what a load raises; it is not known then what the node holds, and `trouble` is set.
        """
        self.require_sound()
        with self._unknown(f"{name}: its rules were being loaded again: which are in force is not known"):
            self._hold(name, reload(self.network.nodes[name], self.held.policies[name]))

    def _see_fresh(self, name: str, policy: Held) -> None:
        """Read what rules of native nft begin with, before any packet comes to them."""
        if any(rule.remembers for rule in rules_of(policy.native)):
            self._renewals[name] = Renewal(self.network.nodes[name], policy, fresh=True)

    def _renewal(self, name: str) -> Renewal:
        if name not in self._renewals:
            self._renewals[name] = Renewal(self.network.nodes[name], self.held.policies[name], fresh=False)
        return self._renewals[name]

    def _close_renewals(self) -> None:
        for renewal in self._renewals.values():
            renewal.close()

    def require_node(self, name: str) -> None:
        """Raise InputError for a node that is none of the topology's."""
        if name not in self.network.nodes:
            raise InputError(Problem(f"no node is called {name!r}; the nodes are {', '.join(self.network.nodes)}"))

    def require_sound(self) -> None:
        """Raise MeasurementError when it is not known which rules are in force, or a program of a node has ended."""
        if self.trouble is not None:
            raise MeasurementError(self.trouble)
        if self.programs is not None:
            self.programs.require()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While inside, no other process asks; it waits until none does.  A process that dies has had its turn.

        What two of them send at once would share conntrack's entries and the services' ports.  Who only looks is told by the
        `bell`, and steps aside.
        """
        first = next(iter(self.network.nodes.values())).namespace
        with ExitStack() as undo:
            with nullcontext() if first.is_alone else self.bell():
                undo.enter_context(first.alone())
            yield

    @contextmanager
    def look(self) -> Iterator[None]:
        """While inside, no other process asks, and others may look too; it waits until none asks.

        ip_tables tells its trace to one reader alone: there no other looks either.
        """
        with next(iter(self.network.nodes.values())).namespace.alone(shared=self.backend is Backend.NFT):
            yield

    def close(self) -> None:
        """Take everything down; what was adopted stays."""
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _in_force(policy: Held | None) -> Rulesets:
    return Rulesets() if policy is None else policy.in_force
