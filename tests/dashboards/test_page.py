import re
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards import console as templates
from dashboards.console.acting import Answer, Person, Reply
from dashboards.console.page import page
from dashboards.console.reading import AlarmRow, Unreadable
from dashboards.console.shield import HEADERS
from tests.dashboards.asking_http import SELF, ask, form_token, send
from tests.dashboards.people import Logins
from tests.dashboards.sample import METHANE, MINUTE, NOW, SECOND, Sample, alarmed, behind, calm

EVIL = "<img src=x onerror=alert(1)>\"'&"
ACK = {"kind": "acknowledge", "rule": "face-methane.cut", "subject": "ch4-2105", "occurrence": 3, "by": "Li Wei"}


def shown(sample: Sample, path: str = "/") -> str:
    reply = ask(page(sample, sample), path)
    assert reply.status_code == 200, reply.text
    return reply.text


def test_the_first_words_are_how_much_is_watched() -> None:
    body = re.sub(r"<[^>]+>", " ", shown(calm()).split("</svg>", 1)[1])

    assert body.split()[:4] == ["watching", "50", "of", "52"]


def test_alarms_stand_in_their_order_with_all_that_an_operator_needs() -> None:
    html = shown(alarmed())

    listed = html.split('id="alarms"')[1].split("</ol>")[0]
    subjects = re.findall(r'class="where"><a [^>]+>([^<]+)', listed)
    assert subjects == ["ch4-2105", "fan-2105", "dust-belt-3", "co-2105", "prism-17"]
    first = listed.split("</li>")[0]
    for needed in (
        "face-2105", "1.52", "%vol", "limit 1.5 %vol", "2 min", "since 10:28:53", "at or above the limit",
        "Confirm power cut", "Ignition at the face", "respond by 10:33:53", "face-methane.cut", "AQ 1029-2019",
        "critical", "Acknowledge", "Accept", "Comment",
    ):  # fmt: skip
        assert needed in first, needed
    assert "Shelve" not in first


def test_only_what_is_unacknowledged_blinks_and_only_at_its_symbol() -> None:
    html = shown(alarmed())

    assert set(re.findall(r'<(\w+) class="[^"]*blinks', html)) == {"svg"}
    prism = html.split('class="where"><a href="/sensor/prism-17')[0].rsplit("<li", 1)[1]
    assert "blinks" not in prism


def test_a_fault_is_hatched_in_the_shape_of_its_priority() -> None:
    assert '<use href="#medium-fault"/>' in shown(alarmed())


def test_hidden_counts_are_there_even_when_nothing_is_hidden() -> None:
    sample = calm()
    sample.rows = [replace(r, hidden=frozenset()) for r in sample.rows]

    html = shown(sample)

    for word in ("shelved", "suppressed", "out of service"):
        assert f"<b>0</b> {word}" in html


def test_an_old_value_shows_its_age_instead() -> None:
    cells = shown(alarmed()).split('class="cell')
    cell = next(c for c in cells if 'href="/sensor/dust-belt-3' in c)

    assert "15 min old" in cell
    assert "1.80" not in cell


def test_the_alarm_of_a_silent_sensor_shows_the_age_of_its_last_value() -> None:
    alarm = shown(alarmed()).split("#medium-fault")[1].split("</li>")[0]

    assert "15 min old" in alarm
    assert "nothing heard for 90 s" in alarm


def test_beside_an_alarm_of_a_reading_stands_the_newest_one() -> None:
    sample = alarmed()
    sample.known = [replace(s, value=1.83) if s.sensor == "ch4-2105" else s for s in sample.known]

    listed = shown(sample).split('id="alarms"')[1].split("</ol>")[0]

    assert ">1.83</span>" in listed.split("</li>")[0]
    assert ">14.20</span>" in listed, "a velocity is not its prism's displacement"


def test_a_sensor_without_a_rule_is_not_watched() -> None:
    html = shown(calm())

    assert re.search(r'class="cell unwatched"><a href="/sensor/wind-1[^§]*?no rule', html)
    assert "<b>1</b> without a rule" in html


def test_an_alarm_of_no_area_is_one_of_the_whole_site() -> None:
    sample = calm()
    sample.rows.append(AlarmRow("broken", "wall-moving", "", "", "critical", active=True, acked=False, since=NOW))

    html = shown(sample)

    assert '<span class="area">whole site</span>' in html
    assert re.search(r"<h3 [^>]+>whole site ", html)


