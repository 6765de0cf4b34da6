"""Keeps a Prometheus Alertmanager's view equal to what stands, by POST to /api/v2/alerts.

Constraints. What stands is sent at once and again each AGAIN s; its end lies a day ahead, so that a dead Davylamp never
reads as resolved: only the alarm's return ends it, and that is sent again for RESOLVED s. Labels are those with which
it was first sent, kept over restarts in a file. A hidden alarm goes on firing under a silence of ours. `DavylampAlive`
fires while this runs and resolves LIFE s after it stopped: the far side's dead man's switch.
Source: Alertmanager's API v2; reference grafana.md section 2 (a client must send again what fires, and what resolved).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from collector.errors import Rejected, Unavailable
from collector.following import follow
from collector.posting import ask, post
from collector.reached import tell
from collector.times import rfc3339
from collector.whole import whole
from dashboards.console.figures import measured
from dashboards.console.paths import sensor_path
from detectors.records import spelled

log = logging.getLogger(__name__)
SECOND = 1_000_000_000
AGAIN, RESOLVED, LIFE, DAY = 30 * SECOND, 300 * SECOND, 120 * SECOND, 86_400 * SECOND
SILENCE = 600 * SECOND
"""A silence's length; renewed while the alarm is hidden."""
POLL, LONGEST_WAIT = 0.2, 10.0
"""s: between two looks, between two attempts."""
SYSTEM = "davylamp"
FILE = "alertmanager.json"


class Followed(Protocol):
    """What is read of judging: `collector.judged.Judged`."""

    def journal(self, after: int, limit: int = 1000) -> list[tuple[int, str, str]]: ...
    def alarms(self) -> list[dict[str, Any]]: ...
    def status(self) -> dict[str, Any]: ...


