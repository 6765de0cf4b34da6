"""A damaged page, a snapshot cut short, a disk that is full: one clear line, and no guess."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import cli
from collector.announcing import Destination
from collector.channels import Notice
from collector.errors import Damaged, DiskFull
from collector.judged import Judged, judged_file
from collector.judged_writer import JudgedWriter
from collector.judging import Judging, judge
from collector.ledger import read_at_rest
from collector.message import MQTT, Message
from collector.receipts import FILE, Receipts
from collector.replaying import replay
from collector.settings import Settings
from collector.spool import Spool, SpoolReader, spool_file
from collector.sqlite import connect
from detectors.site import read_site
from tests.chaos.driving import eventually
from tests.chaos.faults import cut_short, last_page, settle, snapshots, spoil
from tests.small_log import document, fill

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def judged_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder at rest: a log and its judge, two snapshots."""
    folder = tmp_path_factory.mktemp("judged")
    fill(folder, 300)
    judging = Judging(folder)
    while judging.catch_up(100):
        judging.save()
    judging.close()
    for name in ("spool.db", "judged.db"):
        settle(folder / name)
    return folder


@pytest.fixture
def folder(tmp_path: Path, judged_log: Path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(judged_log, tmp_path / "data"))


@pytest.mark.parametrize(
    ("name", "table", "verb"), [("spool.db", "seal", "ledger"), ("judged.db", "journal", "journal")]
)
def test_a_damaged_last_page_is_one_line_that_names_the_file(
    folder: Path, name: str, table: str, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(folder / name, last_page(folder / name, table))
    assert cli.main([verb, "--data", str(folder)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{folder / name} is damaged" in said
    assert "docs/operations.md#a-damaged-file" in said


def test_nobody_writes_into_a_damaged_log_or_judges_from_it(folder: Path) -> None:
    spoil(spool_file(folder), last_page(spool_file(folder), "seal"))
    before = spool_file(folder).read_bytes()
    for _ in range(2):
        with pytest.raises(Damaged, match=r"spool\.db is damaged"):
            Spool(folder)
        settle(spool_file(folder))
    with pytest.raises(Damaged, match=r"spool\.db is damaged"):
        judge(Settings(folder / "site.toml", folder), threading.Event())
    with pytest.raises(Damaged, match=r"spool\.db is damaged"):
        list(SpoolReader(folder).read(0))
    assert spool_file(folder).read_bytes() == before


def test_a_damaged_judged_db_is_made_again_from_the_log(folder: Path) -> None:
    judged = Judged(folder)
    wanted = judged.journal(0, 10**6)[-1]
    judged.close()
    spoil(judged_file(folder), last_page(judged_file(folder), "journal"))
    with pytest.raises(Damaged, match=r"judged\.db is damaged"):
        Judging(folder)
    for path in folder.glob("judged.db*"):
        path.rename(folder / f"evidence-{path.name}")
    shutil.rmtree(folder / "snapshots")
    judging = Judging(folder)
    while judging.catch_up():
        pass
    judging.close()
    judged = Judged(folder)
    assert judged.journal(0, 10**6)[-1] == wanted
    judged.close()
    assert read_at_rest(folder, 1)[1] == []


def test_a_page_that_shows_its_damage_only_in_a_later_row_is_told_too(tmp_path: Path) -> None:
    path = tmp_path / "many.db"
    store = connect(path)
    store.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)")
    store.executemany("INSERT INTO t VALUES (?, ?)", [(k, b"x" * 900) for k in range(200)])
    store.close()
    spoil(path, last_page(path, "t") - 1)
    for fetch in (lambda rows: rows.fetchall(), list, lambda rows: [rows.fetchone() for _ in range(200)]):
        reader = connect(path, read_only=True)
        with pytest.raises(Damaged, match=r"many\.db is damaged"):
            fetch(reader.execute("SELECT k, v FROM t"))
        reader.close()


def test_a_damaged_page_in_the_middle_of_a_seal_is_told_with_the_seal(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for k in range(3):
        spool.append([Message("pit/a", b"%d" % n, MQTT) for n in range(400)], (k + 1) * 10**9, 0)
    spool.close()
    settle(spool_file(tmp_path))
    spoil(spool_file(tmp_path), last_page(spool_file(tmp_path), "seal", "overflow"))
    reader = SpoolReader(tmp_path)
    assert len(reader.read(0, 2)) == 1
    with pytest.raises(Damaged, match=r"spool\.db is damaged \(seal 3: .*a-damaged-file"):
        reader.read(2)
    reader.close()


@pytest.mark.parametrize("data", [b"", b"\x91\xc4\x01a", b"\x95" + b"\xc4\x03abc" * 5, b"\xa5" * 100])
def test_a_block_that_is_not_what_was_written_is_told_with_its_number(folder: Path, data: bytes) -> None:
    store = sqlite3.connect(judged_file(folder))
    with store:
        store.execute("UPDATE block SET data = ? WHERE seq = 2", (data,))
    store.close()
    judged = Judged(folder)
    with pytest.raises(Damaged, match=r"judged\.db is damaged \(block 2: "):
        judged.blocks(0)
    judged.close()


def test_another_error_of_sqlite_stays_what_it_is(tmp_path: Path) -> None:
    store = connect(tmp_path / "a.db")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        store.execute("SELECT 1 FROM absent")
    with pytest.raises(sqlite3.OperationalError, match="syntax error"):
        store.executescript("SELEC")
    store.close()


@pytest.mark.parametrize("left", [0.0, 0.5, 0.99])
def test_a_snapshot_cut_short_is_said_and_costs_only_time(
    folder: Path, left: float, caplog: pytest.LogCaptureFixture
) -> None:
    paths = snapshots(folder)
    assert len(paths) == 2
    cut_short(paths[-1], left)
    before = Judged(folder).journal(0, 10**6)
    judging = Judging(folder)
    assert judging.folding.judge is not None
    judging.close()
    assert f"snapshot={paths[-1].name} unusable=" in caplog.text
    assert "differs" not in caplog.text
    assert Judged(folder).journal(0, 10**6) == before
    again = replay(read_site(document()), folder)
    assert (again.lines, again.hash) == (before[-1][0], before[-1][2])


class Desk:
    """A channel that takes all."""

    name = "desk"

    def __init__(self) -> None:
        self.ids: list[str] = []

    def send(self, notice: Notice) -> int:
        self.ids.append(notice.id)
        return 200


@pytest.fixture
def receipts(folder: Path) -> Iterator[Receipts]:
    made = Receipts(folder)
    yield made
    made.close()


def test_a_full_disk_stops_no_destination_for_good_and_nothing_is_sent_twice(
    folder: Path, receipts: Receipts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("collector.following.FIRST_WAIT", 0.05)
    desk, judged, stop = Desk(), Judged(folder), threading.Event()
    store = receipts._store
    pages = store.execute("PRAGMA page_count").fetchone()[0]
    store.execute(f"PRAGMA max_page_count = {pages}")
    thread = threading.Thread(target=Destination(desk, judged, receipts).follow, args=(stop,))
    thread.start()
    try:
        eventually(lambda: caplog.text.count("destination=desk again-in=") > 1, 20, "it must wait and try again")
        store.execute("PRAGMA max_page_count = 1000000")
        last = judged.journal(0, 10**6)[-1][0]
        eventually(lambda: receipts.cursor("desk") == last, 20, "it must go on")
    finally:
        stop.set()
        thread.join(10)
        judged.close()
    assert desk.ids
    assert len(desk.ids) == len(set(desk.ids))
    assert all(receipts.received("desk", one) for one in desk.ids)


def test_a_judge_on_a_full_disk_ends_with_one_line_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, 120)
    settings, stop = Settings(tmp_path / "site.toml", tmp_path), threading.Event()
    begin = JudgedWriter.begin

    def full(writer: JudgedWriter) -> None:
        pages = writer._store.execute("PRAGMA page_count").fetchone()[0]
        writer._store.execute(f"PRAGMA max_page_count = {pages}")
        begin(writer)

    with monkeypatch.context() as patched:
        patched.setattr(JudgedWriter, "begin", full)
        with pytest.raises(DiskFull, match="free the disk"):
            judge(settings, stop)
    judging = Judging(tmp_path)
    while judging.catch_up():
        pass
    judging.close()
    judged = Judged(tmp_path)
    last = judged.journal(0, 10**6)[-1]
    judged.close()
    again = replay(read_site(document()), tmp_path)
    assert (again.lines, again.hash) == (last[0], last[2])
    assert read_at_rest(tmp_path, 1)[1] == []
    assert not os.path.exists(tmp_path / FILE)
