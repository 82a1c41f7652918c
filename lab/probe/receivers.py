"""The receivers of a lab: the services that are always open, and those that a question opens for its time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product

from lab.errors import InputError, MeasurementError, Problem
from lab.kernel.ground.syscalls import Ready
from lab.kernel.stage.network import Network
from lab.probe.listeners import Listener, open_tcp, open_udp
from lab.probe.question import NUMBERS, TCP, UDP, Question
from lab.record.packet import PROTOCOL_NAMES
from lab.written.programs import ASK_OTHERWISE, has_the_port

_FEW = 4
_Place = tuple[str, int, int, int]  # node, family, protocol, port
Proxied = Mapping[str, Collection[int]]
"""The ports of a node that rules hand packets to as to a transparent proxy; 0 stands for any."""


@dataclass(slots=True)
class _Shared:
    """An open receiver, and how many use it."""

    listener: Listener
    users: int = 0


class _Always:
    """The services of one family and protocol, which stay open."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = {listener.descriptor: listener for listener in listeners}
        self._ready = Ready(self._listeners)

    def waiting(self) -> Collection[Listener]:
        """Those at which something may wait; few are not worth to be asked for."""
        if len(self._listeners) <= _FEW:
            return self._listeners.values()
        return [self._listeners[descriptor] for descriptor in self._ready.now()]


_NOBODY = _Always(())


class Taken:
    """The receivers that one user may hear of, until `close`."""

    __slots__ = "_always", "_places", "_proxies", "_receivers", "_shared"

    def __init__(
        self, shared: Sequence[Listener], always: _Always, receivers: Receivers, places: Sequence[_Place],
        proxies: Sequence[Listener] = (),
    ) -> None:  # fmt: skip
        self._shared, self._always, self._receivers, self._places = shared, always, receivers, places
        self._proxies = proxies

    def waiting(self) -> Iterator[Listener]:
        """Those at which something may wait by now."""
        yield from self._shared
        yield from self._always.waiting()

    def close(self) -> None:
        """Let go of those that were opened for this user; once."""
        for proxy in self._proxies:
            proxy.be_transparent(on=False)
        places, self._places = self._places, ()
        self._receivers.let_go(places)


class Receivers:
    """Every receiver of a lab is opened once: one that is open is shared, and closed when its last user lets go.

    Whose a datagram is that two users could read, its nonce says; each connection is a socket of its own.
    """

    def __init__(self, network: Network, proxied: Callable[[], Proxied] = dict) -> None:
        self._network, self._proxied = network, proxied
        self._shared: dict[_Place, _Shared] = {}
        self._services: dict[_Place, Listener] = {}
        self._always: dict[tuple[int, int], _Always] = {}
        self._undo = ExitStack()

    def serve(self) -> None:
        """Open the services of the topology; MeasurementError when one cannot be."""
        with ExitStack() as undo:
            undo.callback(self._services.clear)
            for place in dict.fromkeys(_always_open(self._network)):
                self._services[place] = undo.enter_context(self._opened(place))
            self._undo = undo.pop_all()
        self._always = {
            key: _Always([listener for (_, *of, _), listener in self._services.items() if tuple(of) == key])
            for key in product((4, 6), (TCP, UDP))
        }

    def take(self, question: Question) -> Taken:
        """Who could receive the probe: the question's own receivers, and all others that are open.

        Those at ports that rules hand packets to are transparent meanwhile, as a proxy's are, where something is to arrive.
        Raises MeasurementError where a port cannot be opened.
        """
        family, proto = question.family, question.proto
        always = self._always.get((family, proto), _NOBODY)
        wanted = [
            place
            for node, port in question.receivers
            if port is not None and (place := (node, family, proto, port)) not in self._services
        ]
        proxied = self._proxied() if question.receivers else {}
        if not wanted and not self._shared and not proxied:
            return Taken((), always, self, ())
        for number, place in enumerate(wanted):
            try:
                self._take(place)
            except MeasurementError:
                self.let_go(wanted[:number])
                raise
        shared = [one.listener for place, one in self._shared.items() if place[1:3] == (family, proto)]
        return Taken(shared, always, self, wanted, self._transparent(proxied, family, proto) if proxied else ())

    def _transparent(self, proxied: Proxied, family: int, proto: int) -> Sequence[Listener]:
        """The services that are proxies from now on; what was opened for a user is one too, as long as it is open."""
        for place, shared in self._shared.items():
            if place[1:3] == (family, proto) and _is_proxy(place, proxied):
                shared.listener.be_transparent(on=True)
        places = [place for place in self._services if place[1:3] == (family, proto) and _is_proxy(place, proxied)]
        for place in places:
            self._services[place].be_transparent(on=True)
        return [self._services[place] for place in places]

    def _take(self, place: _Place) -> None:
        shared = self._shared.get(place)
        if shared is None:
            shared = self._shared[place] = _Shared(self._opened(place))
        shared.users += 1

    def let_go(self, places: Sequence[_Place]) -> None:
        """Of each, one user less."""
        for place in places:
            shared = self._shared[place]
            shared.users -= 1
            if not shared.users:
                del self._shared[place]
                shared.listener.close()

    def _opened(self, place: _Place) -> Listener:
        node, family, proto, port = place
        opener = open_tcp if proto == TCP else open_udp
        for program in self._network.topology.nodes[node].programs:
            if program.listens == (PROTOCOL_NAMES[proto], port):
                raise InputError(Problem(f"{node}: {has_the_port(program)}", mend=ASK_OTHERWISE))
        try:
            return opener(self._network.nodes[node], port, family)
        except OSError as error:
            raise MeasurementError(Problem(f"{node}: cannot listen on port {port}: {error.strerror}")) from error

    def stop_serving(self) -> None:
        """Close every service; a receiver that is still used is its user's to let go of."""
        self._undo.close()
        self._always = {}


def _is_proxy(place: _Place, proxied: Proxied) -> bool:
    ports = proxied.get(place[0], ())
    return place[3] in ports or 0 in ports


def _always_open(network: Network) -> Iterator[_Place]:
    """Every service that the topology opens, in each family that its node has addresses of."""
    for name, spec in network.topology.nodes.items():
        for service, family in product(spec.services, (4, 6)):
            for low, high in service.ports if spec.addresses(family) else ():
                for port in range(low, high + 1):
                    yield name, family, NUMBERS[service.proto], port
