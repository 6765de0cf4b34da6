"""The report of a score and the curve of a sweep: what is drawn is what is in the data, and it needs nothing else."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.cli import main
from collector.score_curve import FIRST, LEFT, LETTER, TOP, amoc
from collector.score_events import ENOUGH, MOST_FALSE, Picture, extremes
from collector.score_picture import drawn
from collector.score_report import page
from collector.sweeping import Point
from dashboards.console.chart import COLUMNS
from simulators.score import Onset, Part, Said
from simulators.score_figures import MONTH, Rate, Spread
from simulators.truths import TimedTruth
from tests.collector import peaks

S = 10**9


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Peaks, judged with a limit of 0.9, and truths above 1.0: two false alarms."""
    (tmp_path / "site.toml").write_text(peaks.site_toml(0.9), encoding="utf-8")
    peaks.write_csv(tmp_path / "r.csv")
    (tmp_path / "t.jsonl").write_text(peaks.truth_lines(above=1.0), encoding="utf-8")
    words = ["replay", str(tmp_path / "site.toml"), str(tmp_path / "r.csv"), "--journal", str(tmp_path / "j.jsonl")]
    assert main(words) == 0
    return tmp_path


def report(here: Path, *more: str) -> str:
    words = ["score", str(here / "j.jsonl"), str(here / "t.jsonl"), "--html", str(here / "out.html")]
    assert main([*words, *more]) == 0
    return (here / "out.html").read_text(encoding="utf-8")


def pictures_in(text: str) -> list[ET.Element]:
    """Every outer svg, parsed: a broken one fails."""
    return [
        ET.fromstring(svg) for svg in re.findall(r"<svg viewBox.*?</svg>(?:(?!<svg viewBox)(?!</div>).)*</svg>", text)
    ]


def test_there_is_a_picture_of_each_truth_and_each_false_alarm(here: Path) -> None:
    text = report(here, "--site", str(here / "site.toml"), "--readings", str(here / "r.csv"))
    assert text.count('<div class="event">') == 4 + 2
    assert text.count('class="truth"') == 4, "a false alarm has no truth to show"
    assert len(pictures_in(text)) == 6
    assert "4 were found, 0 of them late; 0 were missed; at 0 the alarm stood already. 2 false alarms." in text
    assert "no readings of it" not in text
    assert "gas 0.9" in text, "the limit is named"


def test_it_needs_nothing_else(here: Path) -> None:
    text = report(here, "--site", str(here / "site.toml"), "--readings", str(here / "r.csv"))
    assert not re.search(r"https?:|<script|<link|@import|url\(|src=", text)


def test_it_is_there_without_site_and_readings_too(here: Path) -> None:
    text = report(here)
    assert text.count("no readings of it") == 6
    assert text.count('<rect class="log"') >= 6, "the alarms are drawn all the same"


def test_alarms_have_the_colour_of_their_priority_and_their_place(here: Path) -> None:
    text = report(here, "--site", str(here / "site.toml"), "--readings", str(here / "r.csv"))
    spans = [
        (float(x), float(wide))
        for x, wide in re.findall(r'<rect class="medium" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', text)
    ]
    assert len(spans) >= 6
    assert all(wide > 1.5 for _, wide in spans)


def test_names_are_escaped() -> None:
    truth = TimedTruth(sensor="<a>", start=0, expect=("<r>",), kind="<b>&")
    said = Said(truth, None, None, None, None, late=True, held=False, wrongly=0)
    onset = Onset("<r>", "<a>", "k", 1, 5, None, None)
    for one in (Picture("<a>", 0, 10, said=said), Picture("<a>", 0, 10, false=onset)):
        assert "<a>" not in drawn(one, None, "UTC", {})
    assert "<b>" not in page("<b>", [])


def test_the_line_of_detection_stands_where_it_was_said() -> None:
    truth = TimedTruth(sensor="a", start=100 * S, end=200 * S, expect=("r",), failure=400 * S)
    onset = Onset("r", "a", "k", 1, 150 * S, 1.0, 1.0)
    said = Said(truth, onset, 50 * S, None, None, late=False, held=False, wrongly=0)
    svg = ET.fromstring(drawn(Picture("a", 0, 500 * S, said=said), None, "UTC", {}))
    marks = {e.get("class"): e for e in svg}
    assert marks["said"].get("d", "").startswith(f"M{70 + 880 * 0.3}")
    assert marks["failure"].get("d", "").startswith(f"M{70 + 880 * 0.8}")
    assert marks["truth"].get("x") == f"{70 + 880 * 0.2}"
    assert marks["truth"].get("width") == f"{880 * 0.2:.1f}"


