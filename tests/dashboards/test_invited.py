"""The page behind a link in a message."""

from __future__ import annotations

from dashboards.console.acting import Answer, BadLink, Invitation, Reply
from dashboards.console.page import page
from tests.dashboards.asking_http import SELF, ask
from tests.dashboards.sample import Sample, alarmed

NAMES = ("face-methane.cut/ch4-2105#3", "fan-stopped/fan-2105#1")


class Links:
    def read(self, token: str) -> Invitation:
        if token != "good":
            raise BadLink("this link was not made here")
        return Invitation("li", NAMES, "m4-_rk")


def asked(sample: Sample, method: str = "GET", token: str = "good", headers: dict[str, str] | None = None):  # type: ignore[no-untyped-def]
    headers = SELF if headers is None else headers
    return ask(page(sample, sample, inviting=Links()), f"/accept/{token}", method, headers=headers)


def test_looking_shows_what_stands_and_accepts_nothing() -> None:
    sample = alarmed()
    reply = asked(sample)
    assert reply.status_code == 200
    words = ("1.52 %vol", "limit 1.5 %vol", "Confirm power cut", "<b>li</b>", "critical, active", "stopped")
    for needed in (*NAMES, *words):
        assert needed in reply.text, needed
    assert sample.asked == []


def test_pressing_accepts_each_occurrence_once_under_the_links_own_id() -> None:
    sample = alarmed()
    assert asked(sample, "POST").status_code == 200
    asked(sample, "POST")
    assert [(one.kind, one.rule, one.subject, one.occurrence, one.by, one.access) for one in sample.asked[:2]] == [
        ("accept", "face-methane.cut", "ch4-2105", 3, "li", "link"),
        ("accept", "fan-stopped", "fan-2105", 1, "li", "link"),
    ]
    assert [one.id for one in sample.asked] == ["link-m4-_rk-0", "link-m4-_rk-1"] * 2


def test_a_refusal_is_told_for_each_occurrence() -> None:
    sample = alarmed()
    sample.reply = Answer(Reply.REFUSED, "judge.refused.other_occurrence")
    reply = asked(sample, "POST")
    assert reply.status_code == 409
    assert all(name in reply.text for name in NAMES)


def test_an_occurrence_that_is_over_is_said_to_be() -> None:
    sample = alarmed()
    sample.rows = [row for row in sample.rows if row.rule != "fan-stopped"]
    assert "over, or come again since" in asked(sample).text


def test_a_bad_link_and_another_sites_button_are_refused() -> None:
    sample = alarmed()
    assert "this link was not made here" in asked(sample, token="bad").text
    assert asked(sample, "POST", token="bad").status_code == 403
    assert asked(sample, "POST", headers={"Origin": "https://evil.example"}).status_code == 403
    assert sample.asked == []


def test_without_links_there_is_no_such_page() -> None:
    sample = alarmed()
    assert ask(page(sample, sample), "/accept/good").status_code == 404
