"""A data folder after an upgrade: what a newer version asks or keeps in another form stops no judging."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collector.cli import main
from collector.config import ConfigMistakes, load
from collector.judged import Judged
from collector.judging import Judging
from collector.replaying import replay
from collector.spool import Spool
from collector.verbs_run import _adopt_the_first
from detectors.site import read_site
from tests.collector.test_keeping import first, trim
from tests.small_log import START, S, document, judge_all, reading, revision, whole_journal

BEYOND = {"kind": "gas.stel", "limit": "5 %vol", "excursion": "1 %vol"}
"""Above the span of 4 %vol: an older version took it."""
UNREACHED: dict[str, Any] = {"sensors": ["ch4-*"], "detector": BEYOND, "priority": "high", "guidance": "Withdraw"}
RULES = {**document()["rule"], "stel": UNREACHED}


def taken(folder: Path) -> None:
    """A log whose revision has a rule that its sensors never reach, judged, with two snapshots."""
    spool = Spool(folder)
    spool.append([revision(rule=RULES)], START, START)
    for k in range(1, 40):
        spool.append([reading(k % 5, START + k * S, 1.2 if k < 30 else 0.2)], START + k * S, START)
    spool.close()
    judging = Judging(folder)
    while judging.catch_up(1):
        if judging.seal == 20:
            judging.save()
    judging.close()


@pytest.mark.parametrize("trimmed", [True, False])
def test_a_site_in_force_whose_sensors_never_reach_a_limit_is_judged_on(
    tmp_path: Path, trimmed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    taken(tmp_path)
    if trimmed:
        trim(tmp_path)
        assert first(tmp_path) == 21
    else:
        for path in (tmp_path / "snapshots").iterdir():
            path.unlink()
    spool = Spool(tmp_path)
    spool.append([reading(1, START + 50 * S, 1.3)], START + 50 * S, START)
    spool.close()
    judged = judge_all(tmp_path)
    assert "unusable" not in caplog.text
    assert "differs" not in caplog.text
    assert [one["reason"] for one in judged.dead()] == []
    assert json.loads(whole_journal(judged)[-1])["change"] == "raised"
    assert replay(read_site({**document(), "rule": RULES}), tmp_path).hash == judged.journal(0, 10**6)[-1][2]


SITE = """
[site]
id = "pit"
timezone = "UTC"
[payload.plain]
topic = "pit/{sensor}"
json = { value = "v" }
[sensor.co-1]
area = "face"
quantity = "co"
unit = "ppm"
span = [0, 100]
every = "10s"
[rule.stel]
sensors = ["co-1"]
priority = "high"
detector = { kind = "gas.stel", limit = "200 ppm", excursion = "30 ppm" }
"""


def test_a_file_is_refused_where_it_is_proposed_and_read_where_it_only_names_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "SITE.toml"
    file.write_text(SITE)
    assert "stel" in {rule.name for rule in load(file).site.rules}
    with pytest.raises(ConfigMistakes, match=r"SITE.toml:17: .*co-1 ends at 100: give one it can show"):
        load(file, proposed=True)


def test_check_apply_and_the_first_start_propose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, data = tmp_path / "SITE.toml", tmp_path / "data"
    file.write_text(SITE)
    for words in (["check", str(file)], ["apply", str(file), "--by", "li", "--yes"]):
        assert main(words) != 0
        assert "give one it can show" in capsys.readouterr().err
    with pytest.raises(ConfigMistakes, match="give one it can show"):
        _adopt_the_first(data, file)
    taken(data)
    _adopt_the_first(data, file)
    assert "differs from what is in force" in capsys.readouterr().err


VOTED = {"kind": "network.vote", "of": "@gas/*", "k": 2}
WATCHED = {**document()["rule"], "voted": {"group": "face", "detector": VOTED, "priority": "high"}}


def older(folder: Path, rule: str) -> None:
    """Give the memory of a rule's bank another form in every snapshot, as a version that kept less has it."""
    for path in (folder / "snapshots").iterdir():
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
        banks = json.loads(arrays["plain"].tobytes())["judge"]["banks"]
        place = next(k for k, names in enumerate(banks) if rule in names)
        arrays.pop(f"bank.{place}.verdict")
        arrays[f"bank.{place}.heard"] = np.zeros(5)
        np.savez(path, **arrays)


def watched(folder: Path, seals: int = 40) -> None:
    """Two sensors above the limit, three below, judged; the log is trimmed."""
    spool = Spool(folder)
    spool.append([revision(rule=WATCHED)], START, START)
    for k in range(1, seals):
        spool.append([reading(s, START + k * S, 1.2 if s < 2 else 0.2) for s in range(5)], START + k * S, START)
    spool.close()
    judging = Judging(folder)
    while judging.catch_up(5):
        if judging.seal == seals // 2:
            judging.save()
    judging.close()
    trim(folder)


