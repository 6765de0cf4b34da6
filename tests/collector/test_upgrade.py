"""A data folder after an upgrade: what a newer version asks or keeps in another form stops no judging."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collector.cli import main
from collector.config import ConfigMistakes, load
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
