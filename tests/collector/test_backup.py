"""A copy while everything runs, a folder from it, and that nobody can change either unseen."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from collector import evidence_pack
from collector.actions import Asked, ask, ask_revision
from collector.backup import MANIFEST, backup, check, restore
from collector.errors import Damaged, DavylampError
from collector.evidence_pack import check_pack
from collector.explaining import Story, pack
from collector.history import HistorySink
from collector.inbox import Inbox
from collector.judged import Judged
from collector.judging import Judging
from collector.ledger import read_at_rest
from collector.message import MQTT, Message
from collector.replaying import replay
from collector.spool import Spool
from collector.stored import Cursor
from collector.storing import IntoHistory
from detectors.site import read_site
from tests.at_rest import judge_log, store_history

START = 1_767_225_600_000_000_000
SECOND = 1_000_000_000
DOCUMENT: dict[str, Any] = {
    "site": {"id": "small", "timezone": "UTC", "simulated": True},
    "payload": {"plain": {"topic": "small/{sensor}", "json": {"value": "v", "time": "t"}}},
    "sensor": {
        f"ch4-{k}": {"area": "face-1", "quantity": "methane", "unit": "%vol", "span": [0, 4], "every": "5s"}
        for k in range(4)
    },
    "rule": {
        "high": {
            "sensors": ["ch4-*"],
            "detector": {"kind": "signal.limit", "limit": "1.0 %vol"},
            "priority": "medium",
            "guidance": "look",
        }
    },
}


class Running:
    """A site that goes on in this process: each `step` is a second of readings, judged and stored."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.second = folder, 0
        ask_revision(folder, DOCUMENT, "test", "")
        self.spool, self.inbox = Spool(folder), Inbox(folder)
        self.judging = Judging(folder)
        self.judged, self.cursor = Judged(folder), Cursor(folder, "history")
        self.history = IntoHistory(self.judged, self.cursor, HistorySink(folder, self.judged.series))

    def step(self) -> None:
        self.second += 1
        now = START + self.second * SECOND
        value = 1.4 if self.second % 20 < 6 else 0.4
        handed_in = self.inbox.waiting()
        readings = [_reading(k, value + k / 100, now) for k in range(4)]
        self.spool.append([*handed_in, *readings], now, now)
        self.inbox.remove(handed_in)
        self.judging.catch_up()
        if self.second % 30 == 0:
            self.judging.save()
        self.history.step()

    def close(self) -> None:
        self.history.close()
        self.cursor.close()
        self.judging.close()
        self.spool.close()


def _reading(sensor: int, value: float, at: int) -> Message:
    return Message(f"small/ch4-{sensor}", json.dumps({"v": value, "t": at}).encode(), MQTT)


