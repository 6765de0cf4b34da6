"""`davylamp backtest`: what is gained, lost, earlier and later, by arithmetic; a log's revisions and actions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.backtesting import NEAR, Occurrence, backtest, differences, occurrences
from collector.cli import main
from collector.config import load
from collector.message import ACTION, Message
from collector.recording import Recording, opened, take
from collector.spool import Spool
from collector.verb import WrongUse
from detectors.detector import Why
from detectors.records import Change
from simulators.replay import read_csv
from tests import small_log
from tests.collector import peaks

S = 10**9


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Two site files, limits 1.0 and 0.9, and the peaks."""
    for name, limit in (("site.toml", 1.0), ("lower.toml", 0.9)):
        (tmp_path / name).write_text(peaks.site_toml(limit), encoding="utf-8")
    peaks.write_csv(tmp_path / "r.csv")
    return tmp_path


def run(here: Path, *words: str) -> int:
    names = [str(here / word) if "." in word and (here / word).exists() else word for word in words]
    return main(["backtest", *names, "--processes", "1"])


def compared(here: Path, capsys: pytest.CaptureFixture[str], one: str, other: str) -> Any:
    capsys.readouterr()
    assert run(here, one, "r.csv", "--against", other, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_lower_limit_gains_and_comes_earlier_as_arithmetic_says(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compared(here, capsys, "site.toml", "lower.toml")
    before, after = peaks.raised(1.0), peaks.raised(0.9)
    gained = {(d["subject"], d["raised"]) for d in found["differences"] if d["what"] == "gained"}
    assert gained == {(name, after[name, hour]) for name, hour in after.keys() - before.keys()}
    earlier = {(d["subject"], d["raised"]): d["shift"] for d in found["differences"] if d["what"] == "earlier"}
    assert earlier == {(key[0], after[key]): after[key] - before[key] for key in before}
    assert found["rules"]["gas"] == {"gained": len(gained), "earlier": len(before)}
    assert found["changes"] == ['rule.gas.detector.limit: "1.0 %vol" -> "0.9 %vol"']


def test_the_other_way_round_the_same_are_lost_and_later(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = compared(here, capsys, "site.toml", "lower.toml")
    back = compared(here, capsys, "lower.toml", "site.toml")
    assert back["rules"]["gas"] == {"lost": there["rules"]["gas"]["gained"], "later": there["rules"]["gas"]["earlier"]}
    shifts = sorted(d["shift"] for d in back["differences"] if d["what"] == "later")
    assert shifts == sorted(-d["shift"] for d in there["differences"] if d["what"] == "earlier")


def test_a_file_against_itself_differs_in_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(here, capsys, "site.toml", "site.toml")
    assert found["differences"] == []
    assert found["rules"]["gas"] == {"same": len(peaks.raised(1.0))}


def test_what_is_asked_of_people_is_counted_before_and_after(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ((before, after),) = compared(here, capsys, "site.toml", "lower.toml")["desks"].values()
    assert before["alarms"] == len(peaks.raised(1.0))
    assert after["alarms"] == len(peaks.raised(0.9))
    assert before["windows"] == 36, "six hours"


def test_a_person_reads_limit_counts_and_list_and_gets_a_reason(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = here / "note.txt"
    assert run(here, "site.toml", "r.csv", "--against", "lower.toml", "--most", "2", "--reason", str(note)) == 0
    said = capsys.readouterr().out
    assert 'rule.gas.detector.limit: "1.0 %vol" -> "0.9 %vol"' in said
    assert "differences, 2 of 6" in said
    assert "gas/ch4-1#1" in said
    assert "60 s earlier" in said
    reason = note.read_text(encoding="utf-8")
    assert "2 gained, 4 earlier; alarms that call a person 4 before, 6 after" in reason
    assert "--note" not in said


def test_with_a_truth_it_says_what_is_found_and_missed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "t.jsonl").write_text(peaks.truth_lines(), encoding="utf-8")
    assert run(here, "site.toml", "r.csv", "--against", "lower.toml", "--truth", "t.jsonl", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    gas = [next(p for p in found[side]["rules"] if p["name"] == "gas") for side in ("present", "other")]
    assert [(p["truths"], p["detected"], p["missed"]) for p in gas] == [(6, 4, 2), (6, 6, 0)]
    assert (
        gas[1]["delay"]["median"]
        == 60 * sorted(20 - round((h - 0.95) / 0.1) for h in (0.95, 0.95, 1.05, 1.15, 1.25, 1.55))[2]
    )


def test_a_trial_says_what_a_replay_says(here: Path) -> None:
    from collector.replaying import replay
    from collector.scoring import changes_of
    from collector.trying import Course, changes

    loaded = load(here / "site.toml")
    replay(loaded.site, here / "r.csv", here / "j.jsonl")
    course = Course()
    with opened([here / "r.csv"]) as source:
        assert list(changes(loaded.document, source, course)) == list(changes_of(here / "j.jsonl"))
    assert (course.readings, course.start) == (len(peaks.readings()), peaks.START)


def test_alarms_are_counted_at_the_desk_that_hears_them(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, limit in (("site.toml", 1.0), ("lower.toml", 0.9)):
        desks = '[desk.one]\nareas = ["face-1"]\n[desk.two]\nareas = ["face-2"]'
        (here / name).write_text(peaks.site_toml(limit, desks), encoding="utf-8")
    found = compared(here, capsys, "site.toml", "lower.toml")["desks"]
    for desk, sensor in (("one", "ch4-1"), ("two", "ch4-2")):
        expected = [sum(name == sensor for name, _ in peaks.raised(limit)) for limit in (1.0, 0.9)]
        assert [figures["alarms"] for figures in found[desk]] == expected


def test_two_processes_say_what_one_does(here: Path) -> None:
    one, other = (load(here / name).document for name in ("site.toml", "lower.toml"))
    with opened([here / "r.csv"]) as source:
        alone, together = (backtest(one, other, source, processes=n) for n in (1, 2))
    assert alone.differences == together.differences
    assert alone.desks == together.desks


# -- a site's own log --------------------------------------------------------------------------------------------------


def with_limit(limit: str) -> dict[str, Any]:
    whole = small_log.document()
    whole["rule"] = {**whole["rule"], "gas": {**whole["rule"]["gas"]}}
    whole["rule"]["gas"]["detector"] = {**whole["rule"]["gas"]["detector"], "limit": limit}
    return whole


def test_a_logs_own_revisions_are_left_out_and_the_given_file_judges(tmp_path: Path) -> None:
    small_log.fill(tmp_path)
    found = backtest(with_limit("1.0 %vol"), with_limit("9.0 %vol"), tmp_path, processes=1)
    assert found.present.course.revisions == 2
    assert found.present.course.readings > 500
    gas = [d for d in found.differences if d.of.rule == "gas"]
    assert gas
    assert {d.what for d in gas} == {"lost"}, "nothing reaches 9 %"
    assert {d.what for d in found.differences if d.of.rule == "held"} <= {"same"}


def test_the_present_file_over_the_log_is_what_was_judged_live(tmp_path: Path) -> None:
    small_log.fill(tmp_path)
    live = [json.loads(line) for line in small_log.whole_journal(small_log.judge_all(tmp_path))]
    found = backtest(small_log.document(), small_log.document(), tmp_path, processes=1)
    ours = [(c.now, c.rule, c.sensor, c.occurrence) for c in found.present.changes if c.change == "raised"]
    assert ours == [(x["now"], x["rule"], x["sensor"], x["occurrence"]) for x in live if x["change"] == "raised"]


def test_an_action_that_fits_no_more_is_listed_and_one_that_fits_is_not(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([small_log.revision()], small_log.START, small_log.START)

    def at(second: int, *messages: Message) -> None:
        spool.append(messages, small_log.START + second * S, small_log.START + second * S)

    def asked(name: str, kind: str, sensor: str) -> Message:
        what = {"id": name, "kind": kind, "rule": "gas", "subject": sensor, "by": "li", "note": "seen"}
        return Message("action", json.dumps(what).encode(), ACTION)

    for sensor, value in ((0, 1.2), (1, 3.0)):
        at(sensor + 1, small_log.reading(sensor, small_log.START + (sensor + 1) * S, value))
    at(5, asked("low", "acknowledge", "ch4-0"), asked("high", "acknowledge", "ch4-1"), asked("vain", "reset", "ch4-2"))
    spool.close()
    found = backtest(with_limit("1.0 %vol"), with_limit("2.0 %vol"), tmp_path, processes=1)
    assert [(line.action, line.why.key) for line in found.refused] == [
        ("low", "judge.refused.nothing_to_acknowledge"),
    ]


def test_the_sites_own_data_folder_is_taken_where_no_input_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.toml").write_text(peaks.site_toml(), encoding="utf-8")
    (tmp_path / "lower.toml").write_text(peaks.site_toml(0.9), encoding="utf-8")
    assert run(tmp_path, "site.toml", "--against", "lower.toml") == 2
    assert "data is not there" in capsys.readouterr().err
    spool = Spool(tmp_path / "data")
    for second, value in ((1, 0.95), (2, 1.2), (3, 0.1)):
        now = small_log.START + second * S
        spool.append([Message("peaks/ch4-1", json.dumps({"v": value, "t": now}).encode(), "mqtt")], now, now)
    spool.close()
    assert run(tmp_path, "site.toml", "--against", "lower.toml") == 0
    assert "1 s earlier" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("site.toml", "r.csv"), "give --against"),
        (("site.toml", "r.csv", "--against", "lower.toml", "--tune", "gas"), "give --against"),
        (("site.toml", "absent.csv", "--against", "lower.toml"), "absent.csv is not there"),
        (("site.toml", "r.csv", "r.csv", "folder.d", "--against", "lower.toml"), "is a data folder; give it alone"),
        (("site.toml", "folder.d", "--against", "lower.toml"), "holds no log"),
        (("site.toml", "empty.csv", "--against", "lower.toml"), "no readings in it"),
        (("site.toml", "r.csv", "--tune", "gas"), "--tune needs --budget"),
        (("site.toml", "r.csv", "--tune", "gaz", "--budget", "1"), "nearest 'gas'"),
        (("site.toml", "r.csv", "--tune", "gas", "--budget", "0"), "above 0"),
    ],
)
def test_wrong_use_is_told(here: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    (here / "folder.d").mkdir()
    (here / "empty.csv").write_text("time,sensor,value\n", encoding="utf-8")
    assert run(here, *words) == 2
    assert said in capsys.readouterr().err


def test_a_wrong_line_is_told_with_its_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "bad.csv").write_text("time,sensor,value\n5,ch4-1,x\n", encoding="utf-8")
    assert run(here, "site.toml", "bad.csv", "--against", "lower.toml") == 1
    assert "bad.csv: line 2: found the value 'x'" in capsys.readouterr().err


# -- matching ----------------------------------------------------------------------------------------------------------


def one(raised: float, returned: float, number: int = 1, subject: str = "a") -> Occurrence:
    return Occurrence("gas", subject, number, "", round(raised * S), round(returned * S), None, None)


def whats(before: list[Occurrence], after: list[Occurrence]) -> list[tuple[str, float]]:
    return [(d.what, d.of.raised / S) for d in differences(before, after)]


def test_one_that_is_torn_in_two_is_no_gain_and_two_that_grow_together_no_loss() -> None:
    whole, torn = [one(0, 1000)], [one(0, 100), one(500, 600, 2)]
    assert whats(whole, torn) == [("same", 0), ("split", 500)]
    assert whats(torn, whole) == [("same", 0), ("joined", 500)]


def test_short_alarms_that_follow_each_other_closely_are_one_cause() -> None:
    near = NEAR / S
    assert whats([one(0, 1)], [one(near, near + 1)]) == [("later", near)]
    assert whats([one(0, 1)], [one(near + 2, near + 3)]) == [("lost", 0), ("gained", near + 2)]


def test_each_subject_is_compared_with_itself() -> None:
    assert whats([one(0, 9)], [one(0, 9, subject="b")]) == [("lost", 0), ("gained", 0)]


spans = st.lists(st.tuples(st.integers(1, 2000), st.integers(1, 2000)), max_size=8)


def laid(gaps: list[tuple[int, int]]) -> list[Occurrence]:
    out, now = [], 0
    for number, (gap, length) in enumerate(gaps, start=1):
        out.append(one(now + gap, now + gap + length, number))
        now += gap + length
    return out


@given(spans, spans)
def test_every_occurrence_is_told_of_once_and_the_other_way_round_mirrors_it(
    first: list[tuple[int, int]], second: list[tuple[int, int]]
) -> None:
    before, after = laid(first), laid(second)
    found = differences(before, after)
    assert [d.present for d in sorted(found, key=lambda d: d.present.number if d.present else 0) if d.present] == before
    assert [d.changed for d in sorted(found, key=lambda d: d.changed.number if d.changed else 0) if d.changed] == after
    mirror = {"gained": "lost", "split": "joined", "earlier": "later", "same": "same"}
    back = {mirror.get(d.what, {v: k for k, v in mirror.items()}.get(d.what, "")) for d in differences(after, before)}
    assert {d.what for d in found} == back


def test_what_stands_at_the_end_ends_there_and_what_is_removed_ends() -> None:
    def line(now: int, change: str, occurrence: int) -> Change:
        return Change(now, now, "", "a", "gas", "k", 1, "low", occurrence, change, "B", None, None, Why("x"))

    lines = [line(1, "raised", 1), line(5, "removed", 1), line(9, "raised", 2)]
    assert [(o.raised, o.returned) for o in occurrences(lines, 20)] == [(1, 5), (9, 20)]


# -- recordings --------------------------------------------------------------------------------------------------------


def test_a_recording_gives_back_what_the_files_hold(tmp_path: Path) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text("time,sensor,value,quality\n1,b,1.5,\n2,a,,4\n", encoding="utf-8")
    second.write_text("time,sensor,value,quality\n3,c,2.5,0\n4,a,3.5,1\n", encoding="utf-8")
    with Recording([first, second]) as recording:
        (rows,) = take(recording.folder)
        folder = recording.folder
    assert not folder.exists()
    assert [rows.names[k] for k in rows.sensor] == ["b", "a", "c", "a"]
    assert rows.time.tolist() == [1, 2, 3, 4]
    assert rows.value.tolist()[0:1] + rows.value.tolist()[2:] == [1.5, 2.5, 3.5]
    assert rows.quality.tolist() == [0, 4, 0, 1]


@given(st.integers(1, 50))
def test_a_recording_is_the_same_however_it_is_taken(piece: int) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        file = peaks.write_csv(Path(folder) / "r.csv")
        (whole,) = read_csv(file)
        with Recording([file]) as recording:
            parts = list(take(recording.folder, piece * 20))
    assert sum(len(part) for part in parts) == len(whole)
    assert [v for part in parts for v in part.value.tolist()] == whole.value.tolist()
    assert [part.names[k] for part in parts for k in part.sensor] == [whole.names[k] for k in whole.sensor]


def test_a_recordings_folder_goes_where_reading_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "r.csv").write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(Exception, match="header"):
        Recording([tmp_path / "r.csv"])
    assert not list((tmp_path / "temporary").iterdir())


def test_a_log_given_as_its_file_is_its_folder(tmp_path: Path) -> None:
    small_log.fill(tmp_path, 3)
    with opened([tmp_path / "spool.db"]) as source:
        assert source == tmp_path
    with pytest.raises(WrongUse, match="not there"), opened([tmp_path / "nothing"]):
        pass
