"""Which paths are the probe's, in which order its packet took them, and which are somebody else's."""

from __future__ import annotations

from lab.probe.follow import follow, follow_one_of_many
from lab.record.packet import Packet
from lab.record.path import End, Path

SYN = Packet(4, 6, "10.0.1.10", 40000, "10.0.2.10", 443, 0x02)
BACK = Packet(4, 6, "10.0.2.10", 443, "10.0.1.10", 40000, 0x12)
ECHO = Packet(4, 1, "10.0.1.10", 7, "10.0.2.10", 1, 8)
NETWORKS = {"left": ("client", "one"), "middle": ("one", "two"), "right": ("two", "three"), "end": ("three", "server")}


def way(node: str, entry: Packet, leaving: Packet | None = None, out: str | None = None, end: End = End.LEFT) -> Path:
    return Path(node, entry, (), end, leaving, out)


def followed(*paths: Path, sent: Packet = SYN) -> tuple[list[str], list[str], list[str]]:
    """The nodes of the request, of the answer, and of all else."""

    def next_nodes(path: Path) -> tuple[str, ...]:
        return tuple(node for node in NETWORKS.get(path.out or "", ()) if node != path.node)

    found = follow(paths, sent, next_nodes)
    request, answer, others = ([path.node for path in part] for part in (found.request, found.answer, found.others))
    return request, answer, others


def test_there_and_back() -> None:
    assert followed(way("one", SYN, SYN), way("one", BACK, BACK)) == (["one"], ["one"], [])


def test_nothing_was_traced() -> None:
    assert followed() == ([], [], [])


def test_translated_on_its_way_and_back() -> None:
    asked = SYN._replace(destination="198.51.100.1", dport=80)
    hidden = SYN._replace(source="10.0.2.1", sport=1024)
    back = BACK._replace(destination="10.0.2.1", dport=1024)
    answered = BACK._replace(source="198.51.100.1", sport=80)
    paths = way("one", asked, hidden), way("one", back, answered)
    assert followed(*paths, sent=asked) == (["one"], ["one"], [])


def test_translated_twice() -> None:
    first = SYN._replace(source="10.0.9.1", sport=5000)
    second = first._replace(destination="10.0.3.3")
    paths = way("one", SYN, first), way("two", first, second), way("three", second, second, end=End.DELIVERED)
    assert followed(*paths)[0] == ["one", "two", "three"]


def test_the_order_of_the_nodes_is_the_packet_s() -> None:
    there = way("one", SYN, SYN, "middle"), way("two", SYN, SYN, "right"), way("three", SYN, SYN, "end")
    back = way("three", BACK, BACK, "right"), way("two", BACK, BACK, "middle"), way("one", BACK, BACK, "left")
    for paths in ((*there, *back), (*reversed(there), *reversed(back)), (*there, *reversed(back))):
        assert followed(*paths) == (["one", "two", "three"], ["three", "two", "one"], [])


def test_a_drop_at_the_second_does_not_hide_the_first() -> None:
    paths = way("two", SYN, end=End.DROPPED), way("one", SYN, SYN, "middle")
    assert followed(*paths)[0] == ["one", "two"]


def test_later_packets_of_the_flow_are_others() -> None:
    again = way("one", SYN._replace(flags=0x10), SYN._replace(flags=0x10))
    data_back = way("one", BACK._replace(flags=0x18), BACK._replace(flags=0x18))
    assert followed(way("one", SYN, SYN), way("one", BACK, BACK), again, data_back) == (["one"], ["one"], ["one", "one"])


def test_the_first_of_several_of_one_node_is_the_request() -> None:
    first, later = way("one", SYN, SYN), way("one", SYN, end=End.DROPPED)
    assert follow((first, later), SYN, lambda _: ()).request == (first,)


def test_others_packets_are_not_the_probe_s() -> None:
    strangers = [
        way("one", SYN._replace(sport=40001), SYN), way("one", SYN._replace(source="10.0.1.11"), SYN),
        way("one", SYN._replace(dport=444), SYN), way("one", SYN._replace(proto=17), SYN),
    ]  # fmt: skip
    assert followed(*strangers) == ([], [], ["one"] * 4)


def test_a_tuple_that_is_used_again_in_the_other_direction() -> None:
    assert followed(way("one", BACK, BACK), way("one", SYN, SYN)) == (["one"], ["one"], [])


