"""Hazards on the page: what is listed, how overdue is said, which forms there are, and what the link shows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dashboards.console.acting import Invitation, Person
from dashboards.console.page import page
from dashboards.console.reading import HazardRow
from tests.dashboards.asking_http import SELF, ask, send
from tests.dashboards.people import Logins
from tests.dashboards.sample import HOUR, LEFT, MINUTE, NOW, SECOND, Sample, alarmed, calm

EVIL = "<img src=x onerror=alert(1)>\"'&"
FAN = {"rule": "fan-stopped", "subject": "fan-2105", "occurrence": 1, "by": "Li Wei"}


def listed(sample: Sample, path: str = "/") -> list[str]:
    html = ask(page(sample, sample), path).text.split('id="hazards"')[1].split("</ul>")[0]
    return html.split("<li ")[1:]


def test_the_first_due_stands_first_and_each_says_who_has_it_and_until_when() -> None:
    fan, methane, wall = listed(alarmed())
    words = ("fan-2105", "face-2105", "Wang Fang", "4 alarms", "bearing exchanged", "8 h ago", "fan-stopped/fan-2105#1")
    for needed in words:
        assert needed in fan, needed
    for needed in ("ch4-2105", "critical", "nobody has it", "in 8 h", "1 alarm since"):
        assert needed in methane, needed
    assert "Li Wei" in wall
    assert "in 2 d" in wall


def test_overdue_is_said_by_a_word_and_a_shape_and_by_no_alarm_hue() -> None:
    fan, methane, _ = listed(alarmed())
    assert re.search(r'<svg class="late"[^>]*><use href="#overdue"/></svg><b class="word">overdue</b>', fan)
    assert 'class="hazard overdue"' in fan
    assert "overdue" not in methane
    sample = alarmed()
    symbols = ask(page(sample, sample), "/").text
    shape = symbols.split('<symbol id="overdue"')[1].split("</symbol>")[0]
    assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', shape)) <= {"none", "currentColor"}


def test_the_strip_counts_them_even_when_there_is_none() -> None:
    sample = alarmed()
    html = ask(page(sample, sample), "/").text
    assert "<b>3</b> open hazards" in html
    assert "<b>1</b> overdue" in html
    quiet = calm()
    html = ask(page(quiet, quiet), "/").text
    assert "<b>0</b> open hazards" in html
    assert '<ul id="hazards" class="hazards"></ul>' in html


def test_a_hazard_becomes_overdue_as_time_goes_on() -> None:
    sample = alarmed()
    sample.left = [replace(LEFT[0], due=NOW)]
    assert "overdue" not in listed(sample)[0]
    sample.now = NOW + 1
    assert "overdue" in listed(sample)[0]


def test_in_chinese() -> None:
    fan, methane, _ = listed(alarmed(), "/?lang=zh")
    for needed in ("逾期", "责任人: <b>Wang Fang</b>", "4 次报警", "闭环", "指派", "已过 8 小时"):
        assert needed in fan, needed
    assert "无责任人" in methane


@pytest.mark.parametrize(
    ("access", "kinds"),
    [
        ("viewer", []),
        ("operator", ["assign", "did"]),
        ("engineer", ["assign", "did", "close"]),
        ("typed", ["assign", "did", "close"]),
    ],
)
def test_an_operator_assigns_and_an_engineer_closes(access: str, kinds: list[str]) -> None:
    sample = alarmed()
    person = Person("Zhang", access) if access != "typed" else None  # type: ignore[arg-type]
    app = page(sample, sample, entering=Logins(person) if person else None)
    html = ask(app, "/").text.split('id="hazards"')[1].split("</ul>")[0].split("</li>")[0]
    assert re.findall(r'data-kind="(\w+)"', html) == kinds
    reply = send(app, **FAN, kind="close", note="gone")
    assert reply.status_code == (200 if "close" in kinds else 403)
    assert len(sample.asked) == ("close" in kinds)


def test_the_form_to_assign_offers_who_has_it_and_to_leave_the_due_time() -> None:
    sample = alarmed()
    html = ask(page(sample, sample), "/act?kind=assign&rule=fan-stopped&subject=fan-2105&occurrence=1&bare=1").text
    assert 'name="owner" required maxlength="80" value="Wang Fang"' in html
    assert re.findall(r'<option value="(\d*)"', html) == ["", "480", "1440", "4320", "10080"]
    assert "as it is: " in html
    assert "required></textarea>" not in html


@pytest.mark.parametrize("kind", ["did", "close"])
def test_the_forms_of_what_was_done_and_of_closing_need_a_note(kind: str) -> None:
    sample = alarmed()
    html = ask(page(sample, sample), f"/act?kind={kind}&rule=fan-stopped&subject=fan-2105&occurrence=1").text
    assert 'maxlength="1000" required' in html
    assert 'name="owner"' not in html


def test_a_form_for_what_is_closed_meanwhile_is_refused() -> None:
    sample = calm()
    assert ask(page(sample, sample), "/act?kind=did&rule=fan-stopped&subject=fan-2105").status_code == 400


def test_an_assignment_is_handed_on_with_owner_and_due_time() -> None:
    sample = alarmed()
    reply = send(page(sample, sample), **FAN, kind="assign", owner=" Chen ", minutes=480)
    assert reply.json()["words"] == "Taken: Assign fan-stopped/fan-2105"
    send(page(sample, sample), **FAN, kind="assign", owner="Chen", minutes="")
    first, second = sample.asked
    assert (first.kind, first.owner, first.occurrence) == ("assign", "Chen", 1)
    assert first.until == NOW + sample.behind + 480 * MINUTE
    assert second.until is None


def test_programs_get_them_with_a_version() -> None:
    sample = alarmed()
    found = ask(page(sample, sample), "/api/hazards").json()
    assert found["version"] == 1
    assert [(one["name"], one["overdue"], one["owner"]) for one in found["hazards"]] == [
        ("fan-stopped/fan-2105#1", True, "Wang Fang"),
        ("face-methane.cut/ch4-2105#3", False, ""),
        ("wall-moving/prism-17#2", False, "Li Wei"),
    ]


def test_what_people_wrote_is_only_text() -> None:
    sample = alarmed()
    sample.left = [replace(LEFT[0], rule=EVIL, subject=EVIL, area=EVIL, owner=EVIL, done=EVIL)]
    html = ask(page(sample, sample), "/").text
    assert "<img" not in html
    assert "&lt;img" in listed(sample)[0]


def test_more_than_can_be_listed_are_counted() -> None:
    sample = calm()
    sample.left = [replace(LEFT[0], occurrence=k, due=NOW + k * HOUR) for k in range(1, 260)]
    items = listed(sample)
    assert len(items) == 201
    assert "and 59 more" in items[-1]


class Links:
    def read(self, token: str) -> Invitation:
        return Invitation("li", ("hazard:fan-stopped/fan-2105#1",), "m4")


def test_the_page_behind_a_link_shows_the_hazard_and_the_button_takes_it() -> None:
    sample = alarmed()
    app = page(sample, sample, inviting=Links())
    html = ask(app, "/accept/good", headers=SELF).text
    for needed in ("fan-stopped/fan-2105#1", "hazard: overdue, due", "(8 h ago)", "Who has it: Wang Fang", "bearing"):
        assert needed in html, needed
    assert sample.asked == []
    ask(app, "/accept/good", "POST", headers=SELF)
    (asked,) = sample.asked
    assert (asked.kind, asked.rule, asked.subject, asked.occurrence) == ("accept", "hazard:fan-stopped", "fan-2105", 1)
    sample = calm()
    assert "closed, or no longer kept" in ask(page(sample, sample, inviting=Links()), "/accept/good", headers=SELF).text


def test_how_long_is_left_travels_as_a_text_and_draws_nothing_anew() -> None:
    from jinja2 import Environment, FileSystemLoader

    from dashboards.console.board import Watch
    from dashboards.console.page import HERE

    sample = alarmed()
    sample.left = [HazardRow("r", "ch4-2105", 1, "a", "high", NOW - HOUR, NOW + 90 * SECOND)]
    macros = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True).get_template("parts.html").module
    before = Watch(sample, macros).board("en", "typed")
    sample.now += 3 * SECOND
    after = Watch(sample, macros).board("en", "typed")
    (name,) = before.lists["hazards"]
    assert before.pieces[name].key == after.pieces[name].key
    assert (before.texts["g" + name], after.texts["g" + name]) == ("in 90 s", "in 87 s")
