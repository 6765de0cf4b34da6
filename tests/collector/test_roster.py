"""Who is on duty: against a minute-by-minute count that shares no code, and by hand where a clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.roster import DAYS, Duty, Fixed, Layer, Roster, Rotation, Span, called
from collector.roster_file import read_people, read_rosters
from detectors.document import Mistake, Table

WARSAW = ZoneInfo("Europe/Warsaw")
SHANGHAI = ZoneInfo("Asia/Shanghai")
WEEK = timedelta(days=7)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str) -> datetime:
    """Without a zone, as a roster's start is."""
    return datetime.fromisoformat(text)


def weekly(people: tuple[str, ...] = ("li", "wang"), zone: ZoneInfo = WARSAW, **more: object) -> Rotation:
    return Rotation(people, local("2026-10-05T08:00"), WEEK, zone, **more)  # type: ignore[arg-type]


def test_a_week_lasts_from_eight_to_eight_though_the_clock_is_set_back_in_it() -> None:
    roster = Roster("duty", (weekly(),))
    spans = roster.spans(utc("2026-10-19T06:00"), utc("2026-11-02T07:00"))
    assert spans == [
        Span("li", utc("2026-10-19T06:00"), utc("2026-10-26T07:00")),  # 08:00 CEST to 08:00 CET: 169 h
        Span("wang", utc("2026-10-26T07:00"), utc("2026-11-02T07:00")),
    ]


def test_a_handover_in_the_repeated_hour_happens_once() -> None:
    rotation = Rotation(("li", "wang"), local("2026-10-24T02:30"), timedelta(days=1), WARSAW)
    spans = Roster("duty", (rotation,)).spans(utc("2026-10-24T12:00"), utc("2026-10-25T12:00"))
    assert [span.person for span in spans] == ["li", "wang"]
    assert spans[0].end == utc("2026-10-25T00:30")  # the first 02:30, in CEST


def test_a_handover_in_the_skipped_hour_happens_after_it() -> None:
    rotation = Rotation(("li", "wang"), local("2026-03-28T02:30"), timedelta(days=1), WARSAW)
    spans = Roster("duty", (rotation,)).spans(utc("2026-03-28T12:00"), utc("2026-03-29T12:00"))
    assert [span.end for span in spans][0] == utc("2026-03-29T01:30")  # 02:30 does not exist: 03:30 CEST


def test_a_night_window_belongs_to_the_day_on_which_it_opens() -> None:
    night = weekly(("chen",), SHANGHAI, opens=time(20), closes=time(8), days=frozenset({"friday"}))
    assert night.at(datetime(2026, 10, 10, 7, 59, tzinfo=SHANGHAI)) == "chen"  # Saturday morning
    assert night.at(datetime(2026, 10, 9, 7, 59, tzinfo=SHANGHAI)) is None  # Friday morning is Thursday's night
    assert night.at(datetime(2026, 10, 10, 8, 0, tzinfo=SHANGHAI)) is None


def test_on_a_holiday_only_layers_that_name_holidays_hold() -> None:
    holidays = frozenset({date(2026, 10, 7)})
    work = weekly(("li",), SHANGHAI, days=frozenset(DAYS) - {"holiday"}, holidays=holidays)
    feast = weekly(("chen",), SHANGHAI, days=frozenset({"holiday"}), holidays=holidays)
    roster = Roster("duty", (work, feast))
    at = [roster.at(datetime(2026, 10, day, 12, tzinfo=SHANGHAI)) for day in (6, 7, 8)]
    assert at == ["li", "chen", "li"]


def test_a_later_layer_wins_and_an_override_wins_over_both() -> None:
    swap = Fixed((Duty("zhao", utc("2026-10-06T00:00"), utc("2026-10-07T00:00")),))
    roster = Roster("duty", (weekly(("li",)), weekly(("chen",), days=frozenset({"tuesday", "wednesday"})), swap))
    assert roster.at(utc("2026-10-06T12:00")) == "zhao"
    assert roster.at(utc("2026-10-07T12:00")) == "chen"
    assert roster.at(utc("2026-10-08T12:00")) == "li"


def test_a_gap_on_sunday_at_three_is_found_to_the_minute() -> None:
    sunday = weekly(("chen",), opens=time(4), closes=time(2), days=frozenset({"saturday", "sunday"}))
    rest = weekly(("li",), days=frozenset(DAYS[:5]))
    gaps = Roster("duty", (rest, sunday)).gaps(utc("2026-10-16T22:00"), utc("2026-10-18T22:00"))
    local = [(gap.start.astimezone(WARSAW).strftime("%a %H:%M"), gap.end.astimezone(WARSAW).hour) for gap in gaps]
    assert local == [("Sat 00:00", 4), ("Sun 02:00", 4)]