def test_an_answer_to_a_packet_that_vanished_is_none() -> None:
    assert followed(way("one", SYN, end=End.VANISHED), way("one", BACK, BACK)) == (["one"], [], ["one"])


def test_an_echo_and_its_reply() -> None:
    reply = Packet(4, 1, "10.0.2.10", 7, "10.0.1.10", 1, 0)
    assert followed(way("one", ECHO, ECHO), way("one", reply, reply), sent=ECHO) == (["one"], ["one"], [])
    other = reply._replace(sport=8)
    assert followed(way("one", ECHO, ECHO), way("one", other, other), sent=ECHO) == (["one"], [], ["one"])


def test_an_error_about_the_packet_is_not_its_answer() -> None:
    error = Packet(4, 1, "10.0.1.1", None, "10.0.1.10", None, 3, 13)
    assert followed(way("one", SYN, end=End.DROPPED), way("one", error, error)) == (["one"], [], ["one"])


def test_unwatched_senders_and_receivers_have_answers_all_the_same() -> None:
    assert followed(way("one", BACK, BACK), sent=SYN) == ([], ["one"], [])


def test_what_a_node_sends_to_itself_comes_in_there() -> None:
    paths = way("one", SYN, SYN, "lo"), way("one", SYN, SYN, end=End.DELIVERED), way("one", SYN, SYN, "lo")
    request, _, others = followed(*paths)
    assert (request, others) == (["one", "one"], ["one"])
    assert followed(way("one", SYN, SYN, "lo"), way("two", SYN, SYN, end=End.DELIVERED))[0] == ["one"]


ASKED = Packet(4, 17, "0.0.0.0", 68, "255.255.255.255", 67)
GIVEN = Packet(4, 17, "10.0.1.1", 67, "255.255.255.255", 68)


def heard(*paths: Path, by: tuple[str, ...], sent: Packet = ASKED) -> tuple[list[tuple[str, End]], list[str], list[str]]:
    """The request with its ends, the nodes of the answer, and those of all else."""
    found = follow_one_of_many(paths, sent, lambda _: (), "client", by)
    request = [(path.node, path.end) for path in found.request]
    return request, [path.node for path in found.answer], [path.node for path in found.others]


def test_what_all_of_a_network_hears_is_followed_to_one() -> None:
    shut = way("one", ASKED, end=End.DROPPED)
    let_in = way("two", ASKED, ASKED, end=End.DELIVERED)
    given = way("two", GIVEN, GIVEN, "left")
    assert heard(shut, let_in, given, by=("one",)) == ([("one", End.DROPPED)], [], ["two", "two"])
    assert heard(shut, let_in, given, by=("one", "two")) == ([("two", End.DELIVERED)], ["two"], ["one"])
    assert heard(shut, by=("three",)) == ([], [], ["one"])


def test_its_sender_may_have_rules_too() -> None:
    asked = ASKED._replace(source="10.0.1.10")
    out, let_in = way("client", asked, asked, "left"), way("one", asked, asked, end=End.DELIVERED)
    given = way("one", GIVEN._replace(destination="10.0.1.10"), end=End.DROPPED)
    found = heard(let_in, out, given, by=("one",), sent=asked)
    assert found == ([("client", End.LEFT), ("one", End.DELIVERED)], ["one"], [])
    assert heard(way("client", asked, end=End.DROPPED), by=("one",), sent=asked)[0] == [("client", End.DROPPED)]


def test_a_syn_that_was_taken_over_goes_on_as_the_node_s_own() -> None:
    taken = Path("one", SYN, (), End.STOLEN, entered="left")
    answered = Path("one", BACK, (), End.LEFT, BACK, "left")
    again = Path("one", SYN._replace(flags=0x10), (), End.STOLEN, entered="left")
    anew = Path("one", SYN, (), End.LEFT, SYN, "middle")
    onward = Path("two", SYN, (), End.DELIVERED, SYN, entered="middle")
    assert followed(taken, answered, again, anew, onward) == (["one", "one", "two"], ["one"], ["one"])
    assert followed(taken, again) == (["one"], [], ["one"])
    retried = Path("one", SYN, (), End.LEFT, SYN, "middle", entered="left")
    assert followed(taken, retried) == (["one"], [], ["one"]), "a packet that comes in is not the node's own"
