"""A twin: a topology that stands for one or several real hosts, the policies that its nodes hold, and what was guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from lab.errors import InputError, Problem, Where
from lab.record.host import Host
from lab.written.messages import did_you_mean
from lab.written.policy import Instead
from lab.written.topology import Topology
from lab.written.words import is_address

SELF = "self"


@dataclass(frozen=True, slots=True)
class Guess:
    """What was concluded and no dump says: ``what`` in a sentence, ``rests_on`` the line as it is written, ``where`` it is.

    ``rests_on`` is empty where no rule says anything of it.  ``about`` is the interface, the address or the network that it
    tells of, as text; ``brief`` the same in a few words, to be told with all else of ``interface`` of ``host``, which of a twin
    is the name of a node.
    """

    what: str
    rests_on: str
    where: Where | None = None
    about: str = ""
    host: str = ""
    interface: str = ""
    brief: str = ""

    def __str__(self) -> str:
        at = f"  [{self.where}]" if self.where is not None else ""
        return self.what + (f", as of `{self.rests_on}`{at}" if self.rests_on else "")


@dataclass(frozen=True, slots=True)
class Twin:
    """``hosts`` are those that it stands for, by node; ``policies`` are what each of them is given in place of a policy.

    ``notes`` are what the reader of every answer must know beside the guesses: what was not captured and rules depend on, what
    became another kind of interface.  ``behind`` are the nodes behind each host's interfaces, by host and interface.
    """

    topology: Topology
    hosts: Mapping[str, Host]
    policies: Mapping[str, tuple[Instead, ...]]
    guesses: tuple[Guess, ...] = ()
    notes: tuple[str, ...] = ()
    behind: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def word(self, text: str, *, sender: bool) -> str:
        """The end of a flow that ``text`` of a command line stands for, as `lab.written.ends` reads it.

        ``self`` is the host, ``@eth0`` who is behind that interface, ``203.0.113.9@eth5`` that address there; all else stays
        as it is.  ``sender`` says which end it is.  Raises InputError for an interface that there is not, and for words that
        need one host where there are several.
        """
        if text == SELF and SELF not in self.topology.nodes:
            return self._itself(sender=sender)
        address, at, interface = text.rpartition("@")
        if not at or (address and not is_address(address)):
            return text
        node = self._behind(interface, text)
        return f"{{at: {node}, address: {address}}}" if address else node

    def ends(self, sender: str, target: str) -> tuple[str, str]:
        """Both ends of a flow in words as `word` gives them; ``self`` as the target is the host's address on the sender's side.

        Raises InputError also where both are behind one interface: who is there is one node, whose packets to itself no host
        sees.
        """
        words = self.word(sender, sender=True), self.word(target, sender=False)
        of = self._node_of(sender, words[0]), self._node_of(target, words[1])
        if of[0] is not None and of[0] == of[1] and of[0] not in self.hosts:
            raise InputError(self._within(sender, target, of[0]))
        if target == SELF and of[0] is not None and of[1] is not None:
            return words[0], self._near(of[1], of[0])
        return words

    def _within(self, sender: str, target: str, node: str) -> Problem:
        interface = next(name for devices in self.behind.values() for name, one in devices.items() if one == node)
        hosts = [host for host, devices in self.behind.items() if node in devices.values()]
        who = f"{sender} is" if sender == target else f"{sender} and {target} are both"
        what = f"{who} behind {interface} of {_listed(hosts)}, where packets may pass by it"
        return Problem(
            what, mend=f"`lab reach` says what {_listed(hosts)} does with those that are sent to it (its lines with a `*`); "
            f"where one of them is elsewhere, say so: ADDRESS@INTERFACE",
        )  # fmt: skip

    def _near(self, host: str, sender: str) -> str:
        """The host by its interface on a network of the sender's, if it has an address of each of its families there."""
        networks = {interface.network for interface in self.topology.nodes[sender].interfaces.values()}
        node = self.topology.nodes[host]
        families = [family for family in (4, 6) if node.addresses(family)]
        near = (
            f"{host}@{name}" for name, port in node.interfaces.items()
            if sender != host and port.network in networks and all(port.of_family(family) for family in families)
        )  # fmt: skip
        return next(near, host)

    def _node_of(self, text: str, word: str) -> str | None:
        """Who has an end; None where that is not certain."""
        address, at, interface = text.rpartition("@")
        if at and is_address(address):
            return self._behind(interface, text)
        if word in self.topology.nodes:
            return word
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            return None
        if network.num_addresses > 1:  # the hosts of a network are meant, before the one under test
            nodes = sorted(self.topology.nodes, key=self.hosts.__contains__)
            own = ((name, one) for name in nodes for one in self.topology.addresses(name, network.version))
            has = next((name for name, one in own if ip_address(one) in network), None)
            if has is not None:
                return has
        return self.topology.owner(str(next(iter(network.hosts()), network.network_address)))

    def _itself(self, *, sender: bool) -> str:
        if len(self.hosts) == 1:
            return next(iter(self.hosts))
        where = "from" if sender else "to"
        what = f"`{SELF}` ({where}) is one host, and this twin is of {_listed(self.hosts)}"
        raise InputError(Problem(what, mend=f"name the one: {next(iter(self.hosts))}"))

    def _behind(self, interface: str, text: str) -> str:
        there = {host: devices[interface] for host, devices in self.behind.items() if interface in devices}
        nodes = list(dict.fromkeys(there.values()))
        if len(nodes) == 1:
            return nodes[0]
        if nodes:
            what = f"{text!r}: {_listed(there)} have an interface {interface}"
            raise InputError(Problem(what, mend=f"name who is behind it: {_listed(nodes, 'or')}"))
        known = list(dict.fromkeys(name for devices in self.behind.values() for name in devices))
        what = f"{text!r}: {_listed(self.hosts)} {'has' if len(self.hosts) == 1 else 'have'} no interface {interface!r}"
        raise InputError(Problem(what, mend=did_you_mean(interface, known, "the interfaces")))


def _listed(words: Mapping[str, object] | list[str], joined: str = "and") -> str:
    *first, last = words
    return f"{', '.join(first)} {joined} {last}" if first else last