def said(folder: Path, *values: float, at: int = 41) -> list[dict[str, Any]]:
    """What the journal gains where each sensor says a value."""
    spool, before = Spool(folder), len(whole_journal(Judged(folder)))
    spool.append([reading(s, START + at * S, value) for s, value in enumerate(values)], START + at * S, START)
    spool.close()
    return [json.loads(line) for line in whole_journal(judge_all(folder))[before:]]


def short(lines: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(line["change"], line["rule"], line["sensor"]) for line in lines if line["rule"] in WATCHED]


def test_a_rule_whose_memory_has_another_form_learns_anew_and_its_alarm_stands(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched(tmp_path)
    stood = {(a["rule"], a["subject"]): a["occurrence"] for a in Judged(tmp_path).alarms() if a["active"]}
    assert {("gas", "ch4-0"), ("gas", "ch4-1"), ("held", "ch4-0"), ("voted", "face")} <= stood.keys()
    older(tmp_path, "gas")
    lines = said(tmp_path)
    assert "rules=gas,held learn anew" in caplog.text
    assert short(lines) == [("unwatched", rule, f"ch4-{s}") for rule in ("gas", "held") for s in range(5)]
    assert {line["why"]["key"] for line in lines} == {"rule.restarted"}
    rows = {(a["rule"], a["subject"]): a for a in Judged(tmp_path).alarms()}
    assert {key: row["occurrence"] for key, row in rows.items() if row["active"]} == stood
    assert rows["silent", "ch4-3"]["watching"]
    assert rows["voted", "face"]["watching"]
    assert not rows["gas", "ch4-3"]["watching"]
    assert rows["gas", "ch4-3"]["why"] == {"key": "rule.restarted"}
    assert first(tmp_path) == 21
    live = Judged(tmp_path).journal(0, 10**6)[-1][2]
    assert replay(read_site({**document(), "rule": WATCHED}), tmp_path).hash == live


def test_what_learned_anew_clears_by_good_readings_only_and_raises_again(tmp_path: Path) -> None:
    watched(tmp_path)
    older(tmp_path, "gas")
    said(tmp_path)
    assert short(said(tmp_path, 1.3, 1.3, 1.3, 0.2, at=43)) == [
        ("raised", "gas", "ch4-2"), ("watched", "held", "ch4-2"),
        ("watched", "gas", "ch4-3"), ("watched", "held", "ch4-3"),
    ]  # fmt: skip
    returned = [one for one in short(said(tmp_path, 0.2, at=45)) if one[0] == "returned"]
    assert returned == [("returned", "gas", "ch4-0"), ("returned", "held", "ch4-0")]


def test_what_waited_to_be_an_alarm_waits_on_until_a_good_reading_ends_it(tmp_path: Path) -> None:
    watched(tmp_path, 12)
    older(tmp_path, "gas")
    said(tmp_path, at=13)
    assert short(said(tmp_path, 1.2, 0.2, at=15)) == [
        ("watched", "held", "ch4-0"), ("returned", "gas", "ch4-1"), ("watched", "held", "ch4-1")
    ]  # fmt: skip
    assert short(said(tmp_path, 1.2, 0.2, at=22)) == [("raised", "held", "ch4-0")]


def test_only_the_rule_with_another_form_learns_anew(tmp_path: Path) -> None:
    watched(tmp_path)
    older(tmp_path, "voted")
    lines = said(tmp_path)
    assert short(lines) == [("unwatched", "voted", "face")]


def test_it_is_told_once_and_the_same_after_a_kill_or_a_start_at_which_nothing_came(tmp_path: Path) -> None:
    watched(tmp_path)
    older(tmp_path, "gas")
    Judging(tmp_path).close()
    told = said(tmp_path)
    assert len(short(told)) == 10
    assert short(said(tmp_path, at=42)) == []
    kept = tmp_path / "killed"
    watched(kept)
    older(kept, "gas")
    spool = Spool(kept)
    spool.append([], START + 41 * S, START)
    spool.close()
    judging = Judging(kept)
    judging.catch_up()
    judging.leave()
    judging = Judging(kept)
    assert [json.loads(line) for line in whole_journal(Judged(kept))][-len(told) :] == told
    assert judging.writer.line == told[-1]["seq"]
    judging.close()
    assert not list((kept / "inbox").glob("*")), "folding again came to the same journal"


def test_a_rule_for_silence_that_learns_anew_waits_an_interval_before_it_alarms(tmp_path: Path) -> None:
    watched(tmp_path)
    older(tmp_path, "silent")
    assert "raised" not in [change for change, *_ in short(said(tmp_path, at=41))]
    later = said(tmp_path, at=80)
    assert [(one["change"], one["sensor"]) for one in later if one["rule"] == "silent"] == [
        ("raised", f"ch4-{s}") for s in range(5)
    ]
