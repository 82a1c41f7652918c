"""A topology that is up, with policies loaded, that answers questions with verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from types import TracebackType
from typing import Self

from lab.ask_all import ask_all
from lab.errors import InputError, Problem
from lab.fresh import Fresh
from lab.kernel.hold.held import Held
from lab.kernel.hold.line_map import NodeLines, find_lines
from lab.kernel.stage.capture import Capture
from lab.kernel.stage.rest import Pin
from lab.kernel.stage.source import chosen_source
from lab.probe.attempt import probe
from lab.probe.question import NUMBERS, SESSIONS, Question, question_of
from lab.probe.session import ask_session
from lab.probe.stage import Stage
from lab.record.sweep import Gear, Sweep
from lab.record.verdict import Verdict
from lab.ruleset.backend import Backend
from lab.ruleset.memory import Memory
from lab.ruleset.rule import Ports
from lab.ruleset.rulesets import Rulesets
from lab.site import Site
from lab.sweep.fates import SweepTally
from lab.sweep.train import SweepQuestion
from lab.verdict.absence import Absences
from lab.verdict.prove import prove
from lab.watching import Watching
from lab.written.asked import OneFlow, Resolver, Word
from lab.written.sending import PLAIN, Sending, sending
from lab.written.topology import Topology


def _any_verdict(_verdict: Verdict) -> bool:
    return True


class Lab:
    """``topology`` with the rendered ``policies`` of some of its nodes, from now until `close`.

    ``lines`` is what `lab.kernel.hold.line_map.find_lines` gave for these policies, where several labs are built of them;
    ``backend`` the iptables that loads them.  What stands of it is its `site`; on one that stands already see `on`.
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
        site: Site | None = None,
    ) -> None:
        self._shared = site is not None
        self._resolver: tuple[Mapping[str, Held], Resolver] | None = None
        with ExitStack() as undo:
            self.site = site or undo.enter_context(Site(topology, policies, lines, backend=backend))
            self.topology, self.backend, self.network = self.site.topology, self.site.backend, self.site.network
            self._watching = Watching(self.site)
            self.instrument = self._watching.instrument
            undo.callback(self._close_instrument)
            with self.site.turn() if self._shared else nullcontext():
                with Pin():
                    self._watching.begin()
                if self._shared:
                    self.instrument.pause()
            self.stage = Stage(self.network, self.instrument, lambda: self.site.held.proxied, shared=self._shared)
            undo.callback(self.stage.close)
            self._undo = undo.pop_all()
        self.fresh = Fresh(self.site, self._renew, doubted=self._shared)
        self._pin = Pin()
        self._batch = False

    @classmethod
    def on(cls, site: Site) -> Self:
        """A lab on what stands already, and may be asked by others too; they take turns, from batch to batch.

        Its receivers are open during its batches alone.  `close` leaves the site as it is.
        """
        return cls(site.topology, {}, site=site)

    @property
    def policies(self) -> Mapping[str, Held]:
        """What the nodes hold, by name."""
        return self.site.held.policies

    def load(self, node: str, rulesets: Rulesets, lines: NodeLines | None = None) -> None:
        """Put ``rulesets`` in the place of what ``node`` holds, while the trace goes on; between two batches or inside of one.

        ``lines`` is what `lab.kernel.hold.line_map.find_lines` gave for the node; without it the rulesets are first loaded into
        a namespace that is thrown away.  What stays of before is said in `Site.load`.

        Raises InputError or MachineError when they are refused: the node then holds what it held before, unless the error says
        that it does not; every question is then answered with a MeasurementError.  Raises MeasurementError when the network
        cannot be brought to rest before, or the trace is blind afterwards.

        >>> lab.load("gateway", Rulesets(v4=rendered))
        """
        self.site.require_node(node)
        lines = lines or find_lines(self.topology, {node: rulesets}, self.backend)[node]
        ingress = rulesets.nft is not None and "ingress" in rulesets.nft.text
        with self._turn():
            self.site.require_sound()
            self._watching.follow()
            with self._watching.exchange(node, ingress=ingress):
                self.site.load(node, rulesets, lines)

    def take_note(self, node: str, rulesets: Rulesets, lines: NodeLines) -> bool:
        """Follow what somebody else has put into ``node``, and say whether that is ``rulesets``; `lines` is as of `load`.

        Raises MeasurementError when what the node holds cannot be told, or the trace is blind afterwards.
        """
        self.site.require_node(node)
        with self._turn(), self._watching.exchange(node, ingress=True):
            return self.site.found(node, rulesets, lines)

    def _renew(self, wanted: Sequence[Memory]) -> None:
        """Make fresh what rules remember: in place, or by loading again what a node holds; raises LabError."""
        memories = self.site.held.memories
        left = self.site.renew({memory: memories.rules_of(memory) for memory in wanted})
        for node in dict.fromkeys(memory.node for memory in left):
            self._reload(node)

    def _reload(self, node: str) -> None:
        """Take out what ``node`` holds, and load it again: with its rules goes what they remember."""
        with self._watching.exchange(node, ingress=self.policies[node].index.has_ingress):
            self.site.reload(node)

    def _turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self._batch or not self._shared else self._shared_turn()

    @contextmanager
    def _shared_turn(self) -> Iterator[None]:
        with self.site.turn(), ExitStack() as undo:
            self.fresh.doubt()
            self.instrument.resume()
            undo.callback(self.instrument.pause)
            self.stage.receivers.serve()
            undo.callback(self.stage.receivers.stop_serving)
            yield

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Ask several questions between one canary and the next; inside of itself it changes nothing.

        Raises MeasurementError when the instrument is blind.
        """
        if self._batch:
            yield
            return
        with self._turn(), self._pin:
            self.site.require_sound()
            self._watching.follow()
            self.instrument.canary()
            self._batch = True
            try:
                yield
            finally:
                self._batch = False
            self.instrument.canary()

    @contextmanager
    def everything_traced(self) -> Iterator[None]:
        """Trace every packet while inside, not TCP on SYN alone: slower, and the whole exchange is seen."""
        with self.instrument.everything():
            yield

    def tell_routing(self) -> None:
        """From now on ask every node how it routed a packet, not those alone that have routing rules of their own."""
        self.stage.routing.ask_everywhere()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Read the counters of rules before and after each question while inside: its evidence then has those of its way."""
        with self.instrument.counters():
            yield

    @contextmanager
    def captured(self) -> Iterator[Capture]:
        """Capture every packet at every interface of every node while inside."""
        capture = Capture(self.network.nodes)
        try:
            yield capture
        finally:
            capture.close()

    def ask(
        self, question: Question, at: str | None = None, *, as_first: bool = True, logs: bool = False
    ) -> Verdict:
        """The verdict of one question, ``at`` being the node under test: as if it were the first that was ever asked.

        What rules remember of others is made fresh before, where it could tell; with ``logs`` also what only decides whether a
        packet is logged.  Without ``as_first`` the question is asked in the state that the lab is in.
        Raises MeasurementError where a program of a node has ended by then.
        """
        recall = self.fresh.past(question, logs=logs)
        with nullcontext() if self._batch else self.batch():
            if isinstance(question.sends, SESSIONS):
                verdict = recall.asked(lambda: prove(ask_session(self.stage, question), at), as_first=as_first)
            elif not recall.wanted:
                recall.let_by()
                verdict = prove(probe(self.stage, question), at)
            else:
                translated = self.site.held.hazards.translates
                verdict = recall.asked(
                    lambda: prove(probe(self.stage, question, closely=True, translated=translated), at), as_first=as_first
                )
        if self.site.programs is not None:
            self.site.programs.require()
        return verdict

    def remembers(self, question: Question, ports: Ports = (), *, logs: bool = False) -> bool:
        """Whether rules that remember other packets may decide the fate of this one; with ``logs`` also whether it is logged.

        ``ports`` are those that it is asked of, where these are more than its own.
        """
        return bool(self.fresh.past(question, ports, logs=logs))

    def whims(self, question: Question, ports: Ports = ()) -> tuple[str, ...]:
        """The texts of the rules on the question's way that decide by nothing that is the packet's own."""
        return self.fresh.whims(question, ports)

    def probe(
        self,
        sender: Word,
        target: Word,
        service: str,
        *,
        source: str | None = None,
        sport: int | None = None,
        ack: bool = False,
        flags: str | Sequence[str] = (),
        mark: int | str = 0,
        uid: int | None = None,
        at: str | None = None,
        family: int | None = None,
        as_first: bool = True,
    ) -> Verdict:
        """Send ``service`` (``tcp/443``, ``icmp/echo-request``) from a node to a node, a name or an address.

        Both ends are words of a row (``lab.written.asked``).  ``family`` (4 or 6) says which where both ends have both; by
        default it is the first that the ends, ``source`` and the service (``icmpv6/…``) have in common.

        ``flags`` (``"rst"``, ``["fin", "ack"]``), with ``ack`` as a short form, ``mark`` and ``uid`` are those of a row.

        Services that are not open in the topology are opened at the target for the probe's time.  ``at`` is the node under
        test, by default the one that has a policy.  Raises InputError for words that are wrong, or stand for several.
        """
        how = sending(sport=sport, ack=ack, flags=flags, mark=mark, uid=uid)
        flow = self.asked(sender, target, service, source=source, family=family, how=how)
        how.fits(flow.service)
        question = question_of(flow, how, at)
        return self.ask(question, at or self._only_policy(), as_first=as_first)

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
        every_port: bool = False,
        beyond: Callable[[Verdict], bool] = _any_verdict,
        tally: SweepTally | None = None,
    ) -> Sweep:
        """Send one packet to every port of ``service``, and say of each what became of it and, in the rule gear, by which rule.

        With ``sources`` the same port is asked from each of these addresses.  No service is opened at the target: a port
        that is reached is `closed`, and `allowed` where the topology has a service.  The flows of every node are forgotten
        afterwards.  The verdict gear is left for the rule gear where the rules' memory or queues could deceive it.
        In it one port speaks for those that no rule on the way tells from it, but for ``every_port``: `Sweep.sent` says how
        many were sent, and the rules are named then.
        Of each verdict that is one of ``beyond`` it is asked too what comes when a rule that decided has seen too many packets.
        ``tally`` is filled on the way, for who wants what was finished before an interruption.  Raises as `probe` does.

        >>> open_ports = lab.sweep("world", "web-vip", "tcp/1-1023", gear=Gear.VERDICT).open
        """
        flow = self.asked(sender, target, service, source=next(iter(sources), source), family=family)
        if flow.service.proto not in ("tcp", "udp") or (sources and flow.service.port_count > 1):
            what = "from many sources one port is asked" if sources else "only ports of tcp and udp are swept"
            raise InputError(Problem(f"{service!r}: {what}"))
        if flow.to_many is not None or flow.node == flow.owner:
            whom = f"{flow.node} itself" if flow.to_many is None else f"all that hear {flow.destination}"
            raise InputError(Problem(f"{flow.node} cannot sweep {whom}", mend="ask port by port: `lab trace`, or a row"))
        checked = self._words().sources(sources, flow.family)
        sport = self.source_port(flow.source)
        question = SweepQuestion(
            flow.node, flow.source, flow.destination, NUMBERS[flow.service.proto], sport, flow.service.ports, checked
        )
        return self.ask_all(question, gear, at or self._only_policy(), tally, every_port=every_port, beyond=beyond)

    def ask_all(
        self, question: SweepQuestion, gear: Gear = Gear.RULE, at: str | None = None, tally: SweepTally | None = None, *,
        every_port: bool = False, beyond: Callable[[Verdict], bool] | None = None,
    ) -> Sweep:  # fmt: skip
        """The sweep of one question, ``at`` being the node under test.

        With ``every_port`` no port speaks for another that no rule on the way tells from it (`lab.sweep.alike`), as they may in
        the verdict gear and past rules that remember.  ``beyond`` is that of `sweep`; None asks it of no verdict.
        """
        return ask_all(
            self, question, gear, at, tally if tally is not None else SweepTally(), every_port=every_port, beyond=beyond
        )

    @property
    def helper(self) -> int | None:
        """A processor that may help to send."""
        return next(iter(self._pin.others), None)

    def asked(
        self, sender: Word, target: Word, service: str, *, source: str | None = None, family: int | None = None,
        how: Sending = PLAIN,
    ) -> OneFlow:  # fmt: skip
        """The flow that `probe` and `sweep` ask for these words; raises InputError."""
        return self._words().flow(sender, target, service, source=source, family=family, how=how)

    def _words(self) -> Resolver:
        """What resolves words, and knows which nodes are under test; most labs are asked none."""
        if self._resolver is None or self._resolver[0] is not self.policies:
            self._resolver = self.policies, Resolver(self.topology, self.policies, self.kernel_source)
        return self._resolver[1]

    def source_port(self, source: str) -> int:
        """A source port of an address that no other probe has had for long."""
        return self.stage.source_port(source)

    @property
    def reads_source_ports(self) -> bool:
        """Whether any rule of the policies may tell one source port from another."""
        return self.site.held.hazards.reads_source_ports

    @property
    def logs_messages(self) -> bool:
        """Whether any rule of the policies logs to a group of NFLOG."""
        rules = (rule for watch in self.instrument.nodes.values() for rule in watch.rules.logging)
        return any(rule.log is not None and rule.log.group is not None for rule in rules)

    @property
    def absences(self) -> Absences:
        """The rules that need what no node has, which a verdict may rest on."""
        return self.site.held.absences

    def _only_policy(self) -> str | None:
        """The node that a policy was loaded into; rules that somebody put into others by hand count where there is none."""
        loaded = [name for name, policy in self.policies.items() if policy.rendered is not None] or [*self.policies]
        return loaded[0] if len(loaded) == 1 else None

    def kernel_source(self, node: str, destination: str, mark: int = 0, uid: int | None = None) -> str | None:
        """The address that the node's own kernel sends to ``destination`` from; None where it has no way there."""
        return chosen_source(self.network.nodes[node], destination, mark, uid)

    def close(self) -> None:
        """Take everything down; a site that the lab was started on stays."""
        self._undo.close()

    def _close_instrument(self) -> None:
        also = () if self._shared else [close for node in self.network.nodes.values() for close in node.closers()]
        self.instrument.close(*also)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