def test_an_alarm_whose_rule_was_removed_waits_for_a_reset() -> None:
    sample = calm()
    sample.rows.append(replace(METHANE, rule="gone", removed=True))

    alarm = shown(sample).split('id="alarms"')[1].split("</li>")[0]

    assert "rule removed, a reset is owed" in alarm
    assert 'data-kind="reset"' in alarm


@pytest.mark.parametrize(("rule", "able"), [("channel-failing", True), ("broken", False)])
def test_what_a_role_reports_can_be_reset_while_it_is_active(rule: str, able: bool) -> None:
    sample = calm()
    sample.rows.append(AlarmRow(rule, "sms", "", rule, "high", active=True, acked=False, since=NOW))

    alarm = shown(sample).split('id="alarms"')[1].split("</li>")[0]

    assert ('data-kind="reset"' in alarm) is able


def test_simulated_data_is_marked_and_real_data_is_not() -> None:
    sample = calm()
    assert "SIMULATION" in shown(sample)
    sample.simulated = False
    assert "SIMULATION" not in shown(sample)


def test_judging_five_seconds_behind_is_not_live() -> None:
    sample = calm()
    sample.behind = 5 * SECOND - 1
    assert "NOT LIVE SINCE" not in shown(sample).split("<main")[0].split("<header")[1]
    sample.behind = 5 * SECOND
    assert "NOT LIVE SINCE 10:31:07 +08:00 · judging is 5 s behind" in shown(sample)
    assert '<main class="dead">' in shown(behind())


def test_not_live_says_what_to_do_and_never_that_no_alarm_stands() -> None:
    said = shown(behind())
    assert "behind · watch the site by other means</span>" in said
    assert '<span class="then">No alarm stood when this was last live.</span>' in said
    css = (Path(templates.__file__).parent / "static" / "page.css").read_text()
    assert ".then, main.dead .now { display: none; }" in css
    assert "main.dead .then { display: inline; }" in css


def test_a_button_is_named_with_the_alarm_that_it_is_about() -> None:
    said = shown(alarmed())
    names = re.findall(r'role="button"[^>]*aria-label="([^"]*)">([^<]*)<', said)
    assert ("Acknowledge, ch4-2105 face-methane.cut", "Acknowledge") in names
    assert all(name.startswith(f"{text}, ") for name, text in names)
    assert len({name for name, _ in names}) == len(names)


def test_the_page_speaks_chinese_when_asked() -> None:
    html = shown(alarmed(), "/?lang=zh")

    for word in ("正在监视", "达到或高于限值 1.5 %vol", "紧急", "确认", "仿真数据", "无任何数据"):
        assert word in html
    assert "watching" not in re.sub(r"<[^>]+>", "", html)


def test_the_browsers_language_is_taken_without_being_asked() -> None:
    sample = calm()
    assert "正在监视" in ask(page(sample, sample), "/", headers={"Accept-Language": "zh-CN,en;q=0.5"}).text


@pytest.mark.parametrize("path", ["/", "/sensor/ch4-2105", "/?lang=zh", "/act?kind=comment&rule=r&subject=ch4-2105"])
def test_whatever_people_and_devices_write_is_only_text(path: str) -> None:
    sample = alarmed()
    evil = AlarmRow(
        "r", "ch4-2105", EVIL, "signal.limit", "high", active=True, acked=False, unit=EVIL, value=1.0, limit=1.0,
        why_key=EVIL, why_numbers={EVIL: EVIL}, guidance=EVIL, consequence=EVIL, citation=EVIL, note=EVIL,
        accepted_by=EVIL, since=NOW,
    )  # fmt: skip
    sample.rows = [*sample.rows, evil, replace(evil, rule=EVIL, subject=EVIL)]
    sample.known = [replace(sample.known[0], area=EVIL, quantity=EVIL, unit=EVIL), *sample.known[1:]]

    html = shown(sample, path)

    assert "<img" not in html
    assert "&lt;img" in html or path.startswith("/act")


def test_an_id_of_any_letters_has_its_page() -> None:
    sample = alarmed()
    sample.rows.append(replace(METHANE, subject="a/b c?d#e&f"))

    found = re.search(r'href="(/sensor/a%2F[^"]+)"', shown(sample))

    assert found is not None
    assert "a/b c?d#e&amp;f" in shown(sample, found[1].replace("&amp;", "&"))


def test_a_sensor_s_page_has_its_line_its_limits_and_its_rules() -> None:
    html = shown(alarmed(), "/sensor/ch4-2105")

    assert "face-methane.cut 1.5" in html
    assert html.count('<path class="line" d="M') == 1
    for rule in ("silent", "face-methane.cut"):
        assert f"<b>{rule}</b>" in html


