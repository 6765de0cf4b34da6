"""Keeping: what is trimmed, what never is, and that every count and every start still comes out right."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.announcing import Destination, worth
from collector.applying import in_force
from collector.calls import TAKEN, CallBook, Place, read_calls
from collector.channels import Notice
from collector.errors import Damaged, Occupied, Rejected, Unavailable
from collector.escalation import Memory
from collector.history import History
from collector.judged import Judged
from collector.judging import Judging
from collector.keeping import DAY, HOUR, BlockKeeper, LogKeeper, ReceiptKeeper
from collector.ledger import SpoolCounts, balance, read_counts
from collector.receipts import FILE, Receipt, Receipts, announced, read_receipts
from collector.replaying import replay
from collector.rows import DeadLetter, Gap
from collector.settings import Settings
from collector.spool import Spool, SpoolReader
from collector.sqlite import connect
from collector.stored import BLOCKS, Cursor, stored
from collector.storing import Following, sinks
from detectors.detector import Why
from detectors.records import Change
from detectors.site import read_site
from tests.blocks import BEGIN
from tests.judged_folder import Judging as Written
from tests.judged_folder import alarm
from tests.small_log import START, S, document, fill, judge_all, reading, whole_journal

LATER = START + 10_000 * S


def judged_with_snapshots(folder: Path, *at: int) -> None:
    """Judge the whole small log, with a snapshot at each of these seals and one at its end."""
    judging = Judging(folder)
    while judging.catch_up(1):
        if judging.seal in at:
            judging.save()
    judging.close()


def trim(folder: Path, keep: int = S, used: float = 0.1, looks: int = 1) -> int:
    spool = Spool(folder)
    keeper = LogKeeper(folder, spool, keep, lambda *_: used)
    early = 0
    for _ in range(looks):
        keeper._looked = -1e9
        early += keeper.look(LATER)
    keeper.close()
    spool.close()
    return early


def first(folder: Path) -> int:
    reader = SpoolReader(folder)
    seal = reader.first()
    reader.close()
    return seal


def store_all(folder: Path) -> None:
    following = Following(folder, "history", sinks(Settings(folder / "s.toml", folder))["history"])
    while following.step():
        pass
    following.close()


def test_the_log_is_trimmed_up_to_the_second_newest_snapshot_and_never_beyond(tmp_path: Path) -> None:
    fill(tmp_path)
    judged_with_snapshots(tmp_path, 100, 200)
    assert Judged(tmp_path).anchor() == 200
    trim(tmp_path, looks=3)
    assert first(tmp_path) == 201


def test_without_two_snapshots_nothing_is_trimmed_however_old_and_full(tmp_path: Path) -> None:
    fill(tmp_path)
    judge_all(tmp_path)
    assert trim(tmp_path, used=0.99) == 0
    assert first(tmp_path) == 1


def test_seals_younger_than_keep_stay_while_the_disk_has_room(tmp_path: Path) -> None:
    fill(tmp_path)
    judged_with_snapshots(tmp_path, 200)
    trim(tmp_path, keep=LATER - START - 50 * S)
    assert first(tmp_path) == 51
    assert trim(tmp_path, keep=LATER - START - 50 * S, used=0.79) == 0
    assert first(tmp_path) == 51


def test_above_80_percent_the_oldest_go_early_and_ledger_and_log_say_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path)
    judged_with_snapshots(tmp_path, 200)
    early = trim(tmp_path, keep=10**6 * S, used=0.81)
    assert first(tmp_path) == 201
    counts = read_counts(tmp_path)
    assert counts["spool.trimmed"] == counts["spool.trimmed_early"] == early > 0
    assert "trimmed-early" in caplog.text


def test_the_ledger_balances_after_trimming_also_for_who_counted_before(tmp_path: Path) -> None:
    fill(tmp_path)
    judged_with_snapshots(tmp_path, 200)
    before, going_on = read_counts(tmp_path), SpoolCounts(tmp_path)
    going_on.read(120)
    trim(tmp_path)
    after = read_counts(tmp_path)
    assert balance(after) == []
    assert {k: n for k, n in after.items() if "trimmed" not in k} == {
        k: n for k, n in before.items() if "trimmed" not in k
    }
    assert after["spool.trimmed"] > 0
    assert going_on.read(300) == SpoolCounts(tmp_path).read(300)


def test_judging_goes_on_after_its_beginning_was_trimmed_as_if_it_were_there(tmp_path: Path) -> None:
    for name in ("whole", "cut"):
        fill(tmp_path / name)
        judged_with_snapshots(tmp_path / name, 100, 200)
    cut = tmp_path / "cut"
    trim(cut)
    (cut / "snapshots" / f"judge-{300:012d}.npz").write_bytes(b"PK broken")
    for name in ("whole", "cut"):
        spool = Spool(tmp_path / name)
        spool.append([reading(1, START + 400 * S, 1.2)], START + 400 * S, START)
        spool.close()
    assert whole_journal(judge_all(cut)) == whole_journal(judge_all(tmp_path / "whole"))
    assert not list((cut / "inbox").glob("*"))


def test_a_trimmed_log_without_a_usable_snapshot_is_said_clearly(tmp_path: Path) -> None:
    fill(tmp_path)
    judged_with_snapshots(tmp_path, 200)
    trim(tmp_path)
    for path in (tmp_path / "snapshots").iterdir():
        path.unlink()
    with pytest.raises(Damaged, match="begins at seal 201.*no snapshot"):
        Judging(tmp_path)
    with pytest.raises(Damaged):
        Judging(tmp_path)


def test_a_log_that_was_replaced_by_a_shorter_one_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    fill(tmp_path)
    judged_with_snapshots(tmp_path)
    for path in tmp_path.glob("spool.db*"):
        path.unlink()
    for path in (tmp_path / "snapshots").iterdir():
        path.unlink()
    with pytest.raises(Damaged, match="replaced"):
        Judging(tmp_path)


def test_a_new_judged_db_over_a_trimmed_log_goes_on_after_the_newest_snapshot(tmp_path: Path) -> None:
    fill(tmp_path)
    judged_with_snapshots(tmp_path, 100, 200)
    store_all(tmp_path)
    before = whole_journal(Judged(tmp_path))
    trim(tmp_path)
    for path in tmp_path.glob("judged.db*"):
        path.unlink()
    spool = Spool(tmp_path)
    spool.append([reading(1, START + 400 * S, 1.29)], START + 400 * S, START)
    spool.append([], START + 500 * S, START)
    spool.close()
    judged = judge_all(tmp_path)
    assert json.loads(whole_journal(judged)[0])["seq"] == len(before) + 1
    assert len(judged.alarms()) > 10
    store_all(tmp_path)
    assert [str(wrong) for wrong in balance(read_counts(tmp_path))] == []


def test_replay_of_a_trimmed_log_says_where_it_begins_and_comes_to_the_live_hash(tmp_path: Path) -> None:
    fill(tmp_path)
    judged_with_snapshots(tmp_path, 200)
    live = Judged(tmp_path).journal(0, 10**6)
    assert replay(read_site(document()), tmp_path).begins == 1
    trim(tmp_path)
    again = replay(read_site(document()), tmp_path)
    assert (again.begins, again.hash, again.lines) == (201, live[-1][2], live[-1][0])


def test_what_is_in_force_outlives_the_trimming_of_its_revision(tmp_path: Path) -> None:
    fill(tmp_path)
    judged_with_snapshots(tmp_path, 200)
    standing = in_force(tmp_path)
    trim(tmp_path)
    assert in_force(tmp_path) == standing is not None


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    made = Written(tmp_path)
    for k in range(10):
        made.steady(k * 3, 3)
    yield made
    made.close()


def look(written: Written, keep: int, used: float, later: int = 2 * HOUR) -> int:
    BlockKeeper(written.folder, written.writer, keep, lambda *_: used).look(written.now + later)
    return len(Judged(written.folder).blocks(0))


def passed(written: Written, name: str, seq: int) -> None:
    cursor = Cursor(written.folder, name)
    cursor.follow(Judged(written.folder).identity())
    cursor.advance(BLOCKS, seq, {"written": seq * 3}, {}, [])
    cursor.close()


def test_blocks_go_once_every_store_has_them_and_an_hour_has_passed(written: Written) -> None:
    passed(written, "history", 8)
    passed(written, "influx", 6)
    assert look(written, 10**6 * HOUR, 0.1, HOUR // 2) == 10
    assert look(written, 10**6 * HOUR, 0.1) == 4
    assert Judged(written.folder).trimmed() == (6, 18)


def test_blocks_without_any_store_stay(written: Written) -> None:
    assert look(written, 10**6 * HOUR, 0.1) == 10


@pytest.mark.parametrize(("keep", "used"), [(HOUR, 0.1), (10**6 * HOUR, 0.9)])
def test_a_store_that_stays_away_too_long_loses_blocks_by_number(written: Written, keep: int, used: float) -> None:
    passed(written, "history", 4)
    look(written, keep, used)
    assert look(written, keep, used) == 0
    written.steady(100, 5)
    counts = stored(written.folder)["store.history"]
    assert counts == {"written": 12, "trimmed": 18, "waiting": 5, "cursor": 4}
    store_all(written.folder)
    counts = stored(written.folder)["store.history"]
    assert counts == {"written": 17, "trimmed": 18, "waiting": 0, "cursor": 11}


def test_a_new_judged_db_is_stored_from_its_beginning_and_nothing_twice(tmp_path: Path) -> None:
    fill(tmp_path)
    judge_all(tmp_path)
    store_all(tmp_path)
    before, identity = History(tmp_path).counts(), Judged(tmp_path).identity()
    for path in tmp_path.glob("judged.db*"):
        path.unlink()
    spool = Spool(tmp_path)
    spool.append([reading(1, START + 400 * S, 0.3)], START + 400 * S, START)
    spool.close()
    judge_all(tmp_path)
    assert Judged(tmp_path).identity() not in ("", identity)
    store_all(tmp_path)
    after = History(tmp_path).counts()
    assert after["ch4-1"] == before["ch4-1"] + 1
    assert {name: n for name, n in after.items() if "/" not in name and name != "ch4-1"} == {
        name: n for name, n in before.items() if "/" not in name and name != "ch4-1"
    }
    assert balance(read_counts(tmp_path)) == []


def test_a_judged_db_that_is_replaced_under_a_running_store_is_followed_anew(tmp_path: Path) -> None:
    old = Written(tmp_path)
    for k in range(5):
        old.steady(k * 3, 3)
    following = Following(tmp_path, "history", sinks(Settings(tmp_path / "s.toml", tmp_path))["history"])
    following.step()
    old.close()
    for path in tmp_path.glob("judged.db*"):
        path.unlink()
    new = Written(tmp_path)
    new.steady(1000, 2)
    following.step()
    assert stored(tmp_path)["store.history"] == {"written": 2, "waiting": 0, "cursor": 1}
    assert sum(History(tmp_path).counts().values()) == 17
    following.close()
    new.close()


class Told:
    """A channel that remembers."""

    name = "duty"

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def send(self, notice: Notice) -> int:
        self.notices.append(notice)
        return 200


def test_a_new_judged_db_is_announced_only_where_it_says_something_new(tmp_path: Path) -> None:
    fill(tmp_path)
    judged = judge_all(tmp_path)
    told, receipts = Told(), Receipts(tmp_path)
    assert Destination(told, judged, receipts, lambda: START).tell() > 5
    first_ids = [notice.id for notice in told.notices]
    for path in tmp_path.glob("judged.db*"):
        path.unlink()
    spool = Spool(tmp_path)
    spool.append([reading(4, START + 1400 * S, 0.1), reading(4, START + 1401 * S, 1.9)], START + 1401 * S, START)
    spool.close()
    judged = judge_all(tmp_path)
    told.notices.clear()
    Destination(told, judged, receipts, lambda: START).tell()
    assert told.notices
    assert not {n.id for n in told.notices} & set(first_ids)
    assert all(change["now"] > START + 299 * S for n in told.notices for change in n.changes)
    receipts.close()


def test_a_second_judge_on_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    judging = Judging(tmp_path)
    with pytest.raises(Occupied, match="one judge"):
        Judging(tmp_path)
    judging.close()
    Judging(tmp_path).close()


# -- what is not the log and not its blocks ---------------------------------------------------------------------------


def test_dead_letters_go_with_the_log_that_has_them_and_what_was_missed_with_its_minutes(written: Written) -> None:
    writer = written.writer
    writer.dead(DeadLetter(seal, 0, "pit/x", "unparsable", None, "no JSON") for seal in (1, 4, 5, 9))
    writer.missed(Gap(1, k, "pit/x", BEGIN + k * HOUR, "ch4-1", k, k + 2, 1) for k in range(4))
    writer.tally(BEGIN, {"received": 1}, {"ch4-1": 1})
    keeper = BlockKeeper(written.folder, writer, HOUR, first=lambda: 5)
    keeper.look(BEGIN + 3 * HOUR)
    judged = Judged(written.folder)
    assert [letter["seal"] for letter in judged.dead()] == [9, 5]
    assert [gap["before"] for gap in judged.missed()] == [2, 3]
    assert judged.minutes() == {}
    writer.forget(BEGIN + 99 * HOUR, 99)
    assert (judged.dead(), judged.missed()) == ([], [])
    writer.forget(BEGIN + 99 * HOUR, 99)
    judged.close()


def test_what_a_stranger_sends_by_the_million_is_listed_up_to_a_number_and_dropped_in_portions(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.judged_writer.PORTION", 10)
    monkeypatch.setattr("collector.judged_writer.LISTED", 40)

    def comes(numbers: range) -> None:
        written.writer.dead(DeadLetter(k, 0, "x", "unparsable", None, "") for k in numbers)
        written.writer.missed(Gap(1, k, "pit/x", BEGIN + k, "ch4-1", k, k + 2, 1) for k in numbers)

    comes(range(70))
    judged, left = Judged(written.folder), list[int]()
    for numbers in (range(0), range(70, 100), range(0), range(0), range(0)):
        comes(numbers)
        written.writer.forget(0, 0)
        left.append(len(judged.dead()))
        assert left[-1] == len(judged.missed())
    assert left == [60, 50, 40, 40, 40], "a portion of what was there before, and as many as came"
    assert [letter["seal"] for letter in judged.dead()] == list(range(99, 59, -1))
    assert [gap["before"] for gap in judged.missed()] == list(range(60, 100))
    written.writer.forget(BEGIN + 99, 99)
    assert len(judged.dead()) == len(judged.missed()) == 30
    judged.close()


def a_change(occurrence: int, seq: int, change: str = "raised", rule: str = "gas") -> Change:
    return Change(START + seq * S, START, "face", "ch4-1", rule, "signal.limit", 1, "high", occurrence, change, "B",
                  1.5, 1.0, Why("signal.limit.above"), notice=f"{rule}/ch4-1#{occurrence}")  # fmt: skip


class Duty:
    """A destination that follows a written journal; the wall's clock is the test's."""

    def __init__(self, folder: Path, written: Written) -> None:
        self.folder, self.written, self.wall, self.refuses = folder, written, START, False
        self.receipts, self.sent, self.seq = Receipts(folder), list[Notice](), 0
        self.destination = Destination(self, Judged(folder), self.receipts, lambda: self.wall)

    name = "duty"

    def send(self, notice: Notice) -> int:
        self.sent.append(notice)
        if self.refuses:
            raise Rejected("no")
        return 200

    def happens(self, *changes: tuple[int, str], day: int = 0, rule: str = "gas") -> None:
        self.wall = START + day * DAY
        for occurrence, change in changes:
            self.seq += 1
            self.written.commit(changes=[a_change(occurrence, self.seq, change, rule)])
            self.destination.tell()

    def stands(self, *occurrences: int) -> None:
        rows = [{**alarm("gas"), "subject": "ch4-1", "occurrence": k} for k in occurrences]
        self.written.commit(alarms=rows)

    def trimmed(self, day: int) -> int:
        """Rows that go on that day, with receipts kept for 700 days."""
        keeper = ReceiptKeeper(self.folder, 700 * DAY, lambda: START + day * DAY)
        rows = 0
        while more := keeper.look():
            rows += more
        keeper.close()
        return rows

    def left(self, table: str) -> int:
        return int(self.receipts._store.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture
def duty(written: Written) -> Iterator[Duty]:
    made = Duty(written.folder, written)
    yield made
    made.receipts.close()


def test_receipts_go_after_keep_and_stay_counted(duty: Duty) -> None:
    duty.happens((1, "raised"), (1, "returned"))
    duty.refuses = True
    duty.happens((2, "raised"), day=1)
    duty.refuses = False
    duty.happens((3, "raised"), (3, "returned"), day=600)
    counted = announced(duty.folder)
    assert counted == {"duty": {"cursor": 5, "received": 4, "refused": 1, "owed": 0}}
    assert duty.trimmed(700) == 0
    assert duty.trimmed(702) == 4, "three receipts, and that occurrence 1 was told"
    assert announced(duty.folder) == counted
    assert [receipt.about for receipt in read_receipts(duty.folder)] == ["gas/ch4-1#3"] * 2
    assert duty.trimmed(1400) == 3
    assert announced(duty.folder) == counted
    assert (duty.left("receipt"), duty.left("told")) == (0, 0)


def test_what_is_about_an_alarm_that_stands_is_kept_and_its_return_is_told(duty: Duty) -> None:
    duty.happens((1, "raised"), (1, "returned"), (2, "raised"))
    duty.stands(2)
    assert duty.trimmed(5000) == 3
    assert [receipt.about for receipt in read_receipts(duty.folder)] == ["gas/ch4-1#2"]
    duty.sent.clear()
    duty.happens((2, "returned"), day=5000)
    assert [notice.changes[0]["change"] for notice in duty.sent] == ["returned"]
    duty.stands()
    assert duty.trimmed(6000) == 3
    assert duty.left("receipt") == 0


def test_what_is_owed_is_kept_with_all_that_its_destination_was_told(duty: Duty) -> None:
    duty.happens((1, "raised"))
    owed = Receipt("duty", "north-pit-99", "change", 1, 1, START, None, "down", "gas/ch4-1#9")
    duty.receipts.record(owed)
    assert duty.trimmed(5000) == 1, "the receipt of what was received goes"
    assert (duty.left("receipt"), duty.left("told")) == (1, 1)
    assert announced(duty.folder)["duty"] == {"cursor": 1, "received": 1, "refused": 0, "owed": 1}


def test_many_go_in_portions(duty: Duty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.receipts.PORTION", 2)
    for k in range(1, 6):
        duty.happens((k, "raised"))
    assert duty.receipts.forget(START + 1, 0, set()) == 4
    assert duty.trimmed(5000) == 6


def test_that_a_line_was_dealt_with_is_known_as_long_as_the_log_can_bring_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However old: a whole log is judged again from its beginning. One that was trimmed, from a snapshot on at most as
    old as its oldest seal; and what it brings again then is told to nobody."""
    monkeypatch.setattr("collector.keeping.DAY", 0)
    fill(tmp_path, 120)
    judged_with_snapshots(tmp_path, 40, 80)
    judged, told, receipts = Judged(tmp_path), Told(), Receipts(tmp_path)
    Destination(told, judged, receipts, lambda: START).tell()

    def dealt() -> int:
        return int(receipts._store.execute("SELECT count(*) FROM dealt").fetchone()[0])

    def keep() -> None:
        keeper = ReceiptKeeper(tmp_path, 10**6 * HOUR, lambda: LATER)
        while keeper.look():
            pass
        keeper.close()

    before = dealt()
    keep()
    assert dealt() == before > 20, "nothing of the log was trimmed"
    trim(tmp_path)
    keep()
    lines = [json.loads(line) for line in whole_journal(judged)]
    since = sum(worth(line) and line["now"] >= START + 80 * S for line in lines)
    assert before > dealt() >= since > 0

    told.notices.clear()
    for path in tmp_path.glob("judged.db*"):
        path.unlink()
    for path in sorted(tmp_path.glob("snapshots/*"))[1:]:
        path.unlink()
    judged = judge_all(tmp_path)
    Destination(told, judged, receipts, lambda: START).tell()
    assert told.notices == [], "the anchor's snapshot brings again what lies after it"
    receipts.close()


