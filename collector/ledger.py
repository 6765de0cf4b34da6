"""The ledger: how many of everything at every hop, and whether what went in came out or has a name.

Constraints. It reads each role's own counts and adds nothing of its own. What is merely on its way (behind a cursor)
is counted as waiting, so a ledger read while all runs balances too. A hop that does not balance is named, with numbers.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from collector.errors import Unavailable
from collector.judged import MINUTE, Judged
from collector.message import ACTION, CSV, MQTT, ORIGINS, OWN, REVISION
from collector.receipts import announced
from collector.sealing import count, trimmed
from collector.spool import SpoolReader, spool_file
from collector.sqlite import connect
from collector.stored import standings, stored
from collector.times import shown

READINGS = (MQTT, CSV, OWN)
TRIES = 10
TAKEN = ("received", "blind", "own_alarms", "test_receipts")
"""What judging counts of messages that are no actions and no revisions."""
DECODE, GATE = "spool -> decode", "decode -> gate"
Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Imbalance:
    """A hop where what went in is not what came out."""

    hop: str
    into: Mapping[str, int]
    out: Mapping[str, int]
    minutes: Mapping[int, int] = field(default_factory=dict)
    """Minute (counted from 1970) -> what is missing in it; empty where no minute can be named."""

    @property
    def missing(self) -> int:
        """What went in less what came out; below 0 more came out."""
        return sum(self.into.values()) - sum(self.out.values())

    def __str__(self) -> str:
        sides = (" + ".join(f"{name} {number}" for name, number in side.items()) for side in (self.into, self.out))
        return f"{self.hop} does not balance by {self.missing}{self._when()}: {' is not '.join(sides)}"

    def _when(self) -> str:
        if not self.minutes:
            return ""
        first, last = (shown(minute * MINUTE) for minute in (min(self.minutes), max(self.minutes) + 1))
        return f" between {first} and {last}"


@dataclass(slots=True)
class SpoolCounts:
    """Messages in the log by origin up to a seal; each call counts only what is new. What was trimmed stays counted."""

    folder: Path
    upto: int = 0
    counts: Counts = field(default_factory=dict)
    trimmed: Counts = field(default_factory=dict)
    """`trimmed` messages, and those `trimmed_early`: before `keep`, because the disk was filling up."""

    def read(self, upto: int) -> Counts:
        """Counts of all messages in seals up to `upto`."""
        if not upto:
            return {}
        path = spool_file(self.folder)
        try:
            store = connect(path, read_only=True)
            with closing(store):
                store.execute("BEGIN")
                self._add(store, upto)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{path}: {error}") from error
        return dict(self.counts)

    def _add(self, store: sqlite3.Connection, upto: int) -> None:
        first = int(store.execute("SELECT min(seq) FROM seal").fetchone()[0] or 0)
        rows = trimmed(store)
        if first > self.upto + 1:
            self.upto, self.counts = first - 1, {origin: number for origin, number, _ in rows}
        for origin, number in count(store, self.upto, upto).items():
            self.counts[origin] = self.counts.get(origin, 0) + number
        self.upto = max(self.upto, upto)
        self.trimmed = {"trimmed": sum(row[1] for row in rows), "trimmed_early": sum(row[2] for row in rows)}


def read_counts(folder: Path, spool: SpoolCounts | None = None) -> Counts:
    """All counts of a data folder by dotted name: `spool.` `judge.` `gate.` `store.NAME.` `announce.NAME.`."""
    judged = Judged(folder)
    status, judging, seals = judged.status(), judged.ledger(), SpoolReader(folder)
    seal = int(status.get("seal", 0))
    log = spool or SpoolCounts(folder)
    spooled = log.read(seal)
    counts = {f"spool.{origin}": spooled.get(origin, 0) for origin in ORIGINS}
    counts |= {f"spool.{what}": number for what, number in log.trimmed.items()}
    counts["spool.seals"] = seal
    counts["judge.waiting_seals"] = max(0, seals.last() - seal)
    counts |= {name if name.startswith("gate.") else f"judge.{name}": n for name, n in judging.items()}
    counts["judge.revisions"] = int(status.get("revision", 0))
    for name, numbers in (*stored(folder).items(), *(_announce(folder))):
        counts |= {f"{name}.{what}": number for what, number in numbers.items()}
    seals.close()
    judged.close()
    return counts


def read_at_rest(folder: Path, tries: int = TRIES) -> tuple[Counts, list[Imbalance]]:
    """Counts and what does not balance. Roles that run commit between two of our reads, so an imbalance must last."""
    for _ in range(tries - 1):
        counts = read_counts(folder)
        if not balance(counts):
            return counts, []
        time.sleep(0.2)
    counts = read_counts(folder)
    return counts, [replace(one, minutes=_where(folder, one.hop)) for one in balance(counts)]


def _where(folder: Path, hop: str) -> dict[int, int]:
    """The minutes in which a hop does not balance, as far as both sides still know them."""
    judged = Judged(folder)
    try:
        minutes = judged.minutes()
        finished = int(judged.status().get("now", 0)) // MINUTE
    finally:
        judged.close()
    into, _, out = hop.partition(" -> ")

    def judging(*names: str) -> dict[int, int]:
        return {minute: sum(counts.get(name, 0) for name in names) for minute, counts in minutes.items()}

    if hop == DECODE:
        left, right = spooled_minutes(folder, READINGS), judging(*TAKEN)
    elif hop == GATE:
        left, right = judging("readings"), judging("gate.judged", "gate.duplicate", "gate.waves")
    elif into == "judged":
        left = judging("gate.judged", "derived")
        right = next((dict(sink.minutes) for sink in standings(folder) if sink.name == out), {})
    else:
        return {}
    known = [minute for minute in left.keys() | right.keys() if right and min(right) <= minute < finished]
    return {m: left.get(m, 0) - right.get(m, 0) for m in sorted(known) if left.get(m, 0) != right.get(m, 0)}


def spooled_minutes(folder: Path, origins: Sequence[str]) -> dict[int, int]:
    """Minute -> messages of some origins in the log."""
    reader, found, seal = SpoolReader(folder), Counter[int](), 0
    try:
        while seals := reader.read(seal, 20_000):
            for one in seals:
                found[one.now // MINUTE] += sum(message.origin in origins for message in one.messages)
            seal = seals[-1].seq
    finally:
        reader.close()
    return found


def _announce(folder: Path) -> list[tuple[str, Mapping[str, int]]]:
    return [(f"announce.{name}", numbers) for name, numbers in announced(folder).items()]


def balance(counts: Mapping[str, int]) -> list[Imbalance]:
    """Every hop that does not balance; empty when all do."""

    def of(*names: str) -> dict[str, int]:
        return {name: counts.get(name, 0) for name in names}

    hops = [
        (DECODE, of(*(f"spool.{origin}" for origin in READINGS)), of(*(f"judge.{name}" for name in TAKEN))),
        ("spool -> actions", of(f"spool.{ACTION}"), of("judge.actions", "judge.dead.action")),
        ("spool -> revisions", of(f"spool.{REVISION}"), of("judge.revisions", "judge.dead.revision")),
        (GATE, of("judge.readings"), of("gate.judged", "gate.duplicate", "gate.waves")),
    ]
    for name in sorted({key.split(".")[1] for key in counts if key.startswith("store.")}):
        out = of(*(key for key in sorted(counts) if key.startswith(f"store.{name}.") and not key.endswith(".cursor")))
        hops.append((f"judged -> {name}", of("gate.judged", "judge.derived"), {**out, **of("judge.before")}))
    return [Imbalance(hop, into, out) for hop, into, out in hops if sum(into.values()) != sum(out.values())]


def verdict(counts: Mapping[str, int], wrong: Sequence[Imbalance]) -> str:
    """In one line: whether it balances, and if not, where and when."""
    if wrong:
        return f"DOES NOT BALANCE: {'; '.join(map(str, wrong))}; report it, with the data folder"
    messages = sum(counts.get(f"spool.{origin}", 0) for origin in ORIGINS)
    waiting = counts.get("judge.waiting_seals", 0)
    behind = f", {waiting:,} seals wait to be judged" if waiting else ""
    return f"balances: {messages:,} messages and {counts.get('judge.readings', 0):,} readings have a name{behind}"


def text(counts: Mapping[str, int]) -> str:
    """The counts as lines, a hop a block, what is zero left out."""
    lines: list[str] = []
    for hop in ("spool", "judge", "gate", "store", "announce"):
        rows = [(key, number) for key, number in counts.items() if key.split(".")[0] == hop and number]
        if not rows:
            continue
        lines.append(hop)
        lines += [f"  {key.partition('.')[2]:<40} {number:>14,}" for key, number in rows]
    return "\n".join(lines) or "nothing has come in yet"
