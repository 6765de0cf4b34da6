import re

import numpy as np
import pytest

from dashboards.console.chart import COLUMNS, Chart, chart
from dashboards.console.figures import HOUR, MINUTE, SECOND, Local
from dashboards.console.reading import LimitLine, Line
from dashboards.console.view import Look
from tests.dashboards.sample import NOW

SINCE = NOW - HOUR
LOOK = Look(Local("Asia/Shanghai"), NOW, "en")


def drawn(times: list[int], values: list[float], **more: object) -> Chart:
    return chart(Line("s", "methane", "%vol", times, values, **more), SINCE, LOOK)  # type: ignore[arg-type]


def points(made: Chart) -> list[tuple[str, float, float]]:
    return [(c, float(x), float(y)) for c, x, y in re.findall(r"([ML])(-?[\d.]+) (-?[\d.]+)", made.path)]


def test_a_line_runs_from_left_to_right_with_high_above_low() -> None:
    (m, x0, y0), (step, x1, y1) = points(drawn([SINCE, NOW], [1.0, 2.0]))

    assert (m, step, x0, x1) == ("M", "L", 0.0, 1000.0)
    assert 0 < y1 < y0 < 1000


def test_a_missing_value_breaks_the_line() -> None:
    made = drawn([SINCE + k * MINUTE for k in range(5)], [1.0, 1.0, float("nan"), 1.0, 1.0])

    assert [c for c, _, _ in points(made)] == ["M", "L", "M", "L"]


def test_silence_breaks_the_line_after_three_intervals() -> None:
    times = [SINCE + k * MINUTE for k in (0, 1, 2, 3, 4, 7, 11, 12)]

    assert "".join(c for c, _, _ in points(drawn(times, [1.0] * 8, every=MINUTE))) == "MLLLLLML"


def test_a_series_sparser_than_its_sensor_is_still_a_line() -> None:
    times = [*range(SINCE, SINCE + 10 * MINUTE, MINUTE), SINCE + 20 * MINUTE]

    made = points(drawn(times, [1.0] * len(times), every=5 * SECOND))

    assert "".join(c for c, _, _ in made) == "MLLLLLLLLLM"


def test_a_lone_reading_is_a_dot() -> None:
    assert drawn([NOW - MINUTE], [1.0]).path.endswith("h0")


def test_thinning_keeps_every_peak_and_every_gap() -> None:
    times = np.arange(SINCE, NOW, SECOND // 10)
    values = np.sin(times / 1e11)
    values[12_345], values[23_456] = 9.0, -9.0
    values[20_000:20_040] = np.nan

    made = points(drawn(times.tolist(), values.tolist()))

    assert len(made) <= 4 * COLUMNS + 8
    heights = [y for _, _, y in made]
    assert min(heights) == pytest.approx(1000 * 0.08 / 1.16, abs=1)
    assert max(heights) == pytest.approx(1000 * 1.08 / 1.16, abs=1)
    assert [c for c, _, _ in made].count("M") == 2


def test_a_limit_is_in_the_picture_even_far_from_the_line() -> None:
    made = drawn([NOW - MINUTE, NOW], [0.1, 0.1], limits=[LimitLine("cut", "critical", 1.5)])

    (limit,) = made.limits
    assert limit.text == "cut 1.5"
    assert 0 < float(limit.at.rstrip("%")) < 15
    assert all(800 < y < 1000 for _, _, y in points(made))


def test_ticks_are_round_in_value_and_in_local_time() -> None:
    made = drawn([SINCE, NOW], [0.0, 2.0])

    assert [t.text for t in made.up] == ["0", "1", "2"]
    assert [t.text for t in made.across] == ["09:40", "09:50", "10:00", "10:10", "10:20", "10:30"]


def test_states_are_named_at_the_side() -> None:
    made = drawn([SINCE, NOW], [0.0, 1.0], states=("stopped", "running"))

    assert [t.text for t in made.up] == ["stopped", "running"]


@pytest.mark.parametrize("values", [[], [float("nan")] * 2])
def test_nothing_read_is_an_empty_chart(values: list[float]) -> None:
    made = drawn([SINCE, NOW][: len(values)], values)

    assert made.empty
    assert made.path == ""


@pytest.mark.parametrize("value", [0.0, -3.0, 1e-9, 1e12])
def test_one_constant_value_of_any_size_can_be_drawn(value: float) -> None:
    made = drawn([SINCE, NOW], [value, value])

    assert all(0 <= y <= 1000 for _, _, y in points(made))
    assert made.up
