"""What a command or a call asks: one flow, in the words of a row, with what a row says where a word is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from lab.errors import InputError, Problem
from lab.written.cell import FAMILIES, Sender, Service, Target, ToMany
from lab.written.ends import Ends, is_group
from lab.written.fields import Place, end_of_text
from lab.written.matrix import family_word
from lab.written.pairs import to_itself
from lab.written.problems import Problems
from lab.written.selection import Asked, Selection, Selector
from lab.written.sending import PLAIN, Sending
from lab.written.to_many import to_many
from lab.written.topology import Topology
from lab.written.words import NO_ADDRESS, is_address, is_loopback

Word = str | Place | Mapping[str, str]
# (node, destination, mark, user) -> the source that the node's kernel takes, None without a way
Chosen = Callable[[str, str, int, int | None], str | None]
_SILENT = "the first family that both ends have is asked"
_MOST_NAMED = 5
_MOST_KNOWN = 4_096


@dataclass(frozen=True, slots=True)
class OneFlow:
    """From ``node`` with ``source`` to ``destination``, which is at ``owner`` (None: nobody has it); ``family`` is 4 or 6.

    ``also`` are the nodes that it is behind too, by another line.
    """

    node: str
    source: str
    destination: str
    owner: str | None
    service: Service
    family: int
    to_many: ToMany | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Between:
    """The ends in the chosen family; ``senders`` are addresses of one node, ``free`` tells that its kernel chooses of all."""

    family: int
    senders: tuple[Sender, ...]
    free: bool
    target: Target


class Resolver:
    """Resolves words on ``topology``, where ``under_test`` are the nodes that have a policy.

    The words are a row's; beside them a role's bare name, which stands for its only node, under test or not, and
    ``{at: NODE, address: ADDRESS}`` as text.  A word must stand for one node; of several addresses of it the first is sent
    to.  A word that names a node alone leaves the source to the node's kernel, which ``chosen`` asks; of the addresses that
    another word stands for it is the kernel's choice if that is among them.  Where no family is said it is the first that
    the ends, the service and the source have in common.
    """

    def __init__(self, topology: Topology, under_test: Collection[str], chosen: Chosen) -> None:
        self._topology, self._under_test, self._chosen = topology, tuple(under_test), chosen
        self._roles = topology.roles()
        self._begin()

    def _begin(self) -> None:
        """Know nothing of any word: who asks every address of a network does not fill the memory."""
        self._ends = {family: Ends(self._topology, self._under_test, family) for family in FAMILIES}
        self._known: dict[Hashable, _Between] = {}

    def flow(
        self, sender: Word, target: Word, service: str, *, source: str | None = None, family: int | None = None,
        how: Sending = PLAIN,
    ) -> OneFlow:  # fmt: skip
        """The flow that is meant; ``source`` takes the place of the sender's own, ``how`` it is sent, its source
        may hang on: rules of routing ask for marks and users.

        Raises InputError with all that is wrong: in the words of a row, and for a word that stands for several.
        """
        problems, of_service = Problems(), Problems()
        services = self._selector(of_service).services([service], "service")
        ends = problems.tried(lambda: self._sender(sender), None), problems.tried(lambda: self._end(target), None)
        # the ports of a service change nothing of its ends, and the same ends are asked for port after port
        key = (*ends, source, family, services.families if services is not None else None)
        between = self._known.get(key)
        if between is None:
            if len(self._known) >= _MOST_KNOWN:
                self._begin()
            between = self._between(ends, services, source, family, (problems, of_service))
            self._known[key] = between
        assert services is not None, "without services there is nothing between the ends"
        what = of_service.tried(lambda: _one_service(services, between.family), None)
        if what is None:
            raise InputError(of_service.found)
        to = between.target
        own = str(ip_address(source)) if source is not None else self._own_source(between, how)
        first = between.senders[0]
        at = next((one for one in between.senders if one.address == own), first)
        said = own if source is not None else None
        many = of_service.tried(lambda: to_many(self._topology, at, said, to.address, what, self._under_test), None)
        if of_service.found:
            raise InputError(of_service.found)
        return OneFlow(first.node, own, to.address, to.node, what, between.family, many, to.also)

    def sources(self, texts: Iterable[str], family: int) -> tuple[str, ...]:
        """Addresses of the family to send from, as the kernel writes them; raises InputError for each that cannot be."""
        problems = Problems()
        read = [problems.tried(lambda text=text: self._sweeps_from(text, family), None) for text in texts]  # type: ignore[misc]
        if problems.found:
            raise InputError(problems.found)
        return tuple(address for address in read if address is not None)

    def _selector(self, problems: Problems) -> Selector:
        return Selector(self._ends, self._topology.services, problems, lambda *_: None)

    def _between(
        self, ends: tuple[str | Place | None, str | Place | None], services: Selection[Service] | None, source: str | None,
        family: int | None, told: tuple[Problems, Problems],
    ) -> _Between:  # fmt: skip
        """What is between the words; ``told`` is what is wrong so far, of the ends and of the service."""
        problems, of_service = told
        select = self._selector(problems)
        senders = select.senders([ends[0]], "from") if ends[0] is not None else None
        targets = select.targets([ends[1]], "to") if ends[1] is not None else None
        asked = problems.tried(lambda: self._asked(source, family), None)
        if asked is None or senders is None or targets is None or services is None:
            raise InputError([*problems.found, *of_service.found])
        families = select.families(asked, senders, targets, services)
        chosen = next((one for one in families if senders.found[one]), None)
        if chosen is None:
            raise InputError(problems.found)
        problems.tried(lambda: _one_node(senders.words[0], senders.found[chosen]), None)
        if is_group(targets.words[0]):
            problems.tried(lambda: _one_node(targets.words[0], targets.found[chosen]), None)
        if problems.found:
            raise InputError(problems.found)
        found = tuple(senders.found[chosen])
        free = isinstance(ends[0], str) and (ends[0] == found[0].node or ends[0].startswith("role:"))
        target = to_itself(found[0].node, targets.found[chosen][0])
        if is_loopback(target.address) and target.node != found[0].node:
            raise InputError(Problem(f"{target.address} of {target.node} is reached by {target.node} alone"))
        return _Between(chosen, found, free, target)

    def _asked(self, source: str | None, family: int | None) -> Asked:
        """The families that come into question."""
        said = (family,) if family is not None else None
        of_source = (ip_address(self._source(source)).version,) if source is not None else None
        if said is not None and of_source not in (None, said):
            what = f"`source` is an IPv{of_source[0]} address, but `family` is {family}"
            raise ValueError(f"{what}\ntake `family` out, or send from an address of that family")
        return Asked("the question", None, of_source or said or FAMILIES, said and family_word(said), _SILENT)

    def _sweeps_from(self, text: str, family: int) -> str:
        address = self._source(text, family)
        if address == NO_ADDRESS:
            raise ValueError(f"no host sends from {NO_ADDRESS} to one host: who has no address yet asks all of a network")
        return address

    def _source(self, text: str, family: int | None = None) -> str:
        """An address to send from; a ValueError where it is none of the family, or no host sends from it."""
        if not is_address(text) or family not in (None, ip_address(text).version):
            raise ValueError(f"{text!r} is not an {f'IPv{family} ' if family else ''}address to send from")
        address = str(ip_address(text))
        if address != NO_ADDRESS and not self._topology.can_send(address):
            raise ValueError(f"no host sends from {address}: the kernel would take another source in its place")
        return address

    def _sender(self, word: Word) -> str | Place:
        if isinstance(word, str) and word in self._topology.names and word in self._roles:
            addresses = " or ".join(map(str, self._topology.names[word]))
            raise ValueError(f"{word!r} is a role, and a name for {addresses}\nwrite role:{word}, or the address")
        return self._end(word)

    def _end(self, word: Word) -> str | Place:
        """A word of a row: the node in the place of its role's bare name, or the role where it has several."""
        if isinstance(word, str) and (word in self._topology.names or word in self._topology.nodes):
            return word
        end = end_of_text(word)
        if isinstance(end, Place):
            return end
        name, at, interface = end.partition("@")
        in_role = () if name in self._topology.nodes else self._roles.get(name, ())
        if len(in_role) == 1:
            return f"{in_role[0]}{at}{interface}"
        return f"role:{end}" if in_role and not at else end

    def _own_source(self, between: _Between, how: Sending) -> str:
        """The source of the sender where none is said."""
        said = [sender.address for sender in between.senders]
        if len(said) == 1 and not between.free:
            return said[0]
        node, destination = between.senders[0].node, between.target.address
        chosen = self._chosen(node, destination, how.mark, how.uid)
        if chosen is not None and (between.free or chosen in said):
            return chosen
        return next((address for address in self._nearest(node, destination, between.family) if address in said), said[0])

    def _nearest(self, node: str, destination: str, family: int) -> Iterator[str]:
        """A node's addresses on the network of the destination, then on that of its gateway."""
        for near in (destination, self._topology.next_hop(node, family)):
            network = self._topology.network_of(near) if near is not None else None
            for interface in self._topology.nodes[node].interfaces.values():
                if interface.network == network:
                    yield from (str(address.ip) for address in interface.of_family(family))


def _one_node(word: str, ends: Sequence[Sender] | Sequence[Target]) -> None:
    """A ValueError that names them where the ends are at several nodes."""
    labels = {end.node: end.label.partition("/")[0] for end in ends}
    if len(labels) > 1:
        named = list(labels.values())
        raise ValueError(f"{word} stands for {_listed(named)} where one belongs\nname one of them: {named[0]}")


def _one_service(services: Selection[Service], family: int) -> Service:
    found = services.found[family]
    if len(found) > 1:
        named = [service.text for service in found]
        raise ValueError(f"{services.words[0]!r} stands for {_listed(named)} where one belongs\nname one of them: {named[0]}")
    return found[0]


def _listed(words: Sequence[str]) -> str:
    if len(words) > _MOST_NAMED:
        return f"{', '.join(words[:_MOST_NAMED])} and {len(words) - _MOST_NAMED} more"
    return f"{', '.join(words[:-1])} and {words[-1]}"
