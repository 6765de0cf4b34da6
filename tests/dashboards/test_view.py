"""How a sensor's newest value stands in its cell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboards.console.figures import MINUTE, SECOND, Lang, Local
from dashboards.console.labels import QUANTITIES, quantity_word
from dashboards.console.reading import AlarmRow, SensorRow
from dashboards.console.view import Figure, Look, alarm_view, sensor_figure
from tests.dashboards.sample import METHANE

NOW = 1_796_084_828 * SECOND
LOOK = Look(Local("Asia/Shanghai"), NOW, "zh")


def test_the_canary_is_a_moment_and_not_a_span_since_1970() -> None:
    canary = SensorRow("davylamp.canary", "system", "canary", "s", NOW / SECOND, time=NOW, every=300 * SECOND)
    assert sensor_figure(canary, LOOK) == Figure(LOOK.moment(NOW))


def test_seconds_of_any_other_quantity_are_a_span() -> None:
    lag = SensorRow("davylamp.lag-judge", "system", "lag", "s", 180.0, time=NOW, every=5 * SECOND)
    assert sensor_figure(lag, LOOK) == Figure("3 分钟")


@pytest.mark.parametrize(("lang", "word"), [("en", "clock offset"), ("zh", "时钟偏差")])
def test_the_systems_own_quantities_have_words(lang: Lang, word: str) -> None:
    assert quantity_word("clock-offset", lang) == word


def test_every_quantity_of_the_own_sensors_has_a_chinese_word() -> None:
    own = {"lag", "disk-free", "state", "memory", "rate", "clock-offset", "channels", "queue", "canary", "round-trip"}
    assert own - set(QUANTITIES) == set()


@pytest.mark.parametrize(
    ("value", "unit", "late", "limit"),
    [
        (500.0, "s", 0, "8 分钟"),  # its own value beside its own limit
        (None, "s", 0, ""),  # the reading in mm stands there: no limit in minutes beside it
        (None, "mm", 0, "480 mm"),
        (None, "s", 60, "8 分钟"),  # only an age stands there
    ],
)
def test_a_limit_does_not_stand_beside_a_reading_of_another_unit(
    value: float | None, unit: str, late: int, limit: str
) -> None:
    radar = SensorRow("radar-2", "wall", "displacement", "mm", 244.7, time=NOW - late * SECOND, every=2 * SECOND)
    row = AlarmRow("fall", "radar-2", "wall", "slope.inverse_velocity", "high", value=value, limit=480.0, unit=unit)
    assert alarm_view(row, radar, LOOK).limit == limit


@pytest.mark.parametrize(
    ("active", "ago", "said"),
    [(True, 4, "10:32:07"), (True, 6, "10:30:07, passed"), (False, 6, "10:30:07"), (True, 5, "10:31:07, passed")],
)
def test_a_time_to_respond_that_has_passed_is_said_while_the_alarm_lasts(active: bool, ago: int, said: str) -> None:
    now = 1_795_487_467 * SECOND  # 10:31:07
    look = Look(Local("Asia/Shanghai"), now, "en")
    row = replace(METHANE, since=now - ago * MINUTE, respond_within=5 * MINUTE, active=active)
    assert alarm_view(row, None, look).respond_by == said
    assert alarm_view(replace(row, acked=True), None, look).respond_by == ""
