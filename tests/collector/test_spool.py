"""The log: what was appended is there, whole, in order, once; whatever is killed."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collector.errors import Damaged, Occupied, Unavailable
from collector.message import Message, Seal
from collector.sealing import SEAL_BYTES, SEAL_MESSAGES
from collector.spool import Spool, SpoolReader, spool_file


def message(payload: bytes = b"1", topic: str = "pit/a/b", name: str = "") -> Message:
    return Message(topic, payload, "mqtt", id=name)


def seals_of(folder: Path) -> list[Seal]:
    reader, seals = SpoolReader(folder), list[Seal]()
    while more := reader.read(seals[-1].seq if seals else 0):
        seals += more
    reader.close()
    return seals


def everything(folder: Path) -> list[Message]:
    return [message for seal in seals_of(folder) for message in seal.messages]


def test_a_seal_is_read_as_it_was_appended(tmp_path: Path) -> None:
    spool, reader = Spool(tmp_path), SpoolReader(tmp_path)
    sent = (message(b"\x00\xff"), Message("own/x", b"{}", "own", True, "an-id"))
    assert spool.append(sent, 5, 6) == 1
    assert reader.read(0) == [Seal(1, 5, 6, sent)]
    assert reader.read(1) == []
    assert (spool.last(), reader.last()) == (1, 1)


def test_no_message_at_all_is_a_tick(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert [spool.append([], now, 0) for now in (1, 2)] == [1, 2]
    assert SpoolReader(tmp_path).read(0) == [Seal(1, 1, 0), Seal(2, 2, 0)]


def test_many_messages_are_cut_into_seals_with_arrivals_that_do_not_collide(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert spool.append([message(b"%d" % k) for k in range(2 * SEAL_MESSAGES + 1)], 100, 1) == 3
    seals = SpoolReader(tmp_path).read(0)
    assert [len(seal.messages) for seal in seals] == [SEAL_MESSAGES, SEAL_MESSAGES, 1]
    for before, after in zip(seals, seals[1:], strict=False):
        assert after.now >= before.now + len(before.messages)
    assert everything(tmp_path)[-1].payload == b"1000"


def test_a_seal_holds_at_most_its_bytes(tmp_path: Path) -> None:
    Spool(tmp_path).append([message(b"x" * 200_000) for _ in range(5)], 1, 1)
    sizes = [sum(len(m.payload) for m in seal.messages) for seal in SpoolReader(tmp_path).read(0)]
    assert sizes == [400_000, 400_000, 200_000]
    assert max(sizes) <= SEAL_BYTES


def test_a_larger_payload_lies_beside_and_is_read_back(tmp_path: Path) -> None:
    large = bytes(range(256)) * 4096
    Spool(tmp_path).append([message(b"1"), message(large), message(b"2")], 1, 1)
    assert [m.payload for m in everything(tmp_path)] == [b"1", large, b"2"]
    (beside,) = (tmp_path / "beside").iterdir()
    assert beside.read_bytes() == large
    rows = sqlite3.connect(spool_file(tmp_path)).execute("SELECT max(length(blob)) FROM seal").fetchone()
    assert rows[0] < 1000


def test_a_payload_beside_that_was_removed_holds_nothing_up(tmp_path: Path) -> None:
    Spool(tmp_path).append([message(b"x" * (SEAL_BYTES + 1)), message(b"2")], 1, 1)
    for beside in (tmp_path / "beside").iterdir():
        beside.unlink()
    assert [m.payload for m in everything(tmp_path)] == [b"", b"2"]


def test_an_id_is_appended_once_over_restarts(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([message(b"1", name="a"), message(b"2", name="a"), message(b"3")], 1, 1)
    spool.close()
    spool = Spool(tmp_path)
    spool.append([message(b"4", name="a"), message(b"3")], 9, 1)
    spool.close()
    assert [m.payload for m in everything(tmp_path)] == [b"1", b"3", b"3"]


def test_now_never_goes_back_over_restarts(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([message()], 1_000, 1)
    spool.close()
    spool = Spool(tmp_path)
    assert spool.now > 1_000
    spool.append([], 7, 1)
    assert SpoolReader(tmp_path).read(1)[0].now >= 1_000


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    import os

    spool = Spool(tmp_path)
    with pytest.raises(Occupied, match=f"process {os.getpid()}; one data folder has one collector"):
        Spool(tmp_path)
    spool.close()
    Spool(tmp_path).close()


def test_a_reader_writes_nothing(tmp_path: Path) -> None:
    Spool(tmp_path).append([message()], 1, 1)
    reader = SpoolReader(tmp_path)
    store = reader._open()
    assert store is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.execute("DELETE FROM seal")


def test_before_there_is_a_log_it_is_empty_and_then_it_is_there(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path / "later")
    assert (reader.read(0), reader.last()) == ([], 0)
    Spool(tmp_path / "later").append([], 1, 1)
    assert reader.last() == 1
    reader.close()


def test_a_read_is_bounded_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for now in range(10):
        spool.append([message()] * 10, now * 10**6, 1)
    reader = SpoolReader(tmp_path)
    first = reader.read(0, messages=25)
    assert [seal.seq for seal in first] == [1, 2, 3]
    assert [seal.seq for seal in reader.read(first[-1].seq, messages=1)] == [4]


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    Spool(tmp_path).close()
    store = sqlite3.connect(spool_file(tmp_path))
    store.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(Damaged, match="format 99"):
        Spool(tmp_path)


def test_a_file_that_is_no_log_is_reported(tmp_path: Path) -> None:
    spool_file(tmp_path).write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(Damaged, match="keep the file"):
        Spool(tmp_path)


def test_a_disk_that_is_full_is_unavailable_and_nothing_is_half_there(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([message()], 1, 1)
    pages = spool._store.execute("PRAGMA page_count").fetchone()[0]
    spool._store.execute(f"PRAGMA max_page_count = {pages}")
    many = [message(b"x" * 1000, name=f"id-{k}") for k in range(600)]
    with pytest.raises(Unavailable, match="full"):
        spool.append(many, 2, 2)
    assert len(everything(tmp_path)) == 1
    spool._store.execute("PRAGMA max_page_count = 1000000")
    spool.append(many, 3, 3)
    assert len(everything(tmp_path)) == 601


def test_trimming_removes_seals_and_what_lay_beside_them_but_no_number_is_used_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    shared, single = b"s" * (SEAL_BYTES + 1), b"o" * (SEAL_BYTES + 1)
    for payload in (single, shared, b"1", shared):
        spool.append([message(payload)], 1, 1)
    assert spool.trim(4) == 3
    assert [m.payload for m in everything(tmp_path)] == [shared]
    assert len(list((tmp_path / "beside").iterdir())) == 1
    assert spool.trim(5) == 0, "the newest seal carries seq and now on"
    spool.close()
    spool = Spool(tmp_path)
    assert spool.append([], 1, 1) == 5


WRITER = """
import sys
from pathlib import Path
from collector.message import Message
from collector.spool import Spool
spool = Spool(Path(sys.argv[1]))
at = int(sys.argv[2])
while True:
    size = 600_000 if at % 30 == 0 else 20
    spool.append([Message("t", b"%d " % (at + k) + b"x" * size, "mqtt", id=f"m-{at + k}") for k in range(3)], at, at)
    at += 3
    print(at, flush=True)
