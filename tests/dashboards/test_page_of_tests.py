"""What the page says of a sensor in test or calibration, and of an alarm that a test raised."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.dashboards.sample import MINUTE, NOW, Sample, alarmed, calm
from tests.dashboards.test_page import shown


def in_test() -> Sample:
    sample = alarmed()
    sample.rows = [replace(r, test=r.subject == "ch4-2105" and r.active) for r in sample.rows]
    sample.known = [replace(s, handled="test", handled_until=NOW + 12 * MINUTE) if s.sensor == "ch4-2105" else s
                    for s in sample.known]  # fmt: skip
    return sample


@pytest.mark.parametrize(("language", "mark", "until"), [
    ("en", "TEST", "in test until 10:43"), ("zh", "测试", "测试中，至 10:43"),
])  # fmt: skip
def test_an_alarm_of_a_test_is_shown_with_its_word_and_its_sensor_says_until_when(
    language: str, mark: str, until: str
) -> None:
    html = shown(in_test(), f"/?lang={language}")
    first = html.split('id="alarms"')[1].split("</li>")[0]
    assert f'<b class="test">{mark}</b>' in first
    assert html.count('class="test"') == 1, "no other alarm is marked"
    (cell,) = [part for part in html.split("<li ")[1:] if 'class="cell' in part and ">ch4-2105<" in part]
    assert until in cell
    assert until in shown(in_test(), f"/sensor/ch4-2105?lang={language}")


def test_how_many_are_in_test_is_counted_only_while_one_is() -> None:
    said = re.sub(r"<[^>]+>", " ", shown(in_test()).split('id="strip"')[1].split("</ul>")[0])
    assert "1 in test" in " ".join(said.split())
    assert "in test" not in shown(calm())


def test_a_calibration_is_said_too() -> None:
    sample = calm()
    sample.known = [replace(s, handled="calibration", handled_until=NOW + MINUTE) for s in sample.known[:1]]
    assert "in calibration until 10:32" in shown(sample)