class Sent(msgspec.Struct):
    """One alert as the far side knows it."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts: int
    at: int = 0
    """ns when it was last sent."""
    ends: int = 0
    """ns; 0 while it stands."""
    silence: str = ""
    silenced: int = 0
    """ns until which."""


@dataclass(slots=True)
class Alertmanager:
    """One Alertmanager at `url`; `folder` keeps what it was sent."""

    url: str
    folder: Path
    followed: Followed
    page: str = ""
    wall: Callable[[], int] = time.time_ns
    name: str = "alertmanager"
    _sent: dict[str, Sent] = field(default_factory=dict)
    _seen: int = -1
    _alive: int = 0
    _kept: bytes = b"{}"

    def __post_init__(self) -> None:
        path = self.folder / FILE
        if path.exists():
            self._kept = path.read_bytes()
            self._sent = msgspec.json.decode(self._kept, type=dict[str, Sent])

    def step(self) -> int:
        """Send what is due; the number of alerts sent. Raises `Unavailable` or `Rejected` with nothing forgotten."""
        now = self.wall()
        moved = bool(self.followed.journal(max(self._seen, 0), 1)) or self._seen < 0
        if moved or now - self._alive >= AGAIN:
            self._take(now)
        self._forget(now)
        due = [sent for sent in self._sent.values() if now - sent.at >= AGAIN]
        if due or now - self._alive >= AGAIN:
            post(f"{self.url}/api/v2/alerts", [*(_alert(one, now) for one in due), self._life(now)], self.name)
            for name, one in self._sent.items():
                if "test" in one.annotations and one.at == 0 and not one.ends:
                    tell(self.folder, self.name, {name: one.annotations["test"]})
            for one in due:
                one.at = now
            self._alive = now
        self._hide(now)
        self._keep()
        return len(due)

    def follow(self, stop: threading.Event) -> None:
        """Step until stopped."""

        def step() -> float:
            self.step()
            return POLL

        follow(f"destination={self.name}", step, stop, LONGEST_WAIT, again_after=(Unavailable, Rejected))

    def _take(self, now: int) -> None:
        """What stands now into what is to be sent."""
        while lines := self.followed.journal(max(self._seen, 0), 1000):
            self._seen = lines[-1][0]
        self._seen = max(self._seen, 0)
        site = str(self.followed.status().get("site", ""))
        standing = {_spelled(row): row for row in self.followed.alarms() if _stands(row)}
        for name, row in standing.items():
            known = self._sent.get(name)
            if known is None:
                self._sent[name] = known = Sent(_labels(row, site), {}, int(row["since"] or now))
            known.annotations = _annotations(row, self.page)
            known.silenced = 0 if not row["hidden"] else known.silenced or 1
        for name, known in self._sent.items():
            if name not in standing and not known.ends:
                known.ends, known.at = now, 0

    def _hide(self, now: int) -> None:
        """A silence for each that is hidden, renewed; ended when it is not."""
        for sent in self._sent.values():
            if sent.silenced and sent.silenced - now < SILENCE // 2 and not sent.ends:
                until = now + SILENCE
                body = {"matchers": [{"name": key, "value": value, "isRegex": False, "isEqual": True}
                                     for key, value in sent.labels.items()],
                        "startsAt": rfc3339(now), "endsAt": rfc3339(until), "createdBy": "davylamp",
                        "comment": sent.annotations.get("hidden", "hidden")}  # fmt: skip
                sent.silence = self._silence(body | ({"id": sent.silence} if sent.silence else {}))
                sent.silenced = until
            elif sent.silence and (not sent.silenced or sent.ends):
                self._unsilence(sent.silence)
                sent.silence = ""

    def _silence(self, body: Mapping[str, Any]) -> str:
        answer = ask(f"{self.url}/api/v2/silences", "POST", body, self.name)
        return str(json.loads(answer.body)["silenceID"])

    def _unsilence(self, name: str) -> None:
        try:
            ask(f"{self.url}/api/v2/silence/{name}", "DELETE", None, self.name)
        except (Unavailable, Rejected) as error:
            log.warning("destination=%s silence=%s ends by itself reason=%s", self.name, name, error)

    def _life(self, now: int) -> dict[str, Any]:
        labels = {"alertname": "DavylampAlive", "system": SYSTEM, "site": str(self.followed.status().get("site", ""))}
        return {"labels": labels, "annotations": {"summary": "resolved = Davylamp is dead"},
                "endsAt": rfc3339(now + LIFE)}  # fmt: skip

    def _forget(self, now: int) -> None:
        self._sent = {name: sent for name, sent in self._sent.items()
                      if not sent.ends or now - sent.ends <= RESOLVED or sent.silence}  # fmt: skip

    def _keep(self) -> None:
        """On disk, where it differs from what is there. Raises `Unavailable` with all of it still in memory."""
        now = msgspec.json.encode(self._sent)
        if now == self._kept:
            return
        try:
            with whole(self.folder / FILE) as file:
                file.write(now)
        except OSError as error:
            raise Unavailable(f"{self.folder / FILE}: {error}") from error
        self._kept = now


def _stands(row: Mapping[str, Any]) -> bool:
    return bool(row["active"] or row["latched"]) and row["priority"] != "log"


def _spelled(row: Mapping[str, Any]) -> str:
    return spelled(row["rule"], row["subject"], row["occurrence"])


def _labels(row: Mapping[str, Any], site: str) -> dict[str, str]:
    labels = {"alertname": row["rule"], "system": SYSTEM, "site": site, "area": row["area"], "sensor": row["subject"],
              "kind": row["kind"], "rule": row["rule"], "priority": row["priority"]}  # fmt: skip
    labels |= {"test": "true"} if row.get("test") else {}
    return {key: str(value) for key, value in labels.items() if value}


def _annotations(row: Mapping[str, Any], page: str) -> dict[str, str]:
    shown = {"value": measured(row["value"], row["unit"], row.get("states") or ()),
             "limit": measured(row["limit"], row["unit"])}  # fmt: skip
    figures = [f"{name} {figure}" for name, figure in shown.items() if figure]
    mark = "TEST " if row.get("test") else ""
    said: dict[str, str] = {
        "summary": f"{mark}{row['area']} {_spelled(row)} {' '.join(figures)}", "guidance": row["guidance"],
        "test": row.get("test", ""), "consequence": row["consequence"], "citation": row["citation"],
        "hidden": ", ".join(row["hidden"]),
        "page": page + sensor_path(row["subject"]) if page else "",
    }  # fmt: skip
    return {key: value for key, value in said.items() if value}


def _alert(sent: Sent, now: int) -> dict[str, Any]:
    return {"labels": sent.labels, "annotations": sent.annotations, "startsAt": rfc3339(sent.starts),
            "endsAt": rfc3339(sent.ends or now + DAY)}  # fmt: skip
