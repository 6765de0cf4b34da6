"""Times as people write them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from collector.times import NoTime, age, duration, ending, instant, shown

SECOND = 1_000_000_000
START = 1_767_225_600 * SECOND


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30min", 1800), ("8h", 28800), ("2d", 172800), ("1.5 h", 5400), ("250ms", 0.25)]
)
def test_a_duration(text: str, seconds: float) -> None:
    assert duration(text) == seconds * SECOND


@pytest.mark.parametrize("text", ["", "30", "h", "30 minutes", "-5s", "1h30min"])
def test_what_is_no_duration_is_told_what_is(text: str) -> None:
    with pytest.raises(NoTime, match="30min"):
        duration(text)


@pytest.mark.parametrize("text", ["2026-01-01T08:00:00+08:00", "2026-01-01T00:00Z", str(START)])
def test_an_instant(text: str) -> None:
    assert instant(text) == START


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(NoTime, match="has no zone"):
        instant("2026-01-01T08:00:00")


def test_an_end_is_a_duration_from_now_or_an_instant() -> None:
    assert ending("30min", START) == START + 1800 * SECOND
    assert ending("2026-01-01T00:00:00Z", 5) == START


def test_people_see_local_time_with_its_offset() -> None:
    assert shown(START, ZoneInfo("Asia/Shanghai")) == "2026-01-01 08:00:00+08"
    assert shown(None) == shown(0) == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_an_age(seconds: int, text: str) -> None:
    assert age(seconds * SECOND) == text
