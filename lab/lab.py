"""A topology that is up, with policies loaded, that answers questions with verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Self

from lab.errors import InputError, Problem
from lab.kernel.ground.namespace import Home
from lab.kernel.hold.held import Held
from lab.kernel.hold.line_map import KnownLines, LineMap, NodeLines
from lab.kernel.hold.loading import Load
from lab.kernel.hold.read_back import read_back
from lab.kernel.hold.rule_index import RuleIndex
from lab.kernel.stage.capture import Capture
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.kernel.stage.rest import Pin
from lab.kernel.stage.source import chosen_source
from lab.kernel.watch.instrument import Instrument
from lab.probe.attempt import probe
from lab.probe.question import NUMBERS, Question, sends_of
from lab.probe.stage import Stage
from lab.record.packet import PROTOCOL_NAMES
from lab.record.sweep import Gear, Sweep
from lab.record.verdict import Verdict
from lab.ruleset.backend import Backend
from lab.ruleset.hazards import Hazards, find_hazards
from lab.ruleset.remembering import Flow, RememberingRules
from lab.ruleset.rulesets import Rulesets
from lab.sweep.fates import SweepTally
from lab.sweep.manner import choose
from lab.sweep.sweeping import Sweeping
from lab.sweep.train import SweepQuestion
from lab.verdict.absence import Absences
from lab.verdict.prove import prove
from lab.written.asked import OneFlow, Resolver, Word
from lab.written.topology import Topology


class Lab:
    """``topology`` with the rendered ``policies`` of some of its nodes, from now until `close`.

    ``lines`` is what `lab.kernel.hold.line_map.find_lines` gave for these policies, where several labs are built of them;
    ``backend`` the iptables that loads them.
    Raises InputError when the kernel refuses a ruleset or a route, MachineError when this machine lacks something,
    MeasurementError when the instrument cannot be armed; nothing then remains.

    >>> with Lab(topology, {"gateway": Rulesets(v4=rendered)}) as lab:
    ...     assert lab.probe("world", "web-vip", "tcp/443").allowed
    """

    def __init__(
        self,
        topology: Topology,
        policies: Mapping[str, Rulesets],
        lines: Mapping[str, NodeLines] | None = None,
        *,
        backend: Backend = Backend.NFT,
    ) -> None:
        self.topology = topology
        self.backend = backend
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

            self.network = Network(topology, start_loading, ruled=policies.keys())
            undo.callback(self.network.close)
            for name in policies:
                loads[name].finish()
            self._instrument = Instrument(self.network)
            undo.callback(self._instrument.close)
            self.policies: dict[str, Held] = {
                name: read_back(self.network.nodes[name], rulesets, backend, sources[name])
                for name, rulesets in policies.items()
            }
            with Pin():
                self._watch()
            self._stage = Stage(self.network, self._instrument)
            undo.callback(self._stage.close)
            self._undo = undo.pop_all()
        self._pin = Pin()
        self._batch = False

    def _line_map(self, home: Home, name: str, undo: ExitStack, rulesets: Rulesets) -> LineMap:
        """Starts to find the lines of ``rulesets``, beside the building."""
        line_map = LineMap(home, rulesets, self.backend, self.topology.nodes[name].interfaces, accept=False)
        undo.callback(line_map.close)
        return line_map

    def _watch(self) -> None:
        """Trace every node that has rules or forwards: elsewhere no rule can decide."""
        for name, node in self.network.nodes.items():
            if name in self.policies:
                policy = self.policies[name]
                self._instrument.watch(node, policy.index, self.backend, zoned=policy.zoned)
                if policy.traces:
                    self._instrument.trace_everything(name)
            elif self.topology.nodes[name].forwards:
                self._instrument.watch(node, RuleIndex(name, {}))
        self._instrument.canary()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Ask several questions between one canary and the next; inside of itself it changes nothing.

        Raises MeasurementError when the instrument is blind.
        """
        if self._batch:
            yield
            return
        with self._pin:
            self._instrument.canary()
            self._batch = True
            try:
                yield
            finally:
                self._batch = False
            self._instrument.canary()

    @contextmanager
    def everything_traced(self) -> Iterator[None]:
        """Trace every packet while inside, not TCP on SYN alone: slower, and the whole exchange is seen."""
        with self._instrument.everything():
            yield

    @contextmanager
    def captured(self) -> Iterator[Capture]:
        """Capture every packet at every interface of every node while inside."""
        capture = Capture(self.network.nodes)
        try:
            yield capture
        finally:
            capture.close()

    def ask(self, question: Question, at: str | None = None, *, closely: bool | None = None) -> Verdict:
        """The verdict of one question, ``at`` being the node under test.

        ``closely`` sends it once, with every witness watching, as is needed where a rule on the way remembers what it saw:
        the verdict is then that of the first packet in the state that the lab is in.  None looks whether there is one.
        """
        if closely is None:
            closely = self.rules_that_remember.any and bool(self.rules_that_remember.in_the_way(self._flow(question)))
        with nullcontext() if self._batch else self.batch():
            translated = closely and self._hazards.translates
            return prove(probe(self._stage, question, closely=closely, translated=translated), at)

    def _flow(self, question: Question | SweepQuestion) -> Flow:
        """What the rules that remember have to know of a question."""
        ends = question.node, self.topology.owner(question.destination)
        if isinstance(question, SweepQuestion):
            ports = question.ports
        else:
            ports = ((question.port, question.port),) if question.port is not None else ()
        return Flow(question.family, PROTOCOL_NAMES[question.proto], ports, ends)

    def probe(
        self,
        sender: Word,
        target: Word,
        service: str,
        *,
        source: str | None = None,
        sport: int | None = None,
        ack: bool = False,
        at: str | None = None,
        family: int | None = None,
    ) -> Verdict:
        """Send ``service`` (``tcp/443``, ``icmp/echo-request``) from a node to a node, a name or an address.

        Both ends are words of a row (``lab.written.asked``).  ``family`` (4 or 6) says which where both ends have both; by
        default it is the first that the ends, ``source`` and the service (``icmpv6/…``) have in common.

        Services that are not open in the topology are opened at the target for the probe's time.  ``at`` is the node under
        test, by default the one that has a policy.  Raises InputError for words that are wrong, or stand for several.
        """
        if sport is not None and not 1 <= sport <= 65535:
            raise InputError(Problem(f"source port {sport} is not between 1 and 65535"))
        flow = self.asked(sender, target, service, source=source, family=family)
        if flow.service.port_count > 1:
            raise InputError(Problem(f"{service!r} is more than one port", mend="probe one port at a time"))
        port = flow.service.ports[0][0] if flow.service.ports else None
        question = Question(
            node=flow.node,
            source=flow.source,
            destination=flow.destination,
            sends=sends_of(flow.service, port, ack=ack),
            sport=sport,
            receivers=((flow.owner, port),) if flow.owner else (),
        )
        return self.ask(question, at or self._only_policy())

    def sweep(
        self,
        sender: Word,
        target: Word,
        service: str = "tcp/1-65535",
        *,
        gear: Gear = Gear.RULE,
        source: str | None = None,
        sources: Sequence[str] = (),
        at: str | None = None,
        family: int | None = None,
        tally: SweepTally | None = None,
    ) -> Sweep:
        """Send one packet to every port of ``service``, and say of each what became of it and, in the rule gear, by which rule.

        With ``sources`` the same port is asked from each of these addresses.  No service is opened at the target: a port
        that is reached is `closed`, and `allowed` where the topology has a service.  The flows of every node are forgotten
        afterwards.  The verdict gear is left for the rule gear where the rules' memory or queues could deceive it.
        ``tally`` is filled on the way, for who wants what was finished before an interruption.  Raises as `probe` does.

        >>> open_ports = lab.sweep("world", "web-vip", "tcp/1-65535", gear=Gear.VERDICT).open
        """
        flow = self.asked(sender, target, service, source=next(iter(sources), source), family=family)
        if flow.service.proto not in ("tcp", "udp") or (sources and flow.service.port_count > 1):
            what = "from many sources one port is asked" if sources else "only ports of tcp and udp are swept"
            raise InputError(Problem(f"{service!r}: {what}"))
        checked = self._resolver.sources(sources, flow.family)
        sport = self.source_port(flow.source)
        question = SweepQuestion(
            flow.node, flow.source, flow.destination, NUMBERS[flow.service.proto], sport, flow.service.ports, checked
        )
        return self.ask_all(question, gear, at or self._only_policy(), tally)

    def ask_all(
        self, question: SweepQuestion, gear: Gear = Gear.RULE, at: str | None = None, tally: SweepTally | None = None
    ) -> Sweep:
        """The sweep of one question, ``at`` being the node under test."""
        tally = tally if tally is not None else SweepTally()
        remembering = self.rules_that_remember.in_the_way(self._flow(question))
        manner = choose(gear, self.policies.values(), self._hazards, remembering=bool(remembering))
        tally.gear, tally.notes = manner.gear, manner.notes
        question = replace(question, varied=manner.varied)
        with self.batch():
            closely = bool(remembering)
            sweeping = Sweeping(
                self._stage, question, at, lambda asked: self.ask(asked, at, closely=closely), remembering, tally
            )
            sweeping.run(manner, processor=next(iter(self._pin.others), None))
        return tally.result()

    def asked(
        self, sender: Word, target: Word, service: str, *, source: str | None = None, family: int | None = None
    ) -> OneFlow:
        """The flow that `probe` and `sweep` ask for these words; raises InputError."""
        return self._resolver.flow(sender, target, service, source=source, family=family)

    @cached_property
    def _resolver(self) -> Resolver:
        return Resolver(self.topology, self.policies, self.kernel_source)

    def source_port(self, source: str) -> int:
        """A source port of an address that no other probe has had for long."""
        return self._stage.source_port(source)

    @cached_property
    def rules_that_remember(self) -> RememberingRules:
        """The rules of all policies that have a state of their own."""
        return RememberingRules(self.topology, {name: policy.chains for name, policy in self.policies.items()})

    @property
    def reads_source_ports(self) -> bool:
        """Whether any rule of the policies may tell one source port from another."""
        return self._hazards.reads_source_ports

    @cached_property
    def _hazards(self) -> Hazards:
        sets = "\n".join(policy.texts.get("ipset", "") for policy in self.policies.values())
        return find_hazards((rule for policy in self.policies.values() for rule in policy.rules()), sets)

    @cached_property
    def absences(self) -> Absences:
        """The rules that need what no node has, which a verdict may rest on."""
        here = {name: policy.here(self.topology.nodes[name].interfaces) for name, policy in self.policies.items()}
        return Absences(self.topology, {name: policy.chains for name, policy in self.policies.items()}, here)

    def _only_policy(self) -> str | None:
        return next(iter(self.policies)) if len(self.policies) == 1 else None

    def kernel_source(self, node: str, destination: str) -> str | None:
        """The address that the node's own kernel sends to ``destination`` from; None where it has no way there."""
        return chosen_source(self.network.nodes[node], destination)

    def close(self) -> None:
        """Take everything down."""
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
