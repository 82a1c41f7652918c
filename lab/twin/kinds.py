"""What an interface is by its name, as those who make such interfaces call them."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from lab.written.words import Network, parse_interface_name

PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
"""What nobody routes on the internet (RFC 1918, RFC 6598, RFC 4193)."""

_KINDS = (
    (re.compile(r"(?:docker|br|virbr|lxdbr|lxcbr|lxc|cni|podman|bridge|vmbr)[-_]?[\w.-]*"), "bridge"),
    (re.compile(r"(?:ppp|pppoe)[\w.-]*"), "ppp"),
    (re.compile(r"(?:wg|awg)[\w.-]*"), "wireguard"),
    (re.compile(r"(?:tun|tailscale|ipsec|sit|gre|he-ipv6|utun)[\w.-]*"), "tun"),
    (re.compile(r"tap[\w.-]*"), "tap"),
    (re.compile(r"bond\d+"), "bond"),
    (re.compile(r"(?:vnet|veth|vif|cali|lxc)[\w.-]*"), "veth"),
    (re.compile(r"[\w-]+\.\d+|vlan\d+"), "vlan"),
)  # fmt: skip
# what the makers of these bridges give them where nobody says otherwise
_MAKERS = (
    (re.compile(r"docker0"), "172.17.0.0/16"),
    (re.compile(r"virbr0"), "192.168.122.0/24"),
    (re.compile(r"podman0"), "10.88.0.0/16"),
    (re.compile(r"lxcbr0"), "10.0.3.0/24"),
    (re.compile(r"tailscale0"), "100.64.0.0/10"),
)
_INNER = re.compile(r"(?:docker|br-|virbr|lxdbr|lxcbr|lxc|cni|podman|wg|awg|tun|tap|tailscale|vnet|veth|vif|cali|flannel|lan)")
_OUTER = re.compile(r"(?:ppp|pppoe|wan|wwan|inet|ext|red\d|uplink|up\d|internet)", re.IGNORECASE)
_OF_DOCKER = re.compile(r"br-[0-9a-f]{12}")
_POINT_TO_POINT = frozenset(("ppp", "tun", "wireguard"))


def kind_of(name: str) -> str | None:
    """The kind that an interface of this name is, as ``ip -d link`` calls it; None for a plain device.

    >>> kind_of("br-3f1c2d4e5a6b"), kind_of("ppp0"), kind_of("eth0.20"), kind_of("eth0")
    ('bridge', 'ppp', 'vlan', None)
    """
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(name)), None)


def is_point_to_point(name: str) -> bool:
    """Whether links of this kind have two ends and no neighbours.

    >>> is_point_to_point("wg0"), is_point_to_point("tap0")
    (True, False)
    """
    return kind_of(name) in _POINT_TO_POINT


def usual_network(name: str) -> Network | None:
    """What the maker of such an interface gives it; None where that is not known.

    >>> usual_network("docker0")
    IPv4Network('172.17.0.0/16')
    """
    return next((ip_network(network) for pattern, network in _MAKERS if pattern.fullmatch(name)), None)


def is_of_docker(name: str) -> bool:
    """Whether it is a bridge that Docker made for a network of its own.

    >>> is_of_docker("br-3f1c2d4e5a6b"), is_of_docker("br-lan")
    (True, False)
    """
    return _OF_DOCKER.fullmatch(name) is not None


def leads_inside(name: str) -> bool:
    """Whether such an interface leads to guests, containers or a tunnel, by its name: never the way to the internet alone."""
    return _INNER.match(name) is not None


def leads_outside(name: str) -> bool:
    """Whether an interface is called as those are that lead to a provider."""
    return _OUTER.match(name) is not None


def zone_of(chain: str) -> int:
    """What a chain's name says of the interfaces that lead to it: 1 for the outside, -1 for the inside, 0 for neither.

    >>> zone_of("POST_external"), zone_of("filter_FWDI_internal"), zone_of("DOCKER-USER")
    (1, -1, 0)
    """
    return (_OUTSIDE.search(chain) is not None) - (_INSIDE.search(chain) is not None)


_OUTSIDE = re.compile(r"(?<![a-z])(?:external|public|untrust(?:ed)?|wan|inet|internet|red)(?![a-z])", re.IGNORECASE)
_INSIDE = re.compile(r"(?<![a-z])(?:internal|trust(?:ed)?|lan|home|work|green|intern)(?![a-z])", re.IGNORECASE)


def is_private(network: Network) -> bool:
    """Whether nobody routes it on the internet.

    >>> is_private(ip_network("10.0.9.0/24")), is_private(ip_network("198.51.100.0/24"))
    (True, False)
    """
    return any(is_within(network, private) for private in PRIVATE)


def is_within(network: Network, other: Network) -> bool:
    """Whether all of it is inside another, whatever their families."""
    if isinstance(network, IPv4Network) and isinstance(other, IPv4Network):
        return network.subnet_of(other)
    return isinstance(network, IPv6Network) and isinstance(other, IPv6Network) and network.subnet_of(other)


def is_of_hosts(network: Network) -> bool:
    """Whether hosts of somebody may be in it: no group, no loopback, no link-local addresses, not everybody."""
    return not (
        network.prefixlen == 0 or network.is_multicast or network.is_loopback or network.is_link_local
        or network.is_unspecified or network.is_reserved or is_within(network, _THIS) or is_within(_GROUPS, network)
    )  # fmt: skip


_THIS = ip_network("0.0.0.0/8")
_GROUPS = ip_network("224.0.0.0/4")


def as_interface(name: str) -> str | None:
    """The interface that a word of a rule stands for: the first that ``tap+`` fits; None where no interface can be called so.

    >>> as_interface("tap+"), as_interface("eth0:1"), as_interface("lo"), as_interface("a/b")
    ('tap0', 'eth0', None, None)
    """
    plain = name.partition(":")[0]  # an alias is no interface to a rule, and people name it
    if plain.endswith("+"):
        plain = f"{plain[:-1]}0"
    try:
        return None if plain == "lo" else parse_interface_name(plain)
    except ValueError:
        return None
