"""Whatever the machine's iptables-save prints is read and written back byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import pytest

from lab.kernel.ground.namespace import Home, Namespace
from lab.kernel.ground.tools import run
from lab.ruleset.save import read_save
from lab.ruleset.words import quoted
from lab.ruleset.write import write_save

pytestmark = pytest.mark.kernel

BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
NAMES = ("web", "Web-2", "a.b:c", "größe", "no\u00a0break", "wide\u3000", "x#y", "it's", "[1:2]", "back\\slash")
PIECES = (
    "plain", "two words", '"', "\\", "'", "é ü", "\u00a0", "\u2028", "\t", "\r", "[1:2]", "# no", "*filter", ":a - [0:0]",
    "COMMIT", "-j DROP", "$(x)", ";", "!", "日本",
)
SOURCES = {"iptables": ("192.0.2.0/24", "198.51.100.7", "10.0.0.0/255.0.255.0"), "ip6tables": ("2001:db8::/32", "::1")}
INTERFACES = ("-i eth0", "! -o br+")
MATCHES = (
    "-p tcp", "! -p udp", "-p tcp --dport 80", "-p udp ! --sport 5:10", "-p tcp --tcp-flags SYN,RST SYN",
    "-p tcp -m multiport --dports 1,5:9", "-p udp -m multiport ! --ports 53,123", "-m conntrack --ctstate NEW,RELATED",
    "-m limit --limit 5/min --limit-burst 9", "-m mark ! --mark 0x1/0xff", '-m string --algo bm --string "x  "',
    "-m recent --set --name r", "-m hashlimit --hashlimit-upto 5/sec --hashlimit-name x", "-m comment --comment one",
)
TARGETS = ("-j ACCEPT", "-j RETURN", "-j MARK --set-mark 5", "-j LOG --log-level 3 --log-prefix", "-j NFLOG --nflog-prefix")
UNCLOSED = ('"open', '"open  ', '"', '"a \\"b')
RULES = 4
SEEDS = range(3)


def ruleset(chance: Random, sources: Sequence[str]) -> str:
    """A ruleset of four tables, ``RULES`` rules in each chain, with counters: valid, and with no sense."""
    return "".join(f"{line}\n" for table in BUILT_IN for line in _table(chance, table, sources))


def _table(chance: Random, table: str, sources: Sequence[str]) -> Iterator[str]:
    yield f"*{table}"
    for chain in BUILT_IN[table]:
        yield f":{chain} {'ACCEPT' if table == 'nat' else chance.choice(['ACCEPT', 'DROP'])} {_counters(chance)}"
    own = chance.sample(NAMES, 4)
    for chain in own:
        yield f":{chain} - [0:0]"
    for chain in (*BUILT_IN[table], *own):
        later = own[own.index(chain) + 1:] if chain in own else own  # or the chains would call each other in a circle
        for _ in range(RULES):
            options = [chance.choice(INTERFACES)] if chain in own else []
            options += [f"{chance.choice(['', '! '])}-s {chance.choice(sources)}", chance.choice(MATCHES)]
            options += [f"-m comment --comment {quoted(_free_text(chance))}", _target(chance, later)]
            chosen = [option for option in options if chance.random() < 0.7]
            if chance.random() < 0.2:
                chosen.append(f"-m comment --comment {chance.choice(UNCLOSED)}")  # takes the newline as well
            yield " ".join((_counters(chance), "-A", chain, *chosen))
    yield "COMMIT"


def _target(chance: Random, chains: Sequence[str]) -> str:
    target = chance.choice([*TARGETS, *(f"-{way} {chain}" for way in "jg" for chain in chains)])
    return f"{target} {quoted(_free_text(chance))}" if target.endswith("prefix") else target


def _free_text(chance: Random) -> str:
    return " ".join(chance.choices(PIECES, k=2))


def _counters(chance: Random) -> str:
    return f"[{chance.randrange(10 ** 6)}:{chance.randrange(10 ** 9)}]"


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    home = Home()
    alone = Namespace(home)
    yield alone
    alone.close()
    home.close()


def saved(namespace: Namespace, tool: str, *options: str) -> str:
    """What the tool prints; the legacy one table by table, as it cannot name the tables to one who is not root."""
    calls = [("-t", table) for table in BUILT_IN] if tool.endswith("legacy") else [()]
    done = [run(namespace, [f"{tool}-save", *options, *call]) for call in calls]
    assert [one.code for one in done] == [0] * len(calls), done
    return "".join(one.out for one in done)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("tool", [f"{family}-{backend}" for family in SOURCES for backend in ("nft", "legacy")])
def test_what_is_saved_comes_back(namespace: Namespace, tool: str, seed: int) -> None:
    text = ruleset(Random(seed), SOURCES[tool.partition("-")[0]])
    loaded = run(namespace, [f"{tool}-restore", "-c"], text)
    assert loaded.code == 0, loaded.err
    plain, counted = saved(namespace, tool), saved(namespace, tool, "-c")
    for printed in (plain, counted):
        read = read_save(printed)
        assert len(list(read.rules())) == sum(line.startswith("[") for line in text.split("\n"))
        assert set(read.tables) == set(BUILT_IN)
        assert write_save(read) == printed
    assert any('\n"' in rule.tail for rule in read_save(plain).rules())
    assert {rule.bytes is None for rule in read_save(plain).rules()} == {True}
    assert {rule.bytes is None for rule in read_save(counted).rules()} == {False}


@pytest.mark.parametrize("tool", [f"{family}-{backend}" for family in SOURCES for backend in ("nft", "legacy")])
def test_a_node_that_holds_nothing(namespace: Namespace, tool: str) -> None:
    printed = saved(namespace, tool)
    assert write_save(read_save(printed)) == printed