def test_people_of_an_area_come_in_the_rosters_order_each_once() -> None:
    pit = Roster("pit", (weekly(("li",)),), frozenset({"north-wall"}))
    all_of_it = Roster("site", (weekly(("chen",)),))
    again = Roster("deputy", (weekly(("li",)),))
    now = utc("2026-10-07T00:00")
    assert called((pit, all_of_it, again), "north-wall", now) == ["li", "chen"]
    assert called((pit, all_of_it), "mill", now) == ["chen"]


clocks = st.integers(0, 23).map(lambda hour: time(hour, 30 * (hour % 2)))
rotations = st.builds(
    Rotation,
    people=st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple),
    start=st.integers(0, 9).map(lambda n: local("2026-10-18T02:30") + timedelta(hours=7 * n)),
    turn=st.sampled_from([8, 12, 24, 168]).map(lambda hours: timedelta(hours=hours)),
    zone=st.just(WARSAW),
    days=st.frozensets(st.sampled_from(DAYS), min_size=1),
    opens=clocks,
    closes=clocks,
    holidays=st.just(frozenset({date(2026, 10, 24)})),
)


@given(st.lists(rotations, min_size=1, max_size=3))
def test_spans_agree_with_every_quarter_of_an_hour_over_a_change_of_clocks(layers: list[Layer]) -> None:
    roster = Roster("duty", tuple(layers))
    start, end = utc("2026-10-23T00:00"), utc("2026-10-27T00:00")
    spans = roster.spans(start, end)
    assert spans[0].start == start
    assert spans[-1].end == end
    assert all(one.end == two.start and one.person != two.person for one, two in zip(spans, spans[1:], strict=False))
    moment = start
    while moment < end:
        (span,) = [span for span in spans if span.start <= moment < span.end]
        assert span.person == roster.at(moment), moment
        moment += timedelta(minutes=15)


@given(rotations)
def test_a_rotation_agrees_with_a_count_of_local_handovers(rotation: Rotation) -> None:
    """Independent of `_turns`: walk the handovers from the first one on."""
    for hour in range(24 * 9):
        moment = utc("2026-10-18T00:00") + timedelta(hours=hour)
        passed = 0
        while (rotation.start + passed * rotation.turn).replace(tzinfo=WARSAW).astimezone(UTC) <= moment:
            passed += 1
        person = rotation.at(moment)
        if person is not None:
            assert person == rotation.people[(passed - 1) % len(rotation.people)]


DOCUMENT = {
    "person": {
        "li": {"name": "Li Wei", "reach": {"sms": "+8613900000000", "mail": "li@pit"}},
        "chen": {"reach": {"sms": "+8613900000001"}},
    },
    "roster": {
        "duty": {
            "areas": ["north-wall"],
            "holidays": ["2026-10-07"],
            "layer": [{"people": ["li", "chen"], "start": "2026-10-05T08:00", "turn": "7d"}],
            "override": [{"person": "chen", "from": "2026-10-06T00:00", "to": "2026-10-06T12:00"}],
        }
    },
}


def read(document: dict[str, object], folder: Path = Path()) -> tuple[tuple[Roster, ...], list[Mistake]]:
    mistakes: list[Mistake] = []
    whole = Table(document, (), mistakes)
    people = read_people(whole, ("sms", "mail"))
    return read_rosters(whole, people, SHANGHAI, ("north-wall", "mill"), folder), mistakes


