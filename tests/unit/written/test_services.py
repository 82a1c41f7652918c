"""Services and ports, as people write them."""

from __future__ import annotations

import pytest

from lab.errors import InputError, Where
from lab.written.service import parse_service, ports_text, read_services, without


@pytest.mark.parametrize(
    ("text", "proto", "ports"),
    [
        ("tcp/443", "tcp", ((443, 443),)),
        ("udp/1-1023,8080", "udp", ((1, 1023), (8080, 8080))),
        ("tcp/8080,1-1023", "tcp", ((1, 1023), (8080, 8080))),
        ("tcp/80,81,82-90,85-100", "tcp", ((80, 100),)),
        ("tcp/1-65535", "tcp", ((1, 65535),)),
        ("tcp/ 22 , 80", "tcp", ((22, 22), (80, 80))),
        ("https", "tcp", ((443, 443),)),
        ("ntp", "udp", ((123, 123),)),
    ],
)
def test_ports(text: str, proto: str, ports: tuple[tuple[int, int], ...]) -> None:
    service = parse_service(text)
    assert (service.text, service.proto, service.ports) == (text, proto, ports)
    assert service.port_count == sum(high - low + 1 for low, high in ports)


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [("icmp/echo-request", 8, 0), ("icmp/13.0", 13, 0), ("icmp/3.4", 3, 4), ("icmp/17", 17, 0)],
)
def test_icmp(text: str, kind: int, code: int) -> None:
    service = parse_service(text)
    assert (service.proto, service.ports, service.icmp_type, service.icmp_code) == ("icmp", (), kind, code)
    assert service.port_count == 1
    assert service.families == (4,)


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("icmpv6/echo-request", 128, 0),
        ("icmpv6/echo-reply", 129, 0),
        ("icmpv6/neighbour-solicitation", 135, 0),
        ("icmpv6/neighbor-advertisement", 136, 0),
        ("icmpv6/nd-router-advert", 134, 0),
        ("icmpv6/redirect", 137, 0),
        ("icmpv6/packet-too-big", 2, 0),
        ("icmpv6/destination-unreachable", 1, 0),
        ("icmpv6/adm-prohibited", 1, 1),
        ("icmpv6/address-unreachable", 1, 3),
        ("icmpv6/port-unreachable", 1, 4),
        ("icmpv6/ttl-zero-during-transit", 3, 0),
        ("icmpv6/mld-query", 130, 0),
        ("icmpv6/1.6", 1, 6),
        ("icmpv6/200", 200, 0),
    ],
)
def test_icmpv6(text: str, kind: int, code: int) -> None:
    service = parse_service(text)
    assert (service.text, service.proto, service.ports) == (text, "icmpv6", ())
    assert (service.icmp_type, service.icmp_code) == (kind, code)
    assert service.families == (6,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tcp/0", ["'0'", "between port 1 and 65535"]),
        ("tcp/65536", ["'65536'", "between port 1 and 65535"]),
        ("tcp/9-1", ["backwards", "1-9"]),
        ("tcp/http", ["'http'", "not a port"]),
        ("tcp/", ["not a port"]),
        ("tcp/1,,2", ["not a port"]),
        ("tcp", ["tcp/1-65535"]),
        ("icmp", ["icmp/echo-request"]),
        ("icmp/ping", ["'ping'", "echo-request"]),
        ("icmp/8.x", ["8.x"]),
        ("icmp/256", ["0 and 255"]),
        ("icmp/packet-too-big", ["no ICMP type", "write icmpv6/packet-too-big"]),
        ("icmpv6/host-unreachable", ["no ICMPv6 type", "write icmp/host-unreachable"]),
        ("icmpv6/neighbour", ["'neighbour' is no ICMPv6 type", "neighbour-solicitation"]),
        ("icmpv6/\u00b2", ["no ICMPv6 type"]),
        ("icmpv6/128.256", ["ICMPv6 type and code are between 0 and 255"]),
        ("icmpv6", ["'icmpv6' has no type", "icmpv6/echo-request"]),
        ("ipv6-icmp/echo-request", ["spelt icmpv6/echo-request"]),
        ("icmp6/128", ["spelt icmpv6/128"]),
        ("icmp6", ["spelt icmpv6", "icmpv6/TYPE.CODE"]),
        ("ipx/7", ["'ipx'"]),
        ("no-such-service", ["'no-such-service'", "no"]),
        ("443", ["tcp/443 or udp/443"]),
        (443, ["tcp/443 or udp/443"]),
        (True, ["not a service"]),
        ("", ["not a service"]),
        *((text, ["not yet", text]) for text in ("sctp/5", "gre", "esp", "proto/89", "any", "ah")),
    ],
)
def test_what_is_no_service(text: object, words: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        parse_service(text, None, Where("m.yaml", 3, 4))
    (problem,) = raised.value.problems
    assert problem.where == Where("m.yaml", 3, 4)
    assert all(word in problem.what for word in words), problem.what


NAMES = {"web": ("tcp/80", "tcp/443"), "db": "tcp/5432", "https": "tcp/8443"}


def test_names_of_the_topology_go_first() -> None:
    assert parse_service("https", NAMES).ports == ((8443, 8443),)
    assert parse_service("db", NAMES).ports == ((5432, 5432),)
    assert [service.ports for service in read_services("web", NAMES)] == [((80, 80),), ((443, 443),)]


def test_a_name_for_several_is_not_one_service() -> None:
    with pytest.raises(InputError, match="'web' stands for 2 services"):
        parse_service("web", NAMES)


@pytest.mark.parametrize(
    ("ports", "cut", "left"),
    [
        ("1-100", "50", "1-49,51-100"),
        ("1-100", "1-10,100", "11-99"),
        ("1-100", "1-200", ""),
        ("1-100", "200", "1-100"),
        ("22,80,443", "80", "22,443"),
        ("1-10,20-30", "5-25", "1-4,26-30"),
    ],
)
def test_ports_without_others(ports: str, cut: str, left: str) -> None:
    whole, less = parse_service(f"tcp/{ports}").ports, parse_service(f"tcp/{cut}").ports
    assert ports_text(without(whole, less)) == left
