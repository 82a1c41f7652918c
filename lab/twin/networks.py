"""Many networks at once: which of them holds another, found by length and not one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.written.words import Network


class Networks:
    """Networks of both families, of which the longest around another is found in few steps.

    >>> from ipaddress import ip_network
    >>> networks = Networks(map(ip_network, ("10.0.0.0/8", "10.0.9.0/24")))
    >>> str(networks.around(ip_network("10.0.9.7"))), networks.around(ip_network("192.0.2.0/24"))
    ('10.0.9.0/24', None)
    """

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks: dict[Network, None] = {}
        self._lengths: dict[int, set[int]] = {4: set(), 6: set()}
        for network in networks:
            self.add(network)

    def add(self, network: Network) -> None:
        """One more of them."""
        self._networks[network] = None
        self._lengths[network.version].add(network.prefixlen)

    def __contains__(self, network: Network) -> bool:
        return network in self._networks

    def __iter__(self) -> Iterator[Network]:
        return iter(self._networks)

    def around(self, network: Network) -> Network | None:
        """The longest that holds all of it, itself among them; None where none does."""
        for length in sorted(self._lengths[network.version], reverse=True):
            if length <= network.prefixlen:
                wider = network.supernet(new_prefix=length)
                if wider in self._networks:
                    return wider
        return None

    def overlap(self, network: Network) -> bool:
        """Whether one of them shares an address with it."""
        return self.around(network) is not None or any(
            own.version == network.version and own.prefixlen > network.prefixlen and own.overlaps(network)
            for own in self._networks
        )