"""


@pytest.mark.chaos
def test_a_writer_killed_anywhere_loses_nothing_it_had_appended_and_tears_nothing(tmp_path: Path) -> None:
    random.seed(5)
    promised = 0
    for _ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, str(promised)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(random.uniform(0.01, 0.15))
        writer.send_signal(signal.SIGKILL)
        said = writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()
        whole = [m.payload.split() for m in everything(tmp_path)]
        held = [int(number) for number, _ in whole]
        assert held == list(range(len(held)))
        assert {len(rest) for _, rest in whole} <= {20, 600_000}
        assert len(held) >= (int(said[-2]) if len(said) > 1 else promised)
        promised = len(held)
    assert {len(rest) for _, rest in whole} == {20, 600_000}


sizes = st.one_of(st.integers(1, 20), st.sampled_from([200_000, SEAL_BYTES + 1]))
sent = st.tuples(sizes, st.text(max_size=5), st.sampled_from(["", "", "a", "b", "c"]))


class Model(RuleBasedStateMachine):
    """The spool beside a plain list."""

    @initialize(folder=st.uuids())
    def begin(self, folder: object) -> None:
        import tempfile

        self.holder = tempfile.TemporaryDirectory()
        self.folder = Path(self.holder.name)
        self.spool, self.reader = Spool(self.folder), SpoolReader(self.folder)
        self.expected: list[Message] = []
        self.seen: set[str] = set()
        self.read: list[Seal] = []
        self.now = 0

    @rule(sent=st.lists(sent, max_size=8), later=st.integers(-1000, 10**6))
    def append(self, sent: list[tuple[int, str, str]], later: int) -> None:
        messages = [message(b"x" * size, topic, name) for size, topic, name in sent]
        for one in messages:
            if not one.id or one.id not in self.seen:
                self.expected.append(one)
            self.seen |= {one.id} - {""}
        self.now += later
        assert self.spool.append(messages, self.now, 0) == self.spool.last() == self.reader.last()

    @rule(limit=st.integers(1, 10))
    def follow(self, limit: int) -> None:
        self.read += self.reader.read(self.read[-1].seq if self.read else 0, limit)

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = Spool(self.folder)

    @invariant()
    def the_log_is_the_list(self) -> None:
        seals = seals_of(self.folder)
        same = [one for seal in seals for one in seal.messages] == self.expected
        assert same, "the log's messages are not those appended"
        assert [seal.seq for seal in seals] == list(range(1, len(seals) + 1))
        assert all(a.now + len(a.messages) <= b.now or not a.messages for a, b in zip(seals, seals[1:], strict=False))
        assert all(a.now <= b.now for a, b in zip(seals, seals[1:], strict=False))
        followed = self.read == seals[: len(self.read)]
        assert followed, "a follower read something else than the log"

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
            self.reader.close()
            self.holder.cleanup()


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 3), max_size=10))
def test_every_append_ends_one_transaction(counts: list[int]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        for now, count in enumerate(counts):
            spool.append([message()] * count, now * 1000, 0)
            assert not spool._store.in_transaction
        spool.close()