@given(st.integers(1, 5000), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_thinning_keeps_every_columns_extremes(count: int, seed: int) -> None:
    """Oracle: the extremes of each column by plain loops."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 10**6, count)).astype(np.int64)
    values = np.where(rng.random(count) < 0.1, np.nan, rng.standard_normal(count))
    kept = extremes(times, values, 0, 10**6)
    assert kept.tolist() == sorted(set(kept.tolist()))
    chosen = set(kept.tolist())
    columns: dict[int, list[int]] = {}
    for k in np.flatnonzero(np.isfinite(values)).tolist():
        columns.setdefault(int(times[k]) * COLUMNS // (10**6 + 1), []).append(k)
    for inside in columns.values():
        assert {inside[0], inside[-1]} <= chosen
        assert min(values[k] for k in inside) == min(values[k] for k in inside if k in chosen)
        assert max(values[k] for k in inside) == max(values[k] for k in inside if k in chosen)


def test_a_picture_of_a_long_time_stays_small() -> None:
    picture, peak = Picture("a", 0, 10**7), 0.0
    for first in range(0, 10**7, 10**5):
        times = np.arange(first, first + 10**5, 5, dtype=np.int64)
        values = np.sin(times / 1e5)
        values[7] = 100.0 if first == 5 * 10**6 else values[7]
        picture.add(times, values)
        peak = max(peak, len(picture.times))
    assert peak <= ENOUGH
    assert picture.values.max() == 100.0, "one reading among two million is not lost"


def point(value: str, rate: float, delay: float | None, missed: int = 0) -> Point:
    false = Rate(round(rate * 10), 10.0, rate, 0.0, 1.0)
    spread, none = Spread(delay, delay), Spread(None, None)
    return Point(value, Part("r", "k", 0, 0, 0, missed, 0, 0, spread, none, none, false, 0.0, 0))


def test_the_curve_goes_right_with_false_alarms_and_up_with_delay() -> None:
    svg = ET.fromstring(
        amoc([point("1", 0.0, None, 3), point("2", 0.1, 60.0), point("3", 1.0, 30.0), point("4", 10.0, 6.0)])
    )
    dots = [(float(e.get("cx", 0)), float(e.get("cy", 0))) for e in svg if e.tag == "circle"]
    (none, missed), *rest = dots
    assert (none, missed) == (LEFT, TOP), "none at the left edge, missed on the upper edge"
    xs, ys = zip(*rest, strict=True)
    assert xs[0] == FIRST
    assert xs[2] - xs[1] == pytest.approx(xs[1] - xs[0]), "a decade is a decade"
    assert ys[0] < ys[1] < ys[2]
    assert any(e.text == "1, 3 missed" for e in svg)


def test_names_at_the_curve_do_not_cover_each_other() -> None:
    svg = ET.fromstring(amoc([point(f"{k / 10:.1f} %vol", 20 + k / 10, 60.0) for k in range(6)]))
    texts = [e for e in svg if e.tag == "text" and "%vol" in (e.text or "")]
    boxes = [(float(e.get("x", 0)), float(e.get("y", 0)), LETTER * len(e.text or "")) for e in texts]
    for k, (x, y, _) in enumerate(boxes):
        for other_x, other_y, wide in boxes[:k]:
            assert abs(y - other_y) >= 10 or x >= other_x + wide


def test_without_any_false_alarm_there_is_a_curve_all_the_same() -> None:
    assert len([e for e in ET.fromstring(amoc([point("1", 0.0, 3.0)])) if e.tag == "circle"]) == 1
    assert Rate.of(0, MONTH).rate == 0


def test_a_sweep_writes_its_page(here: Path) -> None:
    words = [
        "score",
        "--sweep",
        "gas.limit=0.9,1.0",
        "--site",
        str(here / "site.toml"),
        "--truth",
        str(here / "t.jsonl"),
    ]
    more = ["--readings", str(here / "r.csv"), "--html", str(here / "s.html"), "--processes", "1"]
    assert main([*words, *more]) == 0
    text = (here / "s.html").read_text(encoding="utf-8")
    assert "False alarms against delay: gas.limit" in text
    assert text.count("<circle") == 2
    assert text.count("<tr>") == 3


def test_only_the_first_false_alarms_are_drawn(here: Path) -> None:
    lines = (here / "t.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (here / "t.jsonl").write_text(lines[0], encoding="utf-8")
    text = report(here)
    assert text.count('<div class="event">') == min(6, MOST_FALSE)
    assert "No truth." in text


def test_a_sites_own_history_is_drawn(here: Path) -> None:
    from collector.history import HistorySink
    from collector.judged import SeriesRow
    from tests.blocks import block

    names = {k: SeriesRow(name, name, "face", "methane", "%vol") for k, name in enumerate(peaks.HEIGHTS, start=1)}
    numbers = {row.name: k for k, row in names.items()}
    folder = here / "data"
    folder.mkdir()
    (folder / "spool.db").touch()
    sink = HistorySink(folder, lambda: names)
    sink.write([block(1, [(numbers[name], time, value, 0) for time, name, value in peaks.readings()])])
    sink.close()
    site = ["--site", str(here / "site.toml"), "--readings"]
    assert report(here, *site, str(folder)) == report(here, *site, str(here / "r.csv"))


def test_a_disk_that_is_full_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("collector.recording.np.ascontiguousarray", full)
    words = ["score", str(here / "j.jsonl"), str(here / "t.jsonl"), "--html", str(here / "out.html")]
    assert main([*words, "--readings", str(here / "r.csv")]) == 1
    assert "No space left on device; readings are kept at" in capsys.readouterr().err
