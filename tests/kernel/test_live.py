"""The live view: what it tells of packets that others send, while rules change, and beside those who ask."""

from __future__ import annotations

import json
import os
import re
import socket as sockets
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from threading import Thread

import pytest

from lab.keep.live import Live
from lab.keep.relay import NodeLog, logs_to_the_kernel, relay
from lab.keep.turns import Bell
from lab.kernel.ground.tools import run
from lab.record.told import Fate, News, RulesChanged, Told
from lab.ruleset.backend import Backend
from lab.site import Site
from tests.kernel.keepers import other
from tests.kernel.scenes import ESTABLISHED, SERVER, corridor, rulesets, table, topology

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

LOG = '-A FORWARD -p udp --dport 99 -j LOG --log-prefix "seen: "'
DENY = "-A FORWARD -p udp --dport 98:99 -m comment --comment deny -j DROP"
WEB = "-A FORWARD -p udp --dport 80 -m comment --comment web -j ACCEPT"
POLICY = table("filter", ESTABLISHED, LOG, DENY, WEB, FORWARD="DROP")
DENY_LINE = f"gateway.rules:{POLICY.splitlines().index(DENY) + 1}"
IPTABLES = {Backend.NFT: "iptables-nft", Backend.LEGACY: "iptables-legacy"}


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[Backend, Site]]:
    found = {
        backend: Site(topology(corridor()), {"gateway": rulesets(POLICY)}, backend=backend) for backend in Backend
    }
    yield found
    for site in found.values():
        site.close()


@pytest.fixture
def site(sites: dict[Backend, Site], backend: Backend) -> Site:
    return sites[backend]


def send(site: Site, *ports: int, node: str = "client", to: str = SERVER) -> None:
    """By a socket that the lab knows nothing of."""
    with site.network.nodes[node].socket(sockets.AF_INET, sockets.SOCK_DGRAM) as channel:
        for port in ports:
            channel.sendto(b"x", (to, port))
    site.network.rest()


def packets(news: Iterator[News], count: int) -> list[Told]:
    return list(islice((one for one in news if isinstance(one, Told) and one.path.entry.proto == 17), count))


def test_a_rule_a_policy_an_accept_and_a_packet_that_is_lost(site: Site) -> None:
    with Live(site) as live:
        send(site, 98, 97, 80)
        by_rule, by_policy, accepted = packets(live.news(), 3)
        assert (by_rule.fate, by_rule.rule and by_rule.rule.comment) == (Fate.DROPPED, "deny")
        assert by_rule.rule is not None
        assert by_rule.rule.source == DENY_LINE
        assert (by_policy.fate, by_policy.rule and by_policy.rule.place) == (Fate.DROPPED, "filter:FORWARD policy")
        assert (accepted.fate, accepted.rule and accepted.rule.comment) == (Fate.ACCEPTED, "web")
        send(site, 80, to="10.9.9.9")
        (lost,) = packets(live.news(), 1)
        assert (lost.fate, lost.rule, lost.path.entry.destination) == (Fate.LOST, None, "10.9.9.9")


def test_a_packet_that_is_logged(site: Site) -> None:
    with Live(site) as live:
        send(site, 99)
        (told,) = packets(live.news(), 1)
        (logged,) = told.logged
        assert (logged.prefix, logged.hook, logged.entered, logged.toward) == ("seen: ", "forward", "left", "right")
        assert told.rule is not None
        assert told.rule.comment == "deny"
        assert told.raw[0][8] == 64


