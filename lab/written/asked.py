"""What a command or a call asks: one flow, in the words of a row, with what a row says where a word is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from lab.errors import InputError
from lab.written.cell import FAMILIES, Sender, Service, Target
from lab.written.ends import Ends
from lab.written.fields import Place, end_of_text
from lab.written.matrix import family_word
from lab.written.problems import Problems
from lab.written.selection import Asked, Selection, Selector
from lab.written.topology import Topology
from lab.written.words import is_address

Word = str | Place | Mapping[str, str]
Chosen = Callable[[str, str], str | None]  # (node, destination) -> the source that the node's kernel takes, None without a way
_FIRST = "the first family that both ends have is asked"
_GROUPS = ("role:", "net:")
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class OneFlow:
    """From ``node`` with ``source`` to ``destination``, which is at ``owner`` (None: nobody has it); ``family`` is 4 or 6."""

    node: str
    source: str
    destination: str
    owner: str | None
    service: Service
    family: int


class Resolver:
    """Resolves words on ``topology``, where ``under_test`` are the nodes that have a policy.

    The words are a row's, with a role's bare name beside them, which stands for its only node, under test or not, and
    ``{at: NODE, address: ADDRESS}`` as text.  A word must stand for one node; of several addresses of it the first is sent
    to.  A word that names a node alone leaves the source to the node's kernel, which ``chosen`` asks; of the addresses that
    another word stands for it is the kernel's choice if that is among them.  Without a family it is the first that
    the ends, the service and the source have in common.
    """

    def __init__(self, topology: Topology, under_test: Collection[str], chosen: Chosen) -> None:
        self._topology, self._chosen = topology, chosen
        self._roles = topology.roles()
        self._ends = {family: Ends(topology, tuple(under_test), family) for family in FAMILIES}

    def flow(
        self, sender: Word, target: Word, service: str, *, source: str | None = None, family: int | None = None
    ) -> OneFlow:
        """The flow that is meant; ``source`` takes the place of the sender's own.

        Raises InputError with all that is wrong: in the words of a row, and for a word that stands for several.
        """
        problems = Problems()
        asked = problems.tried(lambda: self._asked(source, family), None)
        ends = problems.tried(lambda: self._sender(sender), None), problems.tried(lambda: self._target(target), None)
        select = Selector(self._ends, self._topology.services, problems, lambda *_: None)
        senders = select.senders([ends[0]], "from") if ends[0] is not None else None
        targets = select.targets([ends[1]], "to") if ends[1] is not None else None
        services = select.services([service], "service")
        if asked is None or senders is None or targets is None or services is None:
            raise InputError(problems.found)
        families = select.families(asked, senders, targets, services)
        if not families:
            raise InputError(problems.found)
        chosen = next(family for family in families if senders.found[family])
        said = problems.tried(lambda: self._one_sender(senders, chosen), None)
        to = problems.tried(lambda: self._one_target(targets, chosen), None)
        what = problems.tried(lambda: _one_service(services, chosen), None)
        if said is None or to is None or what is None:
            raise InputError(problems.found)
        own = self._own_source(ends[0], said, to.address, chosen) if source is None else str(ip_address(source))
        return OneFlow(said[0].node, own, to.address, to.node, what, chosen)

    def sources(self, texts: Iterable[str], family: int) -> tuple[str, ...]:
        """Addresses of the family to send from, as the kernel writes them; raises InputError for one that cannot be."""
        problems = Problems()
        read = (problems.tried(lambda text=text: self._source(text, family), None) for text in texts)  # type: ignore[misc]
        found = tuple(address for address in read if address is not None)
        if problems.found:
            raise InputError(problems.found)
        return found

    def _source(self, text: str, family: int | None = None) -> str:
        """An address to send from; a ValueError where it is none of the family, or no host sends from it."""
        if not is_address(text) or family not in (None, ip_address(text).version):
            raise ValueError(f"{text!r} is not an {f'IPv{family} ' if family else ''}address to send from")
        address = str(ip_address(text))
        if not self._topology.can_send(address):
            raise ValueError(f"no host sends from {address}: the kernel would take another source in its place")
        return address

    def _asked(self, source: str | None, family: int | None) -> Asked:
        """The families that come into question."""
        said = (family,) if family is not None else None
        if source is not None:
            of_source = (ip_address(self._source(source)).version,)
            if said not in (None, of_source):
                what = f"`source` is an IPv{of_source[0]} address, but `family` is {family_word(said)}"
                raise ValueError(f"{what}\ntake `family` out, or send from an address of that family")
            return Asked("the question", None, of_source, said and family_word(said), _FIRST)
        return Asked("the question", None, said or FAMILIES, said and family_word(said), _FIRST)

    def _sender(self, word: Word) -> str | Place:
        end = self._end(word)
        if isinstance(end, str) and end in self._topology.names and end in self._roles:
            addresses = " or ".join(map(str, self._topology.names[end]))
            raise ValueError(f"{end!r} is a role, and a name for {addresses}\nwrite role:{end}, or the address")
        return self._of_bare_role(end)

    def _target(self, word: Word) -> str | Place:
        return self._of_bare_role(self._end(word))

    def _end(self, word: Word) -> str | Place:
        known = isinstance(word, str) and (word in self._topology.nodes or word in self._topology.names)
        return word if known and isinstance(word, str) else end_of_text(word)

    def _of_bare_role(self, end: str | Place) -> str | Place:
        """The node in the place of its role's bare name; the role in a row's words where it has several."""
        if isinstance(end, Place) or end in self._topology.names:
            return end
        name, at, interface = end.partition("@")
        in_role = () if name in self._topology.nodes else self._roles.get(name, ())
        if len(in_role) == 1:
            return f"{in_role[0]}{at}{interface}"
        return f"role:{end}" if in_role and not at else end

    def _one_sender(self, senders: Selection[Sender], family: int) -> Sequence[Sender]:
        """The senders that the word stands for, all at one node."""
        found = senders.found[family]
        _one_node(senders.words[0], [(sender.node, sender.label) for sender in found])
        return found

    def _one_target(self, targets: Selection[Target], family: int) -> Target:
        found = targets.found[family]
        if targets.words[0].startswith(_GROUPS):
            _one_node(targets.words[0], [(target.node, target.label) for target in found])
        return found[0]

    def _own_source(self, end: str | Place | None, senders: Sequence[Sender], destination: str, family: int) -> str:
        """The source of a sender where none is said."""
        node = senders[0].node
        said = [sender.address for sender in senders]
        of_node = isinstance(end, str) and (end == node or end.startswith("role:"))
        if len(said) == 1 and not of_node:
            return said[0]
        chosen = self._chosen(node, destination)
        if chosen is not None and (of_node or chosen in said):
            return chosen
        return next((address for address in self._nearest(node, destination, family) if address in said), said[0])

    def _nearest(self, node: str, destination: str, family: int) -> Iterator[str]:
        """A node's addresses: those first that are on the network of the destination, then on that of its gateway."""
        for near in (destination, self._topology.next_hop(node, family)):
            network = self._topology.network_of(near) if near is not None else None
            for interface in self._topology.nodes[node].interfaces.values():
                if interface.network == network:
                    yield from (str(address.ip) for address in interface.of_family(family))


def _one_node(word: str, ends: Sequence[tuple[str | None, str]]) -> None:
    """A ValueError that names them where the ends are at several nodes."""
    labels = {node: label.partition("/")[0] for node, label in reversed(ends)}
    if len(labels) > 1:
        named = [labels[node] for node in dict.fromkeys(node for node, _ in ends)]
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
