"""The table of an alarm's life as a text to sign, and what must hold on any way through it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detectors.alarm import Alarm, Cause, Hidden, advance
from scripts.alarm_table import FILE, states, table

CAUSES = st.lists(st.sampled_from(Cause), max_size=40)
HIDES = {
    Cause.SHELVE: Hidden.SHELVED,
    Cause.SUPPRESS: Hidden.SUPPRESSED,
    Cause.REMOVE_FROM_SERVICE: Hidden.OUT_OF_SERVICE,
}
SHOWS = {
    Cause.UNSHELVE: Hidden.SHELVED,
    Cause.SHELF_ENDS: Hidden.SHELVED,
    Cause.UNSUPPRESS: Hidden.SUPPRESSED,
    Cause.RETURN_TO_SERVICE: Hidden.OUT_OF_SERVICE,
}


def after(*causes: Cause, alarm: Alarm | None = None) -> Alarm:
    state = alarm or Alarm()
    for cause in causes:
        state = advance(state, cause)
    return state


def test_the_table_in_the_repository_is_what_the_code_does() -> None:
    assert FILE.read_text(encoding="utf-8") == table()


def test_the_table_holds_every_state_once_and_every_cause_leads_into_it() -> None:
    known = set(states())

    assert len(known) == 48
    assert {advance(s, c) for s in known for c in Cause} <= known | {
        Alarm(True, False, False, s.hidden, 1) for s in known
    }


def test_the_letters_are_those_of_isa_18_2() -> None:
    assert after().isa == "A"
    assert after(Cause.ACTIVATE).isa == "B"
    assert after(Cause.ACTIVATE, Cause.ACKNOWLEDGE).isa == "C"
    assert after(Cause.ACTIVATE, Cause.RETURN).isa == "D"
    assert after(Cause.ACTIVATE, Cause.RETURN, Cause.ACKNOWLEDGE).isa == "A"
    assert after(Cause.SHELVE).isa == "E"
    assert after(Cause.SHELVE, Cause.SUPPRESS).isa == "F"
    assert after(Cause.SHELVE, Cause.SUPPRESS, Cause.REMOVE_FROM_SERVICE).isa == "G"
    assert after(Cause.ACTIVATE, Cause.RETURN_LATCHED, Cause.ACKNOWLEDGE).isa == "C"


def test_suppression_under_a_shelf_is_not_forgotten() -> None:
    for ends in (Cause.UNSHELVE, Cause.SHELF_ENDS):
        alarm = after(Cause.ACTIVATE, Cause.SHELVE, Cause.SUPPRESS, ends)
        assert (alarm.hidden, alarm.isa) == (Hidden.SUPPRESSED, "F")
        assert after(Cause.UNSUPPRESS, alarm=alarm).hidden is Hidden.NO


def test_what_is_over_when_its_suppression_ends_is_normal_and_what_is_not_is_shown_as_it_stands() -> None:
    hidden = (Cause.SUPPRESS, Cause.ACTIVATE)
    assert after(*hidden, Cause.RETURN, Cause.UNSUPPRESS).isa == "A"
    assert after(*hidden, Cause.UNSUPPRESS).isa == "B"
    assert after(*hidden, Cause.ACKNOWLEDGE, Cause.UNSUPPRESS).isa == "C"
    assert after(*hidden, Cause.RETURN_LATCHED, Cause.UNSUPPRESS).isa == "D"


def test_an_activation_while_shelved_stays_unacknowledged_after_a_timed_end_and_is_seen_after_a_persons() -> None:
    assert after(Cause.SHELVE, Cause.ACTIVATE, Cause.SHELF_ENDS).isa == "B"
    assert after(Cause.SHELVE, Cause.ACTIVATE, Cause.RETURN, Cause.SHELF_ENDS).isa == "D"
    assert after(Cause.ACTIVATE, Cause.ACKNOWLEDGE, Cause.SHELVE, Cause.SHELF_ENDS).isa == "B"
    assert after(Cause.SHELVE, Cause.ACTIVATE, Cause.UNSHELVE).isa == "C"
    assert after(Cause.SHELVE, Cause.ACTIVATE, Cause.RETURN, Cause.UNSHELVE).isa == "D"


def test_an_end_of_what_does_not_hide_it_changes_nothing() -> None:
    alarm = after(Cause.ACTIVATE)

    for cause in SHOWS:
        assert advance(alarm, cause) is alarm


@given(CAUSES)
def test_an_occurrence_is_counted_up_by_one_at_each_activation_and_never_otherwise(causes: list[Cause]) -> None:
    alarm = Alarm()
    for cause in causes:
        new = advance(alarm, cause)
        begins = cause is Cause.ACTIVATE and not alarm.active
        assert new.occurrence == alarm.occurrence + begins
        assert not begins or (new.active and not new.acked and not new.latched)
        alarm = new


@given(CAUSES)
def test_each_reason_to_hide_holds_until_its_own_end_whatever_else_happens(causes: list[Cause]) -> None:
    alarm, hidden = Alarm(), Hidden.NO
    for cause in causes:
        alarm = advance(alarm, cause)
        hidden = (hidden | HIDES.get(cause, Hidden.NO)) & ~SHOWS.get(cause, Hidden.NO)
        assert alarm.hidden == hidden


@given(CAUSES)
def test_hiding_and_acknowledging_never_end_an_alarm_and_a_latched_one_waits_for_a_reset(causes: list[Cause]) -> None:
    alarm = Alarm()
    for cause in causes:
        new = advance(alarm, cause)
        if alarm.active and not new.active:
            assert cause in (Cause.RETURN, Cause.RETURN_LATCHED)
        if alarm.latched and not new.latched:
            assert cause in (Cause.RESET, Cause.ACTIVATE)
        if not alarm.acked and new.acked:
            over = cause is Cause.UNSUPPRESS and not alarm.active and not alarm.latched
            assert over or cause in (Cause.ACKNOWLEDGE, Cause.UNSHELVE)
        assert not (new.active and new.latched)
        alarm = new


@given(CAUSES, st.sampled_from(Cause))
def test_a_cause_twice_is_as_once(causes: list[Cause], cause: Cause) -> None:
    once = after(*causes, cause)

    assert advance(once, cause) is once
