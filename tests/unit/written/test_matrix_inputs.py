"""What is told of a matrix that cannot be: one change of the example, one problem, in its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.written.cells import expand
from lab.written.load import load_matrix, load_topology
from tests.unit.written.written import MATRIX, TOPOLOGY, assert_told, changed, line_of, matrix, told

FROM, TO, SERVICE = "from: net:lan", "to: 192.0.2.7", "[tcp/443, udp/443]"
ARRIVES = "{at: world, from: 198.51.100.1}"
CONNTRACK = "{state: ESTABLISHED, assured: true}"
RULE = "rule: publish-web "
DROP = "drop\n    logged"
POLICIES = "{gateway: edge-gateway}"
NOT = "{service: tcp/443}, "
BETWEEN, SERVICES = "[net:wan, net:lan, net:dmz]", "[tcp/1-65535, udp/1-65535, icmp/echo-request]"

SHAPE = [
    ("flows:", "flow:", ["unknown key 'flow'", "did you mean 'flows'?"]),
    ("for: gateway ", "", ["`for` is missing"]),
    ("topology: edge", "", ["`topology` is missing"]),
    ("    logged:", "    loged:", ["unknown key 'loged'", "did you mean 'logged'?"]),
    ("name: office surfs", "name: 7", ["7 is a number", "quote it"]),
    ("name: office surfs", "name: a[b", ["'a[b' cannot name a row"]),
    ("name: office surfs", 'name: ""', ["cannot name a row"]),
    ("name: office surfs", 'name: "a\\e[2J"', ["cannot name a row"]),
    ("name: office surfs", "name: public web", ["two rows called 'public web'", "line 7"]),
    ("name: office surfs", "name: default", ["'default'"]),
    (FROM, "from: []", ["the list is empty"]),
    (FROM, "from: 443", ["443 is a number"]),
    (FROM, "from: {at: office}", ["{at: NODE, address: ADDRESS}"]),
    (FROM, "from: {node: office, address: 10.0.1.10}", ["{at: NODE, address: ADDRESS}"]),
    (SERVICE, "443", ["say tcp/443 or udp/443"]),
    (SERVICE, "22:30", ["base 60", "quote it"]),
    (SERVICE, "[]", ["the list is empty"]),
    ("expect: " + DROP, "expect: dorp\n    logged", ["'dorp' cannot be expected", "did you mean 'drop'?"]),
    ("expect: " + DROP, "expect: tcp-reset\n    logged", ["{reject: tcp-reset}"]),
    ("expect: " + DROP, "expect: {reject: tcp-rst}\n    logged", ["did you mean 'tcp-reset'?"]),
    ("expect: " + DROP, "expect: {drop: now}\n    logged", ["it is written allow, drop, reject, deny"]),
    ("expect: " + DROP, "expect:\n    logged", ["it is written allow"]),
    (ARRIVES, "world", ["`arrives`: a mapping belongs here"]),
    (ARRIVES, "{at: world, to: web}", ["unknown key 'to'"]),
    (ARRIVES, "{port: 0}", ["0 is not between port 1 and 65535"]),
    (ARRIVES, "{port: '443'}", ["'443' is not a port"]),
    (CONNTRACK, "{state: ESTABLISHD}", ["did you mean 'ESTABLISHED'?"]),
    (CONNTRACK, "{assured: yes}", ["yes is a boolean"]),
    (CONNTRACK, "{mark: blue}", ["'blue' is not a mark"]),
    (CONNTRACK, "{mark: 4294967296}", ["not a mark"]),
    (RULE, "rule: 17 ", ["17 is a number", "quote it"]),
    (RULE, "family: 5 ", ["5 is not a family: 4, 6 or both"]),
    (RULE, "family: [4, 6] ", ["[4, 6] is not a family: 4, 6 or both"]),
    (RULE, "family: true ", ["True is not a family"]),
    (RULE, "v6: {expect: dorp} ", ["'dorp' cannot be expected", "did you mean 'drop'?"]),
    (RULE, "v6: {expect: null} ", ["it is written allow"]),
    (RULE, "v6: {to: web} ", ["unknown key 'to'"]),
    (RULE, "v6: {arrives: {port: 0}} ", ["0 is not between port 1 and 65535"]),
    (RULE, "packet: {ttl: 1} ", ["`packet`: not yet"]),
    (RULE, "steps: [a] ", ["a mapping belongs here, not 'a'"]),
    (RULE, "burst: 3 ", ["`burst`: not yet"]),
    (RULE, "flags: syn ", ["'syn' alone is how a handshake begins", "leave `flags` out"]),
    (RULE, "flags: [ack, none] ", ["write `none` alone"]),
    (RULE, "flags: ece ", ["'ece'", "none, fin, syn, rst, psh, ack, urg"]),
    (RULE, "flags: [] ", ["none, fin, syn, rst, psh, ack, urg"]),
    (CONNTRACK, "{state: UNTRACKED, mark: 1, zone: 0}", ["an UNTRACKED flow has no entry, of which `mark:` and `zone:`"]),
    (CONNTRACK, "{status: [ASURED]}", ["'ASURED' is not a status word of conntrack", "ASSURED"]),
    (CONNTRACK, "{status: []}", ["status"]),
    (CONNTRACK, "{zone: 65536}", ["65536 is not a zone: a number from 0 to 65535"]),
    (CONNTRACK, "{labels: [web]}", ["'web' is not a label", "number of its bit"]),
    (CONNTRACK, "{labels: 128}", ["128 is not a label"]),
    (CONNTRACK, "{timeout: 2s}", ["'2s' is not a timeout"]),
    (CONNTRACK, "{timeout: {min: 5, max: 4}}", ["min: 5 is more than max: 4"]),
    (CONNTRACK, "{timeout: {least: 5}}", ["unknown key 'least'"]),
    (CONNTRACK, "{count: -1}", ["-1 is not a count of entries"]),
    (CONNTRACK, "{helper: {}}", ["helper"]),
    (RULE, "mark: blue ", ["'blue' is not a mark"]),
    (RULE, "mark: -1 ", ["not a mark"]),
    (RULE, "uid: root ", ["'root' is not a user's number"]),
    (RULE, "uid: 4294967295 ", ["not a user's number"]),
    (RULE, "source: 255.255.255.255 ", ["everybody's"]),
    (RULE, "sport: 70000 ", ["70000 is not between port"]),
    (RULE, "source: gateway ", ["'gateway' is not an address to send from"]),
    (RULE, "source: 240.0.0.1 ", ["canaries"]),
    (RULE, "source: '100::f00a:b001' ", ["canaries"]),
    (RULE, "source: 'fe80::1' ", ["link-local"]),
    (RULE, "source: 'fe80::1%wan' ", ["without %INTERFACE"]),
    (RULE, "source: '::ffff:10.0.1.10' ", ["IPv4-mapped"]),
    (RULE, "source: 'ff02::1' ", ["another address in its place"]),
    (RULE, "source: '::' ", ["another address in its place"]),
    (RULE, "source: '2001:db8::g' ", ["not an address to send from"]),
    ('review: "2027-01-31"', "review: 2027-01-31", ["a date", 'quote it: "2027-01-31"']),
    ('review: "2027-01-31"', 'review: "2027-13-31"', ["'2027-13-31' is not a date"]),
    (', review: "2027-01-31"', "", ["`review` is missing in 'exception'"]),
    (NOT, "{service: tcp/443, family: 4}, ", ["unknown key 'family'", "from, service, to"]),
    (NOT, "{}, ", ["leaves out everything"]),
    (POLICIES, "edge-gateway", ["`policies`: a mapping belongs here"]),
    (POLICIES, "{gateway: 1.5}", ["1.5 is a number", "quote it"]),
    (POLICIES, "{gateway: ../edge}", ["leads out of the policies folder"]),
    (POLICIES, "{gateway: {v6: 6}}", ["`v6`: 6 is a number", "quote it"]),
    (POLICIES, "{gateway: {ipset: x.ipset}}", ["the policy has sets, but no ruleset", "`v6: FILE`"]),
    (POLICIES, "{gateway: {ipsets: x.ipset}}", ["unknown key 'ipsets'", "did you mean 'ipset'?"]),
    (POLICIES, "{gateway: {vars: [x.yaml]}}", ["the policy has no ruleset", "`v4: FILE`, `v6: FILE` or `nft: FILE`"]),
    (POLICIES, "{gateway: {render: [make], v6: x}}", ["`render` makes the whole policy: v6"]),
    (POLICIES, "{gateway: {name: edge}}", ["its NAME alone"]),
    (POLICIES, "{gateway: {v4: x, vars: [{a: b}]}}", ["{inline: {NAME: VALUE}} or {env: NAME}"]),
    (POLICIES, "{gateway: {nft: x, includes: [/etc]}}", ["includes are written as a mapping: {/etc/nftables.d: FOLDER}"]),
    (POLICIES, "{gateway: {nft: x, includes: {etc: a}}}", ["'etc' is not an absolute path"]),
    (POLICIES, "{gateway: {nft: x, includes: {/etc: ../a}}}", ["'../a' leads out of the policies folder"]),
    (POLICIES, "{gateway: {nft: x, includes: {/etc: 'a/*'}}}", ["'a/*' has wildcards"]),
    (POLICIES, "{gateway: {render: x, includes: {/etc: a}}}", ["includes have no meaning beside it"]),
    (POLICIES, "{gateway: {v4: x, jinja: {trim_block: true}}}", ["did you mean 'trim_blocks'?"]),
    (POLICIES, "{gateway: {render: [make], v4: x}}", ["`render` makes the whole policy"]),
    ("services: " + SERVICES, "service: tcp/1", ["unknown key 'service'", "did you mean 'services'?"]),
]
# What is told at the row, because it is between two of its keys.
ROWS = [
    ("    expect: " + DROP, "    logged", 22, ["`expect` is missing in flow 'nothing else is published'"]),
    ("    logged:", "    arrives: {at: web}\n    logged:", 22, ["`arrives`", "`expect` is drop"]),
    ("    logged:", "    conntrack: {mark: 1}\n    logged:", 22, ["`conntrack`", "`expect` is drop"]),
    ("    logged:", "    leaves: {via: wan}\n    logged:", 22, ["`leaves`", "`expect` is drop"]),
    (RULE, "by: rp_filter ", 7, ["`by`", "`expect` is allow"]),
    (RULE, "v4: {expect: drop} ", 7, ["`arrives`", "`expect` is drop", "with what `v4:` says", "v4: {KEY: null}"]),
    (RULE, "v6: {expect: drop} ", 7, ["`arrives`", "`expect` is drop", "with what `v6:` says", "v6: {KEY: null}"]),
    (RULE, "family: 4\n    v6: {rule: a} ", 7, ["`v6:` has no meaning here", "IPv4 cells only"]),
    (RULE, "source: '2001:db8::1'\n    v4: {rule: a} ", 7, ["`v4:` has no meaning here", "IPv6 cells only"]),
    (RULE, "source: '2001:db8::1'\n    family: 4 ", 7, ["`source` is an IPv6 address", "`family` is 4"]),
    (RULE, "source: 10.0.1.9\n    family: both ", 7, ["`source` is an IPv4 address", "`family` is both"]),
    (RULE, "source: 10.0.1.9\n    family: 6 ", 7, ["`source` is an IPv4 address", "`family` is 6"]),
    ("  services: " + SERVICES, "  services: tcp/1\n  family: 4\n  v6: {rule: a}", 37, ["`v6:` has no meaning here"]),
    ("to: web-vip\n    service: tcp/443", "to: web-vip\n    sport: 53\n    service: icmp/echo-request", 7, ["`sport`", "icmp"]),
    ("to: web-vip\n    service: tcp/443", "to: web-vip\n    flags: ack\n    service: udp/443", 7, ["`flags: ack`", "udp/443"]),
    ("tcp/1-65535\n", "udp/1-65535\n    v4: {expect: {reject: tcp-reset}}\n", 22, ["tcp-reset answers TCP alone", "udp"]),
]
SENSE = [
    (FROM, "from: net:lna", ["no network 'lna'", "did you mean 'lan'?"]),
    (FROM, "from: role:klient", ["no node has the role 'klient'", "did you mean 'client'?"]),
    (FROM, "from: role:gateway", ["selects no node that could send", "name it"]),
    (FROM, "from: ofice", ["no node or name 'ofice'", "did you mean 'office'?"]),
    (FROM, "from: office@wan", ["office has no interface 'wan'", "lan"]),
    (FROM, "from: 10.0.1.77", ["no node has it", "source: 10.0.1.77"]),
    (FROM, "from: {at: office, address: 9.9.9.9}", ["office does not have 9.9.9.9"]),
    (FROM, "from: {at: offic, address: 9.9.9.9}", ["no node 'offic'", "did you mean 'office'?"]),
    (FROM, 'from: "2001:db8:a::77"', ["no node has it", "source: 2001:db8:a::77"]),
    (FROM, 'from: "2001:db8:a::1/64"', ["host bits", "2001:db8:a::/64"]),
    (FROM, 'from: "2001:db8:a::g"', ["'2001:db8:a::g' is not an address like 2001:db8::7"]),
    (FROM, 'from: [net:lan, "2001:db8:a::10"]', ["2001:db8:a::10 has no IPv4 address", "'office surfs' can have IPv4 cells"]),
    (FROM, 'from: {at: office, address: "2001:db8:9::9"}', ["office does not have 2001:db8:9::9"]),
    (FROM, "from: 10.0.1.1/8", ["host bits", "10.0.0.0/8"]),
    (TO, 'to: "ff02::1"', ["ff02::1 cannot be an end", "multicast"]),
    (TO, 'to: "fe80::1"', ["fe80::1 cannot be an end", "link-local"]),
    (TO, 'to: "fe80::1%lan"', ["without %INTERFACE"]),
    (TO, 'to: "::ffff:192.0.2.7"', ["::ffff:192.0.2.7 cannot be an end", "IPv4-mapped"]),
    (TO, 'to: "100::f00a:b001"', ["canaries"]),
    (TO, 'to: "100::/64"', ["canaries"]),
    (TO, "to: 224.0.0.1", ["224.0.0.1", "multicast"]),
    (FROM, "from: 127.0.0.1", ["every node's own", "from: NODE@lo"]),
    (FROM, "from: 255.255.255.255", ["cannot send", "everybody's"]),
    (TO, "to: 240.0.0.1", ["reserved"]),
    (TO, "to: 192.0.2", ["'192.0.2' is not an address"]),
    (TO, "to: 192.0.2.7.8", ["'192.0.2.7.8' is not an address"]),
    (TO, "to: {at: world, address: nine}", ["'nine' is not an address"]),
    (TO, "to: {at: world, address: 10.0.1.99}", ["world does not have 10.0.1.99"]),
    (SERVICE, "hptts", ["'hptts' is not a service"]),
    (SERVICE, "icmpv6/ping", ["'ping' is no ICMPv6 type", "echo-request"]),
    (SERVICE, "ipv6-icmp/echo-request", ["spelt icmpv6"]),
    (SERVICE, "gre", ["not yet", "'gre'"]),
    (SERVICE, "tcp", ["tcp/1-65535"]),
    (ARRIVES, "{at: wrld}", ["no node 'wrld'", "did you mean 'world'?"]),
    (ARRIVES, "{from: kep}", ["'kep'"]),
    (ARRIVES, "{from: gateway}", ["'gateway' has 3 addresses", "198.51.100.1, 10.0.1.1, 10.0.2.1"]),
    (RULE, "at: office ", ["'office' is not under test", "gateway"]),
    ("for: gateway", "for: gatway", ["no node of topology edge has the role 'gatway'", "did you mean 'gateway'?"]),
    ("for: gateway", "for: backend", ["no node of role 'backend' has a policy"]),
    (NOT, "{service: udp/443}, {service: tcp/443}, ", ["nothing else is published", "nothing of this"]),
    (NOT, "{service: tcp/443}, {from: office}, ", ["nothing else is published", "nothing of this"]),
    (NOT, "{service: tcp/443}, {from: ofice}, ", ["'ofice'"]),
    (BETWEEN, "[net:wan, net:x]", ["no network 'x'"]),
    (BETWEEN, "office", ["the default selects no cell"]),
    (SERVICES, "tcp/0", ["'0' is not between port"]),
]


@pytest.mark.parametrize(("old", "new", "words"), SHAPE)
def test_shape(old: str, new: str, words: list[str], tmp_path: Path) -> None:
    path = changed(MATRIX, old, new, tmp_path)
    problems = [problem for problem in told(lambda: load_matrix(path)) if all(word in problem[1] for word in words)]
    missing = any("is missing" in word for word in words)
    expected = {"for": 1, "topology": 1, "review": 35}[words[0].split("`")[1]] if missing else line_of(MATRIX, old)
    assert [line for line, _ in problems] == [expected], told(lambda: load_matrix(path))


@pytest.mark.parametrize(("old", "new", "line", "words"), ROWS)
def test_rows(old: str, new: str, line: int, words: list[str], tmp_path: Path) -> None:
    path = changed(MATRIX, old, new, tmp_path)
    assert_told(lambda: load_matrix(path), line, *words)


@pytest.mark.parametrize(("old", "new", "words"), SENSE)
def test_sense(old: str, new: str, words: list[str], tmp_path: Path) -> None:
    found = load_matrix(changed(MATRIX, old, new, tmp_path))
    line = 5 if "has a policy" in words[0] else line_of(MATRIX, old)
    assert_told(lambda: expand(found, load_topology(TOPOLOGY)), line, *words)


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        ("{gatway: p}", ["'gatway' to give a policy", "did you mean 'gateway'?"]),
        ("{gateway: p, web: p, x: p}", ["'x' to give"]),
    ],
)
def test_a_policy_for_nobody(policies: str, words: list[str], tmp_path: Path) -> None:
    found = load_matrix(changed(MATRIX, POLICIES, policies, tmp_path))
    problems = told(lambda: expand(found, load_topology(TOPOLOGY)))
    assert [line for line, message in problems if all(word in message for word in words)] == [5]


def test_an_empty_matrix(tmp_path: Path) -> None:
    assert_told(lambda: matrix("matrix: m\nfor: gateway\ntopology: edge\n", tmp_path), 1, "empty", "at least one flow")
    assert_told(lambda: matrix("matrix: m\nfor: gateway\ntopology: edge\nflows: []\n", tmp_path), 4, "empty")


def test_a_wrong_item_of_a_long_list_is_told_in_its_own_line(tmp_path: Path) -> None:
    path = changed(MATRIX, "[world, partner]", "\n      - world\n      - nobody\n      - partner\n      - nowhere", tmp_path)
    problems = told(lambda: expand(load_matrix(path), load_topology(TOPOLOGY)))
    assert [(line, message.split("'")[1]) for line, message in problems] == [(25, "nobody"), (27, "nowhere")]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = changed(MATRIX, FROM, "from: ofice", tmp_path)
    path = changed(path, SERVICE, "hptts", tmp_path)
    path = changed(path, ARRIVES, "{at: wrld}", tmp_path)
    path = changed(path, BETWEEN, "[net:x, net:y]", tmp_path)
    lines = [line for line, _ in told(lambda: expand(load_matrix(path), load_topology(TOPOLOGY)))]
    assert sorted(set(lines), key=lambda line: line or 0) == [17, 19, 21, 38]


def test_no_more_than_a_hundred_problems_are_told(tmp_path: Path) -> None:
    nobody = ", ".join(f"host{number}" for number in range(300))
    path = changed(MATRIX, "[world, partner]", f"[{nobody}]", tmp_path)
    assert len(told(lambda: expand(load_matrix(path), load_topology(TOPOLOGY)))) == 100


def test_all_problems_of_the_shape_are_told_at_once(tmp_path: Path) -> None:
    path = changed(MATRIX, "    logged:", "    loged:", tmp_path)
    path = changed(path, ARRIVES, "{port: 0}", tmp_path)
    path = changed(path, RULE, "burst: 3 ", tmp_path)
    assert [line for line, _ in told(lambda: load_matrix(path))] == [14, 21, 28]