def test_rules_that_somebody_changes_meanwhile(backend: Backend) -> None:
    with Site(topology(corridor()), {"gateway": rulesets(POLICY)}, backend=backend) as site, Live(site) as live:
        gateway = site.network.nodes["gateway"].namespace
        mine = ["-I", "FORWARD", "1", "-p", "udp", "--dport", "80", "-m", "comment", "--comment", "mine", "-j", "DROP"]
        assert run(gateway, [IPTABLES[backend], *mine]).code == 0
        send(site, 80, 98)
        news = live.news()
        assert isinstance(next(news), RulesChanged)
        mine_told, deny_told = packets(news, 2)
        assert mine_told.rule is not None
        assert deny_told.rule is not None
        assert (mine_told.rule.comment, mine_told.rule.number, mine_told.rule.source) == ("mine", 1, None)
        assert (deny_told.rule.comment, deny_told.rule.number, deny_told.rule.source) == ("deny", 4, DENY_LINE)


def test_two_look_at_once_where_the_kernel_lets_them(sites: dict[Backend, Site]) -> None:
    site = sites[Backend.NFT]
    with Live(site) as one, Live(site) as two:
        send(site, 98, 80)
        for live in (one, two):
            denied, accepted = packets(live.news(), 2)
            assert (denied.fate, denied.rule and denied.rule.comment) == (Fate.DROPPED, "deny")
            assert accepted.path.chains == {("filter", "FORWARD")}
    with Live(site) as live:
        send(site, 98)
        assert [told.fate for told in packets(live.news(), 1)] == [Fate.DROPPED]


def test_who_asks_has_his_turn_and_the_view_goes_on(backend: Backend, tmp_path: Path) -> None:
    bell, services = tmp_path / "bell", ["udp/98", "udp/80"]
    with (
        Site(topology(corridor(server={"services": ["udp/80"]})), {"gateway": rulesets(POLICY)}, backend=backend) as site,
        Live(site, Bell(bell)) as live,
    ):
        written = corridor(server={"services": ["udp/80"]})
        with other("ask", backend, written, POLICY, site.network.handles.to_json(), services, str(bell)) as asker:
            said: list[str] = []

            def talk() -> None:
                said.append(asker.line())
                for _ in range(3):
                    asker.tell("ask")
                    said.append(asker.line())
                asker.tell("end")
                asker.line()
                send(site, 97)

            talking = Thread(target=talk)
            talking.start()
            (told,) = packets(live.news(), 1)
            talking.join()
        assert said.pop(0) == "ready"
        for line in said:
            dropped, allowed = json.loads(line)
            assert "deny" in dropped
            assert allowed.startswith("allowed")
        assert (told.fate, told.path.entry.dport) == (Fate.DROPPED, 97), "nothing of what was asked is told"


def test_what_a_nodes_dmesg_holds(sites: dict[Backend, Site], tmp_path: Path) -> None:
    site, (folder, dmesg) = sites[Backend.NFT], (tmp_path / "run/lab", tmp_path / "run/lab/dmesg")
    folder.mkdir(parents=True)
    reading, writing = os.pipe()
    with Live(site, wanted=logs_to_the_kernel, ends=[reading]) as live:
        send(site, 98, 99)
        os.close(writing)
        relay(live, {"gateway": tmp_path})
    os.close(reading)
    (line,) = dmesg.read_text().splitlines()
    said = re.sub(r"^\[ *\d+\.\d{6}\] ", "", line)
    assert re.sub(r"(ID|SPT)=\d+", r"\1=?", said) == (
        "seen: IN=left OUT=right SRC=10.0.1.10 DST=10.0.2.10 LEN=29 TOS=0x00 PREC=0x00 TTL=63 ID=? DF "
        "PROTO=UDP SPT=? DPT=99 LEN=9"
    )


def test_no_link_of_a_node_leads_its_log_elsewhere(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "root/run/lab"
    victim.write_text("as it was")
    folder.mkdir(parents=True)
    (folder / "dmesg").symlink_to(victim)
    NodeLog(tmp_path / "root").write(["a line"])
    folder.rename(tmp_path / "other")
    folder.symlink_to(tmp_path)
    (tmp_path / "dmesg").write_text("")
    NodeLog(tmp_path / "root").write(["a line"])
    assert (victim.read_text(), (tmp_path / "dmesg").read_text()) == ("as it was", "")
