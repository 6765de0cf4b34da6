from dataclasses import replace

from dashboards.console.order import annunciated, areas, hidden_counts, stale, unwatched, worst
from dashboards.console.reading import AlarmRow, SensorRow
from tests.dashboards.sample import MINUTE, NOW, alarmed, calm


def row(rule: str, priority: str, since: int, *, acked: bool = False, **more: object) -> AlarmRow:
    made = AlarmRow(rule, "s", "a", "signal.limit", priority, active=True, acked=acked, since=since)  # type: ignore[arg-type]
    return replace(made, **more)  # type: ignore[arg-type]


def test_unacknowledged_come_first_then_priority_then_the_oldest() -> None:
    rows = [
        row("e", "critical", 1, acked=True),
        row("d", "low", 1),
        row("b", "high", 20),
        row("c", "high", 30),
        row("a", "critical", 40),
        row("f", "high", 2, acked=True),
    ]

    assert [r.rule for r in annunciated(rows)] == ["a", "b", "c", "d", "e", "f"]


def test_what_is_hidden_over_or_only_logged_is_not_annunciated() -> None:
    rows = [
        row("shelved", "high", 1, hidden=frozenset({"shelved"})),
        row("logged", "log", 1),
        row("over", "high", 1, active=False, acked=True),
        row("latched", "high", 1, active=False, acked=True, latched=True),
        row("returned", "high", 2, active=False),
    ]

    assert [r.rule for r in annunciated(rows)] == ["returned", "latched"]


def test_an_alarm_hidden_twice_counts_twice() -> None:
    rows = [row("a", "low", 1, hidden=frozenset({"shelved", "suppressed"})), row("b", "low", 1)]

    assert hidden_counts(rows) == {"shelved": 1, "suppressed": 1, "out_of_service": 0}


def test_what_is_out_of_service_is_not_also_listed_as_unwatched() -> None:
    out = row("out", "low", 1, watching=False, hidden=frozenset({"out_of_service"}))

    assert [r.rule for r in unwatched([out, row("blind", "low", 1, watching=False)])] == ["blind"]


def test_a_value_is_old_after_three_intervals_and_not_before() -> None:
    sensor = SensorRow("s", "a", "methane", "%vol", 1.0, time=NOW, every=MINUTE)

    assert not stale(sensor, NOW + 3 * MINUTE)
    assert stale(sensor, NOW + 3 * MINUTE + 1)
    assert not stale(replace(sensor, every=None), NOW + 300 * MINUTE)
    assert not stale(replace(sensor, time=None), NOW)


def test_every_sensor_and_every_group_has_a_place_and_its_rules() -> None:
    sample = calm()

    found = {p.id: p for area in areas(sample.known, sample.rows) for p in area.places}

    assert set(found) == {s.sensor for s in sample.known} | {"north-wall"}
    assert {r.rule for r in found["prism-19"].rules} == {"silent", "wall-moving", "wall-confirmed"}
    assert found["wind-1"].rules == ()
    assert found["north-wall"].sensor is None


def test_the_mark_of_a_sensor_is_its_highest_priority() -> None:
    acked, new = row("a", "critical", 1, acked=True), row("b", "high", 1)

    assert worst([new, acked]) is acked
    assert worst(calm().rows) is None
    assert worst(alarmed().rows) is not None
