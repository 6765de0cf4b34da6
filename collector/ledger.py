"""The ledger: how many of everything at every hop, and whether what went in came out or has a name.

Constraints. It reads each role's own counts and adds nothing of its own. What is merely on its way (behind a cursor)
is counted as waiting, so a ledger read while all runs balances too. A hop that does not balance is named, with numbers.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collector.errors import Unavailable
from collector.judged import Judged
from collector.message import ACTION, CSV, MQTT, ORIGINS, OWN, REVISION
from collector.receipts import announced
from collector.spool import SpoolReader, spool_file
from collector.stored import stored

READINGS = (MQTT, CSV, OWN)
TRIES = 10
Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Imbalance:
    """A hop where what went in is not what came out."""

    hop: str
    into: Mapping[str, int]
    out: Mapping[str, int]

    def __str__(self) -> str:
        missing = sum(self.into.values()) - sum(self.out.values())
        sides = (" + ".join(f"{name} {number}" for name, number in side.items()) for side in (self.into, self.out))
        return f"{self.hop} does not balance by {missing}: {' is not '.join(sides)}; report it, with the data folder"


@dataclass(slots=True)
class SpoolCounts:
    """Messages in the log by origin up to a seal; each call counts only what is new."""

    folder: Path
    upto: int = 0
    counts: Counts = field(default_factory=dict)

    def read(self, upto: int) -> Counts:
        """Counts of all messages in seals up to `upto`."""
        if not upto:
            return {}
        try:
            store = sqlite3.connect(f"{spool_file(self.folder).absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{spool_file(self.folder)}: {error}") from error
        try:
            self._add(store, upto)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{spool_file(self.folder)}: {error}") from error
        finally:
            store.close()
        return dict(self.counts)

    def _add(self, store: sqlite3.Connection, upto: int) -> None:
        between = "FROM seal WHERE seq > ? AND seq <= ?"
        pure = store.execute(f"SELECT origin, sum(messages) {between} GROUP BY origin", (self.upto, upto)).fetchall()
        mixed = store.execute(f"SELECT seq {between} AND instr(origin, ',')", (self.upto, upto)).fetchall()
        for origin, number in pure:
            if origin in ORIGINS:
                self.counts[origin] = self.counts.get(origin, 0) + number
        reader = SpoolReader(self.folder)
        for (seq,) in mixed:
            for message in reader.read(seq - 1, 1)[0].messages:
                self.counts[message.origin] = self.counts.get(message.origin, 0) + 1
        reader.close()
        self.upto = max(self.upto, upto)


def read_counts(folder: Path, spool: SpoolCounts | None = None) -> Counts:
    """All counts of a data folder by dotted name: `spool.` `judge.` `gate.` `store.NAME.` `announce.NAME.`."""
    judged = Judged(folder)
    status, judging, seals = judged.status(), judged.ledger(), SpoolReader(folder)
    seal = int(status.get("seal", 0))
    spooled = (spool or SpoolCounts(folder)).read(seal)
    counts = {f"spool.{origin}": spooled.get(origin, 0) for origin in ORIGINS}
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
    return counts, balance(counts)


def _announce(folder: Path) -> list[tuple[str, Mapping[str, int]]]:
    return [(f"announce.{name}", numbers) for name, numbers in announced(folder).items()]


def balance(counts: Mapping[str, int]) -> list[Imbalance]:
    """Every hop that does not balance; empty when all do."""

    def of(*names: str) -> dict[str, int]:
        return {name: counts.get(name, 0) for name in names}

    hops = [
        ("spool -> decode", of(*(f"spool.{origin}" for origin in READINGS)), of("judge.received", "judge.blind")),
        ("spool -> actions", of(f"spool.{ACTION}"), of("judge.actions", "judge.dead.action")),
        ("spool -> revisions", of(f"spool.{REVISION}"), of("judge.revisions", "judge.dead.revision")),
        ("decode -> gate", of("judge.readings"), of("gate.judged", "gate.duplicate", "gate.waves")),
    ]
    for name in sorted({key.split(".")[1] for key in counts if key.startswith("store.")}):
        out = of(*(key for key in sorted(counts) if key.startswith(f"store.{name}.") and not key.endswith(".cursor")))
        hops.append((f"judged -> {name}", of("gate.judged", "judge.derived"), out))
    return [Imbalance(hop, into, out) for hop, into, out in hops if sum(into.values()) != sum(out.values())]


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
