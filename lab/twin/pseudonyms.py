"""Other addresses in place of a snapshot's own: one for each, prefixes kept, so that its rules say the same of them.

Two addresses share as many leading bits as before (as with Crypto-PAn: Xu and others, ICNP 2002).  What is private stays
private, and what is the same everywhere (loopback, link-local, multicast, masks) stays itself.  So that ranges and broadcast
addresses stay what they are, nothing is changed behind the common prefix of a range's ends, behind the prefix of a network
that the host is in, in the last 8 bits of IPv4 and the last 64 of IPv6, but for hardware addresses in these.

It is done on the reader's side: an awk on the host has no keyed hash, and both passes over the texts need all of them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network

_V4 = r"(?:\d{1,3}\.){3}\d{1,3}"
_V6 = r"(?=[\da-fA-F]*:[\da-fA-F:]*:)[\da-fA-F:]{2,39}(?:(?<=:)(?:\d{1,3}\.){3}\d{1,3})?"
_BEFORE, _BEHIND = r"(?<![\w:.])", r"(?![\w.]*\w)"
_ADDRESS = rf"{_BEFORE}(?P<address>{_V4}|{_V6}){_BEHIND}"
_TOKEN = re.compile(rf"{_ADDRESS}(?:/(?P<length>{_V4}|\d{{1,3}}))?(?P<far>\",\s*\"(?:src|dst)len\":\s*(?P<len>\d{{1,3}}))?")
_RANGE = re.compile(rf"{_BEFORE}({_V4}|{_V6})\s*-\s*({_V4}|{_V6}){_BEHIND}")
_OWN = re.compile(rf"\binet6? ({_V4}|{_V6})(?: peer (?:{_V4}|{_V6}))?/(\d{{1,3}})")
_OWN_JSON = re.compile(rf'"local":\s*"({_V4}|{_V6})"[^{{}}]*?"prefixlen":\s*(\d{{1,3}})')
_MAC = re.compile(r"(?<![\w:])[\da-fA-F]{2}(?::[\da-fA-F]{2}){5}(?![\w:])")
_SAME = tuple(map(ip_network, (
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/32", "ff00::/8",
)))  # fmt: skip
_PRIVATE = tuple(map(ip_network, (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7", "fe80::/64",
)))  # fmt: skip
_NAT64 = ip_network("64:ff9b::/96")
_KEPT = {4: 24, 6: 64}
_BITS = {4: 32, 6: 128}
Address = IPv4Address | IPv6Address


class Pseudonyms:
    """The pseudonyms that a key makes, of the addresses in ``texts``: their ranges, and the networks that the host is in."""

    def __init__(self, key: bytes, texts: Iterable[str]) -> None:
        self._key = key
        self._whole: set[tuple[int, int, int]] = set()  # version, length, bits: nothing changes behind
        self._known: dict[Address, Address] = {}
        for text in texts:
            for first, last in _RANGE.findall(text):
                self._keep_range(first, last)
            for address, length in (*_OWN.findall(text), *_OWN_JSON.findall(text)):
                self._keep_network(f"{address}/{length}")

    def text(self, text: str) -> str:
        """The text with a pseudonym in place of each address, hardware addresses too."""
        return _MAC.sub(lambda found: self._mac(found[0]), _TOKEN.sub(self._token, text))

    def _keep_range(self, first: str, last: str) -> None:
        try:
            one, other = ip_address(first), ip_address(last)
        except ValueError:
            return
        if one.version == other.version:
            bits = _BITS[one.version]
            shared = bits - (int(one) ^ int(other)).bit_length()
            self._whole.add((one.version, shared, int(one) >> (bits - shared)))

    def _keep_network(self, written: str) -> None:
        try:
            network = ip_interface(written).network
        except ValueError:
            return
        bits = _BITS[network.version] - network.prefixlen
        self._whole.add((network.version, network.prefixlen, int(network.network_address) >> bits))

    def _token(self, found: re.Match[str]) -> str:
        written, length = found["address"], found["length"] or found["len"]
        try:
            address = ip_address(written)
        except ValueError:
            return found[0]
        if address.version == 6 and re.fullmatch(r"(?:[\da-fA-F]{2}:){7}[\da-fA-F]{2}", written):
            return found[0]  # a hardware address of 8 bytes
        pseudonym = self.of(address)
        if length is not None:
            try:
                network = ip_network(f"{written}/{length}")  # without host bits it stays a network
            except ValueError:
                pass
            else:
                pseudonym = ip_network((int(pseudonym), network.prefixlen) if address.version == 4 else (
                    int(pseudonym).to_bytes(16, "big"), network.prefixlen), strict=False).network_address  # fmt: skip
        behind = found[0][len(written):]
        return f"{pseudonym}{behind}"

    def of(self, address: Address) -> Address:
        """The pseudonym of one address."""
        if address not in self._known:
            self._known[address] = self._made(address)
        return self._known[address]

    def _made(self, address: Address) -> Address:
        version, bits, value = address.version, _BITS[address.version], int(address)
        if any(address in network for network in _SAME):
            return address
        if address in _NAT64:
            return IPv6Address(value >> 32 << 32 | int(self.of(IPv4Address(value & 0xFFFFFFFF))))
        changed = value
        for length in range(self._free_from(address), _KEPT[version]):
            before = value >> (bits - length)
            if (version, length, before) in self._whole:
                break
            if self._bit(version, length, before):
                changed ^= 1 << (bits - length - 1)
        if version == 6 and changed >> 24 & 0xFFFF == 0xFFFE:  # EUI-64 of a hardware address
            changed = changed >> 24 << 24 | self._last_of_mac((changed >> 40 ^ 0x020000) & 0xFFFFFF, changed & 0xFFFFFF)
        return IPv4Address(changed) if version == 4 else IPv6Address(changed)

    def _free_from(self, address: Address) -> int:
        """The first length at which a change leads neither into nor out of what is private or the same everywhere."""
        of_version = [network for network in (*_SAME, *_PRIVATE) if network.version == address.version]
        inside = next((network.prefixlen for network in of_version if address in network), None)
        if inside is not None:
            return inside
        bits, value = _BITS[address.version], int(address)
        shared = (bits - (value ^ int(network.network_address)).bit_length() for network in of_version)
        return max(shared) + 1

    def _bit(self, version: int, length: int, before: int) -> bool:
        told = hmac.digest(self._key, f"{version} {length} {before:x}".encode(), hashlib.sha256)
        return bool(told[0] & 1)

    def _mac(self, written: str) -> str:
        octets = bytes.fromhex(written.replace(":", ""))
        if octets in (bytes(6), b"\xff" * 6) or octets[0] & 1:
            return written
        last = self._last_of_mac(int.from_bytes(octets[:3], "big"), int.from_bytes(octets[3:], "big"))
        return (octets[:3] + last.to_bytes(3, "big")).hex(":")

    def _last_of_mac(self, maker: int, last: int) -> int:
        told = hmac.digest(self._key, f"mac {maker:x} {last:x}".encode(), hashlib.sha256)
        return int.from_bytes(told[:3], "big")