def test_a_file_of_before_is_widened_and_what_is_in_it_counts_as_new(tmp_path: Path) -> None:
    store = connect(tmp_path / FILE)
    store.executescript("""
        CREATE TABLE receipt (destination TEXT, id TEXT, kind TEXT, changes INTEGER, attempts INTEGER, sent INTEGER,
            code INTEGER, problem TEXT, PRIMARY KEY (destination, id)) WITHOUT ROWID;
        CREATE TABLE told (destination TEXT, rule TEXT, sensor TEXT, occurrence INTEGER,
            PRIMARY KEY (destination, rule, sensor, occurrence)) WITHOUT ROWID;
        CREATE TABLE dealt (destination TEXT, hash BLOB, PRIMARY KEY (destination, hash)) WITHOUT ROWID;
        CREATE TABLE cursor (destination TEXT PRIMARY KEY, seq INTEGER) WITHOUT ROWID;
        INSERT INTO receipt VALUES ('duty', 'pit-1', 'change', 2, 1, 7, 200, '');
        INSERT INTO told VALUES ('duty', 'gas', 'ch4-1', 1);
        INSERT INTO dealt VALUES ('duty', x'ab');
    """)
    store.close()
    assert announced(tmp_path)["duty"]["received"] == 2, "read before announcing has widened it"
    receipts = Receipts(tmp_path)
    assert receipts.told("duty", "gas", "ch4-1", 1)
    assert receipts.dealt("duty", "ab")
    assert receipts.forget(1000, 1000, set()) == 1, "the receipt has a time of its own"
    assert receipts.told("duty", "gas", "ch4-1", 1)
    assert announced(tmp_path)["duty"]["received"] == 2
    receipts.close()
    Receipts(tmp_path).close()


def test_trouble_with_receipts_is_waited_out(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, looks = threading.Event(), list[int]()
    keeper = ReceiptKeeper(written.folder, HOUR)

    def look() -> int:
        looks.append(1)
        if len(looks) == 1:
            raise Unavailable("locked")
        stop.set()
        return 0

    monkeypatch.setattr("collector.keeping.PAUSE", 0.001)
    monkeypatch.setattr("collector.keeping.HOUR", 0)
    monkeypatch.setattr(keeper, "look", look)
    keeper.follow(stop)
    keeper.close()
    assert len(looks) == 2


def test_a_gateways_ids_are_known_for_so_many_lines_of_the_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.calls.TAKEN_KEPT", 5)
    monkeypatch.setattr("collector.calls.FORGET_EACH", 2)
    book = CallBook(tmp_path)
    for k in range(12):
        book.write([{"now": k, "what": TAKEN, "channel": "sms", "id": f"c{k}", "gateway": f"g{k}"}], Memory(), Place())
    known = [k for k in range(12) if book.taken("sms", f"g{k}") is not None]
    book.close()
    assert known == [6, 7, 8, 9, 10, 11]
    assert len(list(read_calls(tmp_path))) == 12, "the book itself is for ever"
