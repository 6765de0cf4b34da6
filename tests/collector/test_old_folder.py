"""A data folder that an older version wrote: it is read, gone on with, and its journal stays one chain.

`folders/2026-11-25.tar.xz` is what the version of that day (lines without desk and notice, no hazards, no minutes) left
after 120 s of three sensors: six alarms, two of them standing or latched, an acknowledgement, a duplicate, a dead
letter. Never made anew: a later version's folder is another file beside it.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from collector.announcing import Destination
from collector.backup import backup
from collector.channels import Notice
from collector.gaps import find
from collector.handover import sheet_of
from collector.inbox import Inbox
from collector.journal import verify
from collector.judged import Judged, every_line
from collector.judging import Judging
from collector.ledger import read_at_rest
from collector.message import MQTT, Message
from collector.receipts import Receipts
from collector.spool import Spool
from tests.at_rest import judge_log, store_history

FOLDERS = sorted((Path(__file__).parent / "folders").glob("*.tar.xz"))
START = 1_767_225_600_000_000_000
SECOND = 1_000_000_000
LINES = 26
LAST = "a6b9f875b5dcfeda9305a5840876e32a065a5e772a24305f468adce6f7f96b4f"


@pytest.fixture(params=FOLDERS, ids=lambda path: str(path.name))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with tarfile.open(request.param) as packed:
        packed.extractall(tmp_path / "data", filter="data")
    return tmp_path / "data"


class Told:
    name = "console"

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def send(self, notice: Notice) -> int:
        self.notices.append(notice)
        return 200


def _go_on(folder: Path, value: float, seconds: range) -> None:
    spool = Spool(folder)
    for second in seconds:
        now = START + second * SECOND
        payloads = [json.dumps({"v": value + k / 100, "t": now}).encode() for k in range(3)]
        spool.append([Message(f"old/ch4-{k}", payload, MQTT) for k, payload in enumerate(payloads)], now, now)
    spool.close()
    judge_log(folder)
    store_history(folder)


def test_it_is_read_before_anything_writes_to_it(folder: Path) -> None:
    assert read_at_rest(folder)[1] == []
    assert find(folder) == []
    judged = Judged(folder)
    assert judged.hazards() == [] == judged.missed()
    assert judged.minutes() == {}
    assert sheet_of(folder).hash == LAST


def test_it_goes_on_as_one_chain_and_nothing_differs(folder: Path) -> None:
    standing = {(row["rule"], row["subject"]): row["occurrence"] for row in Judged(folder).alarms() if row["latched"]}
    _go_on(folder, 1.4, range(121, 140))
    judged = Judged(folder)
    lines = [json.loads(line) for _, line, _ in every_line(judged)]
    assert verify(line for _, line, _ in every_line(judged)) is None
    assert lines[LINES - 1]["hash"] == LAST
    raised = [line for line in lines[LINES:] if line["change"] == "raised" and line["rule"] == "high"]
    assert {(line["rule"], line["sensor"]): line["occurrence"] - 1 for line in raised} == standing
    assert all(line["desk"] == "site" for line in raised)
    assert Inbox(folder).waiting() == [], "folding the log again gave the journal that is there"
    assert read_at_rest(folder)[1] == []


def test_what_was_told_is_not_told_again(folder: Path) -> None:
    _go_on(folder, 0.4, range(121, 125))
    told, receipts = Told(), Receipts(folder)
    Destination(told, Judged(folder), receipts, lambda: START).tell()
    receipts.close()
    assert [change for notice in told.notices for change in notice.changes if change["seq"] <= LINES] == []


def test_after_a_crash_of_the_old_version_the_journal_wins_and_the_difference_is_an_alarm(folder: Path) -> None:
    (folder / "snapshots" / "judge-000000000120.npz").unlink()
    _go_on(folder, 0.4, range(121, 125))
    assert verify(line for _, line, _ in every_line(Judged(folder))) is None
    (said,) = [json.loads(message.payload) for message in Inbox(folder).waiting()]
    assert said["rule"] == "judge-differs"


def test_a_difference_that_the_inbox_does_not_take_ends_no_judging_and_is_said_before_the_next_snapshot(
    folder: Path,
) -> None:
    (folder / "snapshots" / "judge-000000000120.npz").unlink()
    (folder / "inbox").rename(folder / "elsewhere")
    (folder / "inbox").write_text("no folder")
    judging = Judging(folder)
    judging.catch_up()
    (folder / "inbox").unlink()
    judging.close()
    (said,) = [json.loads(message.payload) for message in Inbox(folder).waiting()]
    assert said["rule"] == "judge-differs"
    Judging(folder).close()
    assert len(Inbox(folder).waiting()) == 1, "said once"


def test_it_can_be_copied(folder: Path, tmp_path: Path) -> None:
    copy = backup(folder, tmp_path / "copy")
    assert (copy.lines, copy.hash) == (LINES, LAST)
