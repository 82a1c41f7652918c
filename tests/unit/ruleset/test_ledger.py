"""What memories have spent, and whether that changed what was measured."""

from __future__ import annotations

from lab.ruleset.ledger import Ledger
from lab.ruleset.memory import BOUNDLESS, Kind, Memory

LIMIT = Memory("gateway", Kind.LIMIT, "ip", "filter", "INPUT:3")
LIST = Memory("gateway", Kind.RECENT, "ip", "", "ssh")
BUDGETS = {LIMIT: 2, LIST: 0}


def ledger() -> Ledger:
    return Ledger(BUDGETS.__getitem__)


def test_what_is_fresh_has_room_and_is_not_renewed() -> None:
    book = ledger()
    assert (book.room([LIMIT]), book.room([LIST]), book.room([])) == (2, 1, BOUNDLESS)
    assert book.to_renew([LIMIT, LIST]) == ()


def test_within_the_budget_all_is_sound() -> None:
    book = ledger()
    for expected in (True, True, False):
        before = book.snapshot()
        book.spend({(LIMIT, None): 1})
        assert book.sound([LIMIT], before) is expected
    assert book.to_renew([LIMIT]) == (LIMIT,)
    assert book.sound([LIST], before)


def test_one_question_from_fresh_is_sound_whatever_it_spends_and_many_are_not() -> None:
    book = ledger()
    before = book.snapshot()
    book.spend({(LIMIT, None): 7})
    assert book.sound([LIMIT], before)
    assert not book.sound([LIMIT], before, many=True)


def test_what_was_asked_and_not_changed_counts() -> None:
    book = ledger()
    book.spend({(LIST, "10.0.0.1"): 1})
    before = book.snapshot()
    assert book.sound([LIST], before)
    book.spend({(LIST, "10.0.0.1"): 0})
    assert not book.sound([LIST], before)


def test_sources_do_not_meet() -> None:
    book = ledger()
    book.spend({(LIST, "10.0.0.1"): 3})
    before = book.snapshot()
    book.spend({(LIST, "10.0.0.2"): 1})
    assert book.sound([LIST], before)
    assert book.to_renew([LIST], ["10.0.0.3"]) == ()
    assert book.to_renew([LIST]) == book.to_renew([LIST], ["10.0.0.1"]) == (LIST,)


def test_a_doubt_lasts_until_it_is_renewed() -> None:
    book = ledger()
    before = book.snapshot()
    book.doubt([LIMIT])
    assert (book.to_renew([LIMIT]), book.room([LIMIT]), book.sound([LIMIT], before)) == ((LIMIT,), 0, False)
    book.renewed([LIMIT])
    assert (book.to_renew([LIMIT]), book.room([LIMIT]), book.sound([LIMIT], before)) == ((), 2, False)
    assert book.sound([LIMIT], book.snapshot())


def test_what_was_renewed_meanwhile_is_unspent_again() -> None:
    book = ledger()
    book.spend({(LIMIT, None): 2})
    before = book.snapshot()
    book.renewed([LIMIT])
    book.spend({(LIMIT, None): 5})
    assert book.sound([LIMIT], before)


def test_what_was_spent_before_a_renewal_stays_unsound() -> None:
    book = ledger()
    book.spend({(LIMIT, None): 2})
    before = book.snapshot()
    book.spend({(LIMIT, None): 1})
    book.renewed([LIMIT])
    assert not book.sound([LIMIT], before)