def test_a_group_has_a_page_without_a_value() -> None:
    html = shown(alarmed(), "/sensor/north-wall")

    assert "wall-confirmed" in html
    assert 'class="now"' not in html


def test_an_unknown_sensor_and_an_unknown_page_are_said_to_be_so() -> None:
    sample = calm()
    reply = ask(page(sample, sample), "/sensor/nobody")
    assert (reply.status_code, "There is no sensor of this name." in reply.text) == (404, True)
    reply = ask(page(sample, sample), "/nowhere")
    assert (reply.status_code, "There is no such page." in reply.text) == (404, True)


def test_programs_get_the_same_with_a_version() -> None:
    sample = alarmed()
    app = page(sample, sample)

    alarms = ask(app, "/api/alarms").json()
    sensors = ask(app, "/api/sensors").json()
    status = ask(app, "/api/status").json()

    assert {alarms["version"], sensors["version"], status["version"]} == {1}
    assert [a["subject"] for a in alarms["alarms"]][:2] == ["ch4-2105", "fan-2105"]
    assert alarms["alarms"][0]["why"] == {
        "key": "signal.limit.above", "numbers": {}, "words": "at or above the limit of 1.5 %vol",
    }  # fmt: skip
    assert alarms["alarms"][-1]["hidden"] == ["shelved"]
    assert len(ask(app, "/api/alarms?all").json()["alarms"]) == len(sample.rows)
    assert [s["stale"] for s in sensors["sensors"] if s["sensor"] == "dust-belt-3"] == [True]
    assert status["watching"] == {"watching": 53, "of": 55}
    assert status["live"] is True
    assert status["ledger"]["dead bad unit"] >= 3


def test_no_number_is_null_for_programs() -> None:
    sample = calm()
    sample.known = [replace(s, value=float("nan")) for s in sample.known]

    assert ask(page(sample, sample), "/api/sensors").json()["sensors"][0]["value"] is None


def test_however_many_look_the_world_is_read_once_a_second() -> None:
    sample = calm()
    app = page(sample, sample)

    for _ in range(5):
        ask(app, "/")
        ask(app, "/?lang=zh")

    assert sample.reads <= 2


def test_an_action_is_handed_on_as_it_was_shown() -> None:
    sample = alarmed()

    reply = send(page(sample, sample), **ACK, note=" seen ")

    assert (reply.status_code, reply.json()["taken"], reply.json()["version"]) == (200, True, 1)
    asked = sample.asked[0]
    assert (asked.kind, asked.rule, asked.subject, asked.occurrence) == (
        "acknowledge", "face-methane.cut", "ch4-2105", 3,
    )  # fmt: skip
    assert (asked.by, asked.access, asked.note, asked.until) == ("Li Wei", "typed", "seen", None)


def test_a_shelf_ends_at_the_time_that_was_chosen() -> None:
    sample = alarmed()
    sample.behind = 2 * SECOND

    send(page(sample, sample), **{**ACK, "kind": "shelve", "rule": "fan-stopped", "subject": "fan-2105", "minutes": 30})

    assert sample.asked[0].until == NOW + 2 * SECOND + 30 * MINUTE


def test_a_refusal_is_told_with_its_reason() -> None:
    sample = alarmed()
    sample.reply = Answer(Reply.REFUSED, "judge.refused.never_shelved", {"asked": "shelve"})

    reply = send(page(sample, sample), **{**ACK, "kind": "shelve"})

    assert reply.status_code == 409
    assert reply.json()["words"] == "Refused: an alarm of this priority is never shelved"
    assert reply.json()["taken"] is False


def test_no_answer_is_not_called_taken() -> None:
    sample = alarmed()
    sample.reply = Answer(Reply.UNANSWERED)

    reply = send(page(sample, sample), **ACK)

    assert (reply.status_code, reply.json()["taken"], reply.json()["reply"]) == (202, False, "unanswered")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_another_site_s_page_cannot_act(headers: dict[str, str]) -> None:
    sample = alarmed()

    reply = send(page(sample, sample), headers, **ACK)

    assert reply.status_code == 403
    assert sample.asked == []


def test_a_browser_that_only_says_same_origin_may_act() -> None:
    sample = alarmed()

    assert send(page(sample, sample), {"Sec-Fetch-Site": "same-origin"}, **ACK).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "explode"}, {"occurrence": "-1"}, {"occurrence": "²"}, {"rule": ""}, {"minutes": "1e9"}],
    ids=str,
)
def test_a_form_that_is_not_the_page_s_is_refused(wrong: dict[str, str]) -> None:
    sample = alarmed()

    assert send(page(sample, sample), **{**ACK, **wrong}).status_code == 400
    assert sample.asked == []