def test_a_roster_is_read_as_it_is_written() -> None:
    (roster,), mistakes = read(DOCUMENT)
    assert mistakes == []
    assert roster.at(datetime(2026, 10, 5, 9, tzinfo=SHANGHAI)) == "li"
    assert roster.at(datetime(2026, 10, 6, 9, tzinfo=SHANGHAI)) == "chen"
    assert roster.at(datetime(2026, 10, 12, 8, tzinfo=SHANGHAI)) == "chen"
    assert roster.answers_for("north-wall")
    assert not roster.answers_for("mill")


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("people", ["lu"], "roster.duty.layer.0.people: found unknown person 'lu', allowed: li, chen"),
        ("start", "8 o'clock", "found \"8 o\"clock\", allowed: a local time"),
        ("start", "2026-10-05T08:00+08:00", "without a zone: the roster has one"),
        ("turn", "10min", "an hour or more"),
        ("days", ["sundy"], "nearest 'sunday'"),
        ("from", "8pm", "a local time of day"),
        ("people", [], "nobody"),
    ],
)
def test_a_mistake_in_a_layer_is_named_with_its_place(place: str, value: object, said: str) -> None:
    layer = {**DOCUMENT["roster"]["duty"]["layer"][0], place: value}  # type: ignore[index]
    document = {**DOCUMENT, "roster": {"duty": {"layer": [layer]}}}
    _, mistakes = read(document)  # type: ignore[arg-type]
    assert any(said in str(mistake) for mistake in mistakes), mistakes


def test_who_cannot_be_reached_and_a_channel_that_is_not_there_are_mistakes() -> None:
    people = {"li": {"reach": {"smss": "+86"}}, "chen": {"name": "Chen"}}
    _, mistakes = read({**DOCUMENT, "person": people})  # type: ignore[arg-type]
    text = "\n".join(map(str, mistakes))
    assert "person.li.reach.smss: found unknown channel 'smss', allowed: sms, mail, nearest 'sms'" in text
    assert "person.chen.reach: found nothing" in text


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:1
DTSTART;TZID=Asia/Shanghai:20261005T200000
DTEND;TZID=Asia/Shanghai:20261006T080000
RRULE:FREQ=DAILY;COUNT=5
EXDATE;TZID=Asia/Shanghai:20261007T200000
SUMMARY:Li Wei
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;TZID=Asia/Shanghai:20261008T200000
DTEND;TZID=Asia/Shanghai:20261009T080000
SUMMARY:Somebody else
END:VEVENT
END:VCALENDAR
"""


def test_duties_come_from_a_calendar_with_its_recurrence_and_exceptions(tmp_path: Path) -> None:
    (tmp_path / "duty.ics").write_bytes(CALENDAR.replace("\n", "\r\n").encode())
    (roster,), mistakes = read({**DOCUMENT, "roster": {"duty": {"calendar": "duty.ics"}}}, tmp_path)  # type: ignore[arg-type]
    assert mistakes == []
    start, end = datetime(2026, 10, 5, tzinfo=SHANGHAI), datetime(2026, 10, 10, 12, tzinfo=SHANGHAI)
    held = [span.start.astimezone(SHANGHAI).day for span in roster.spans(start, end) if span.person == "li"]
    assert held == [5, 6, 8, 9]  # the 7th is excepted
    assert roster.layers[0].strangers(start, end) == ["Somebody else"]  # type: ignore[attr-defined]


def test_a_calendar_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    around = "BEGIN:VCALENDAR|VERSION:2.0|PRODID:x|BEGIN:VEVENT|UID:1|{}|END:VEVENT|END:VCALENDAR|"
    for number, body in enumerate(("DTEND:20261202T080000Z", "DTSTART:20261301T080000Z", "DTSTART:soon")):
        (tmp_path / f"{number}.ics").write_text(around.format(body).replace("|", "\r\n"), newline="")
    (tmp_path / "duty.ics").write_text("BEGIN:VEVENT")
    for name in ("duty.ics", "absent.ics", "0.ics", "1.ics", "2.ics"):
        _, mistakes = read({**DOCUMENT, "roster": {"duty": {"calendar": name}}}, tmp_path)  # type: ignore[arg-type]
        assert any("roster.duty.calendar" in str(mistake) for mistake in mistakes), name


def test_davylamp_itself_is_answered_for_by_who_says_so_else_by_who_answers_for_all_else_by_everyone() -> None:
    moment = local("2026-11-04T03:00").replace(tzinfo=SHANGHAI)

    def duty(name: str, *areas: str) -> Roster:
        turn = Rotation((f"{name}-person",), local("2020-01-06T08:00"), timedelta(days=7), SHANGHAI)
        return Roster(name, (turn,), frozenset(areas))

    north, mill, whole = duty("north", "north"), duty("mill", "mill"), duty("whole")
    for area in ("", "system"):
        assert called((north, mill), area, moment) == ["north-person", "mill-person"], "it concerns somebody"
        assert called((north, mill, whole), area, moment) == ["whole-person"]
        assert called((north, duty("it", "mill", "system"), whole), area, moment) == ["it-person"]
    assert called((north, duty("it", "mill", "system")), "north", moment) == ["north-person"]
