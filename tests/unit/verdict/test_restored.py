"""Which lines are left over between two states, and which of them nobody has to take back."""

from __future__ import annotations

from lab.record.node_state import ChangedBy, Leftover, NodeState, Part
from lab.verdict.restored import in_words, left_over


def state(*parts: Part) -> NodeState:
    return NodeState("gateway", parts)


def chain(*lines: str, name: str = "filter FORWARD") -> Part:
    return Part("rules", name, "iptables", lines, ordered=True)


def elements(*lines: str, by: ChangedBy) -> Part:
    return Part("set elements", "banned", "ipset add banned", lines, by)


def told(before: NodeState, after: NodeState) -> list[tuple[str, bool]]:
    return [(one.what, one.carried) for one in left_over(before, after)]


def test_nothing_is_left_over_of_what_is_equal_in_whichever_order_its_parts_stand() -> None:
    one, other = chain("-A FORWARD -j DROP"), chain("-N web", name="filter web")
    assert told(state(one, other), state(other, one)) == []


def test_a_rule_that_is_gone_and_one_that_is_new() -> None:
    before = chain("-A FORWARD -i a -j ACCEPT", "-A FORWARD -i b -j ACCEPT", "-A FORWARD -j DROP")
    after = chain("-A FORWARD -i a -j ACCEPT", "-A FORWARD -i c -j ACCEPT", "-A FORWARD -j DROP")
    expected = [("- iptables -A FORWARD -i b -j ACCEPT", False), ("+ iptables -A FORWARD -i c -j ACCEPT", False)]
    assert told(state(before), state(after)) == expected
    assert told(state(), state(chain("-N web"))) == [("+ iptables -N web", False)]


def test_the_order_of_rules_counts_and_that_of_elements_does_not() -> None:
    one, two = "-A FORWARD -i a -j ACCEPT", "-A FORWARD -j DROP"
    assert told(state(chain(one, two)), state(chain(two, one))) == [(f"+ iptables {two}", False), (f"- iptables {two}", False)]
    mine, other = (elements(*order, by=ChangedBy.NOBODY) for order in (("192.0.2.1", "192.0.2.2"), ("192.0.2.2", "192.0.2.1")))
    assert told(state(mine), state(other)) == []


def test_the_same_rule_twice_is_not_once() -> None:
    rule = "-A FORWARD -j ACCEPT"
    assert told(state(chain(rule, rule)), state(chain(rule))) == [(f"- iptables {rule}", False)]
    one, two = (elements(*["192.0.2.1"] * count, by=ChangedBy.NOBODY) for count in (1, 2))
    assert told(state(one), state(two)) == [("+ ipset add banned 192.0.2.1", False)]


def test_what_packets_change_is_carried_either_way_and_what_time_changes_only_where_it_is_gone() -> None:
    for by, expected in (
        (ChangedBy.NOBODY, [False, False]), (ChangedBy.TIME, [True, False]), (ChangedBy.PACKETS, [True, True]),
    ):  # fmt: skip
        before, after = elements("192.0.2.1 timeout", by=by), elements("192.0.2.2 timeout", by=by)
        signs = [("- ipset add banned 192.0.2.1 timeout", expected[0]), ("+ ipset add banned 192.0.2.2 timeout", expected[1])]
        assert told(state(before), state(after)) == signs


def test_a_set_that_rules_wrote_on_one_side_alone_is_what_packets_made_of_it() -> None:
    before, after = elements("192.0.2.1", by=ChangedBy.PACKETS), elements("192.0.2.2", by=ChangedBy.NOBODY)
    assert [carried for _, carried in told(state(before), state(after))] == [True, True]


def test_a_permanent_element_of_a_set_with_timeouts_is_nobody_s() -> None:
    timed, own = elements("192.0.2.1 timeout", by=ChangedBy.TIME), elements("192.0.2.2", by=ChangedBy.NOBODY)
    assert told(state(timed, own), state()) == [
        ("- ipset add banned 192.0.2.1 timeout", True), ("- ipset add banned 192.0.2.2", False),
    ]  # fmt: skip


def test_a_line_that_is_no_text_is_shown_as_one_line_and_compared_as_it_is() -> None:
    literal, real = "-A FORWARD -m comment --comment a\\nb", "-A FORWARD -m comment --comment a\nb"
    both = told(state(chain(literal)), state(chain(real)))
    assert both == [(f"- iptables {literal}", False), (f"+ iptables {literal}", False)]
    assert told(state(), state(chain("\x1b[2J")))[0][0] == "+ iptables \\x1b[2J"


def test_thousands_of_equal_rules_are_compared_in_no_time_and_rightly() -> None:
    """What aligns lines is quadratic in equal ones: of 20,000 it would take minutes."""
    same = ["-A FORWARD"] * 20_000
    assert len(told(state(chain("-A FORWARD -j DROP", *same)), state(chain(*same, "-A FORWARD -j DROP")))) == 40_002
    assert told(state(chain(*same)), state(chain(*same))) == []


def test_the_sentence_tells_rules_from_what_was_carried_over() -> None:
    own, other = Leftover("rules", "+ iptables -N web"), Leftover("conntrack entries", "+ conntrack 2 of tcp", carried=True)
    assert in_words([]) == "the node is as before"
    assert in_words([other]) == "the node is as before, but for what packets and time made: 1 of conntrack entries"
    assert in_words([other, own, own]) == (
        "the node is not as before: 2 of rules; by packets and time: 1 of conntrack entries"
    )