@contextmanager
def going_on(folder: Path) -> Iterator[Running]:
    """A site that runs in a thread of its own until the block ends."""
    stop, started = threading.Event(), threading.Event()
    found: list[Running] = []

    def run() -> None:
        running = Running(folder)
        found.append(running)
        for _ in range(60):
            running.step()
        started.set()
        while not stop.is_set():
            running.step()
        running.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(30)
    try:
        yield found[0]
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder at rest, with 90 s of readings."""
    running = Running(tmp_path / "data")
    for _ in range(90):
        running.step()
    running.close()
    return tmp_path / "data"


def test_what_is_copied_while_all_runs_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    with going_on(tmp_path / "data") as running:
        before = running.second
        copy = backup(tmp_path / "data", tmp_path / "copy")
        ask(tmp_path / "data", Asked("acknowledge", "high", "ch4-0", "Li"))
    assert copy.seal >= before
    assert restore(tmp_path / "copy", tmp_path / "again") == copy

    judge_log(tmp_path / "again")
    lines = Judged(tmp_path / "again").journal(0, 10_000)
    original = Judged(tmp_path / "data").journal(0, 10_000)
    assert lines == original[: len(lines)], "the same journal, as far as the copied log goes"
    assert len(lines) >= copy.lines > 3
    store_history(tmp_path / "again")
    counts, wrong = read_at_rest(tmp_path / "again")
    assert wrong == []
    assert counts["spool.seals"] == copy.seal
    assert replay(read_site(DOCUMENT), tmp_path / "again").hash == lines[-1][2]


def test_a_copy_is_for_its_owner_and_leaves_out_what_only_the_machine_needs(data: Path, tmp_path: Path) -> None:
    (data / "alive").mkdir()
    (data / "alive" / "judge.json").write_text("{}")
    (data / "reserve").write_bytes(b"\0" * 1000)
    (data / "accept.key").write_bytes(b"secret")
    (data / "accept.key").chmod(0o600)
    copy = backup(data, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0
    assert (tmp_path / "copy" / "accept.key").stat().st_mode & 0o077 == 0
    left_out = ("alive/judge.json", "reserve", "judged.lock", "spool.db-wal")
    assert not set(left_out) & set(copy.files)
    assert {"spool.db", "judged.db", "history.db", "cursors/history.sqlite", "accept.key"} <= set(copy.files)


def test_any_file_that_is_changed_missing_or_cut_is_named(data: Path, tmp_path: Path) -> None:
    copy = backup(data, tmp_path / "copy")
    assert check(tmp_path / "copy") == copy
    for name in copy.files:
        path = tmp_path / "copy" / name
        whole = path.read_bytes()
        for broken in (whole[:-1], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:] if len(whole) > 41 else b"?"):
            path.write_bytes(broken)
            with pytest.raises(Damaged, match=r"was changed since it was copied"):
                restore(tmp_path / "copy", tmp_path / "again")
        path.unlink()
        with pytest.raises(Damaged, match="is missing"):
            restore(tmp_path / "copy", tmp_path / "again")
        path.write_bytes(whole)
    assert not (tmp_path / "again").exists()


def test_a_folder_in_use_is_not_overwritten(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DavylampError, match="inside the data folder"):
        backup(data, data / "copy")
    backup(data, tmp_path / "copy")
    with pytest.raises(DavylampError, match="in use, allowed: a new or empty folder"):
        backup(data, tmp_path / "copy")
    with pytest.raises(DavylampError, match="in use, allowed: a new or empty folder"):
        restore(tmp_path / "copy", data)
    assert not (tmp_path / "copy.part").exists()


def test_a_log_that_lacks_what_judging_stands_for_is_no_copy(data: Path, tmp_path: Path) -> None:
    store = sqlite3.connect(data / "spool.db")
    store.execute("DELETE FROM seal WHERE seq > 50")
    store.commit()
    store.close()
    with pytest.raises(Damaged, match="judging has judged up to seal 90, the log in it ends at 50"):
        backup(data, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_journal_that_was_changed_is_no_copy(data: Path, tmp_path: Path) -> None:
    store = sqlite3.connect(data / "judged.db")
    store.execute("UPDATE journal SET line = replace(line, 'raised', 'RAISED') WHERE seq = 3")
    store.commit()
    store.close()
    with pytest.raises(Damaged, match="the journal was changed: line"):
        backup(data, tmp_path / "copy")


def test_what_is_no_copy_or_of_a_later_version_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="no copy that `davylamp backup` made"):
        check(data)
    backup(data, tmp_path / "copy")
    manifest = tmp_path / "copy" / MANIFEST
    manifest.write_text(manifest.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(Damaged, match="use the newer one"):
        check(tmp_path / "copy")


# -- evidence ------------------------------------------------------------------------------------------------------


@pytest.fixture
def evidence(data: Path, tmp_path: Path) -> Path:
    story = Story.of(data, "high", "ch4-1", None)
    assert story is not None
    pack(data, story, tmp_path / "evidence.zip")
    return tmp_path / "evidence.zip"


def test_evidence_is_checked_without_the_data_folder(data: Path, evidence: Path) -> None:
    checked = check_pack(evidence)
    assert checked.alarm.startswith("high/ch4-1#")
    assert (checked.lines, "", checked.hash) in [(seq, "", hash) for seq, _, hash in Judged(data).journal(0, 10_000)]


@pytest.mark.parametrize("name", ["alarm.json", "alarm.txt", "journal.jsonl", "revision.json", "readings.csv"])
def test_evidence_that_was_changed_is_found(evidence: Path, tmp_path: Path, name: str) -> None:
    changed = _rewritten(evidence, tmp_path / "changed.zip", {name: lambda text: text.replace(b"1", b"2", 1)})
    with pytest.raises(Damaged, match=f"{name} was changed"):
        check_pack(changed)


def test_a_forger_who_makes_a_new_manifest_is_found_by_the_chain(evidence: Path, tmp_path: Path) -> None:
    def forged(texts: dict[str, bytes]) -> dict[str, bytes]:
        texts["journal.jsonl"] = texts["journal.jsonl"].replace(b'"raised"', b'"RAISED"', 1)
        digests = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items() if name != "manifest.json"}
        return texts | {"manifest.json": json.dumps({"version": 1, "files": digests}).encode()}

    with zipfile.ZipFile(evidence) as packed:
        texts = forged({name: packed.read(name) for name in packed.namelist()})
    with zipfile.ZipFile(tmp_path / "forged.zip", "w") as packed:
        for name, text in texts.items():
            packed.writestr(name, text)
    with pytest.raises(Damaged, match="its journal was changed"):
        check_pack(tmp_path / "forged.zip")


def test_what_is_no_evidence_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    with pytest.raises(Damaged, match="no evidence that"):
        check_pack(tmp_path / "x.zip")


def _rewritten(source: Path, target: Path, changes: dict[str, Any]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, changes[name](text) if name in changes else text)
    return target


@pytest.mark.parametrize("name", ["../stolen", "/", "a/../../stolen", "linked", "folder/stolen"])
def test_a_copy_whose_manifest_leads_out_of_it_is_not_restored(tmp_path: Path, name: str) -> None:
    """Whoever can change a copy makes a manifest that fits; he writes and reads nowhere else with it."""
    copy, outside = tmp_path / "copies" / "copy", tmp_path / "copies" / "stolen"
    copy.mkdir(parents=True)
    outside.write_text("of somebody else")
    (copy / "linked").symlink_to(outside)
    (copy / "folder").symlink_to(outside.parent)
    name = str(outside) if name == "/" else name
    files = {name: hashlib.sha256(outside.read_bytes()).hexdigest()}
    told = {"version": 1, "site": "pit", "wall": 0, "seal": 0, "lines": 0, "hash": "", "files": files}
    (copy / MANIFEST).write_text(json.dumps(told))
    with pytest.raises(Damaged, match="leads out of it"):
        restore(copy, tmp_path / "data" / "deep")
    assert not (tmp_path / "data").exists()


def test_a_manifest_with_no_table_of_files_is_none(tmp_path: Path) -> None:
    told = {"version": 1, "site": "pit", "wall": 0, "seal": 0, "lines": 0, "hash": "", "files": ["a"]}
    (tmp_path / MANIFEST).write_text(json.dumps(told))
    with pytest.raises(Damaged, match="no copy that"):
        check(tmp_path)


def test_a_pack_that_unpacks_to_more_than_any_evidence_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(4):
            packed.writestr(f"{number}", bytes(300))
    monkeypatch.setattr(evidence_pack, "LARGEST", 1_000)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(Damaged, match="unpacks to 1200 bytes"):
        check_pack(tmp_path / "bomb.zip")