def test_a_body_that_is_too_long_is_refused() -> None:
    sample = alarmed()

    assert send(page(sample, sample), **ACK, note="x" * 20_000).status_code == 413


def test_without_scripts_the_answer_is_a_page() -> None:
    sample = alarmed()

    app = page(sample, sample)
    reply = ask(app, "/act", "POST", data={**ACK, "csrf": form_token(app)}, headers=SELF)

    assert "Taken: Acknowledge face-methane.cut/ch4-2105" in reply.text


def test_the_form_names_the_alarm_and_the_occurrence_that_was_seen() -> None:
    html = shown(alarmed(), "/act?kind=shelve&rule=fan-stopped&subject=fan-2105&occurrence=1&bare=1")

    assert 'name="occurrence" value="1"' in html
    assert "<option" in html
    assert "480" not in html
    assert 'name="note" rows="2" maxlength="1000" required' in html
    assert "<header" not in html


@pytest.mark.parametrize(
    ("access", "kind", "status"),
    [
        ("viewer", "acknowledge", 403), ("operator", "acknowledge", 200), ("operator", "reset", 403),
        ("operator", "out_of_service", 403), ("engineer", "reset", 200),
    ],
)  # fmt: skip
def test_who_may_do_what_goes_by_the_login(access: str, kind: str, status: int) -> None:
    sample = alarmed()
    person = Person("Zhang", access)  # type: ignore[arg-type]
    app = page(sample, sample, entering=Logins(person))

    assert send(app, **{**ACK, "kind": kind, "by": "somebody else"}).status_code == status
    assert [(a.by, a.access) for a in sample.asked] == [("Zhang", access)] * (status == 200)
    assert ask(app, "/act?kind=reset&rule=fan-stopped&subject=fan-2105").status_code == (
        200 if access == "engineer" else 403
    )


def test_a_viewer_sees_no_buttons() -> None:
    sample = alarmed()
    app = page(sample, sample, entering=Logins(Person("guest", "viewer")))

    assert 'role="button"' not in ask(app, "/").text


@pytest.mark.parametrize("path", ["/", "/sensor/ch4-2105", "/api/alarms", "/api/sensors", "/api/status", "/api/events"])
def test_without_a_login_nothing_is_shown(path: str) -> None:
    sample = alarmed()

    reply = ask(page(sample, sample, entering=Logins(None)), path)

    assert reply.status_code == 401
    for inside in ("face-2105", "methane", "1.52", "north-pit"):
        assert inside not in reply.text


def test_whoever_watches_over_the_page_needs_no_login_and_learns_only_whether_it_is_live() -> None:
    sample = alarmed()
    app = page(sample, sample, entering=Logins(None))
    assert ask(app, "/api/alive").json() == {"version": 1, "live": True}
    late = behind()
    assert ask(page(late, late), "/api/alive").json()["live"] is False
    late.error = "gone"
    assert ask(page(late, late), "/api/alive").status_code == 503


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/static/page.css", "/api/alarms", "/nowhere"])
def test_every_answer_carries_the_security_headers(path: str) -> None:
    sample = calm()

    reply = ask(page(sample, sample), path)

    for name, value in HEADERS.items():
        assert reply.headers[name] == value


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    for path in ("/", "/sensor/ch4-2105", "/act?kind=comment&rule=fan-stopped&subject=fan-2105"):
        html = shown(alarmed(), path)
        assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=|https?://", html), path


def test_a_foreign_host_name_is_not_answered() -> None:
    sample = calm()

    reply = ask(page(sample, sample), "/", headers={"Host": "rebound.example"})

    assert reply.status_code == 421
    assert "watching" not in reply.text
    named = page(sample, sample, hosts=["rebound.example"])
    assert ask(named, "/", headers={"Host": "rebound.example:8080"}).is_success


def test_what_cannot_be_read_is_said() -> None:
    sample = calm()
    sample.error = "judged.db is not there yet"
    app = page(sample, sample)

    reply = ask(app, "/")

    assert reply.status_code == 503
    assert "judged.db is not there yet" in reply.text
    with pytest.raises(Unreadable):
        sample.status()


def test_a_state_is_shown_by_its_name_and_a_count_by_its_number() -> None:
    from dashboards.console.view import _figure

    assert _figure(1.0, "1", ("stopped", "running"), "en").text == "running"
    assert _figure(2.0, "1", (), "en").text == "2"
