"""The watchdog: watches that the roles live and that judging keeps up, and says by its own means when not.

Constraints. A process of its own that knows nothing of readings, rules and alarms: it reads the signs of life
(heartbeat.py) and nothing else, and imports nothing that judging is made of. A sign is old by this process's own
monotonic clock since the file was seen to change, so no machine's clock that is set raises or hides anything. What it
has to say it says until it is delivered, says again while it lasts, and says when all is well again. One line of log
a decision.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from typing import Any, Literal, Protocol

from collector.heartbeat import read_heartbeats

SECOND = 10**9
LOOK = 1.0
"""s between two looks."""
TRY_AGAIN = 10.0
"""s until what could not be delivered is tried again."""
TIMEOUT = 10.0
"""s that a command or an address may take."""
STEADY = 5.0
"""s that all must be well before it is said."""
_SAID: Mapping[str, tuple[str, str]] = {
    "never": (
        "{role}: no sign of life since the watchdog began, {age:.0f} s",
        "{role}：看门狗启动 {age:.0f} s 以来无心跳",
    ),
    "silent": ("{role}: no sign of life for {age:.0f} s", "{role}：{age:.0f} s 无心跳"),
    "failing": ("{role} dies each time it is begun", "{role} 反复异常终止"),
    "behind": ("judging is {age:.0f} s behind what was collected", "研判落后采集 {age:.0f} s"),
    "bad": ("{site}: MONITORING STALLED. {what}", "{site}：监测停滞。{what}"),
    "good": ("{site}: monitoring is well again after {age:.0f} s", "{site}：监测已恢复，历时 {age:.0f} s"),
    "do": (
        "Alarms may not come. Watch the site by other means; on the machine: systemctl status davylamp, "
        "docs/operations.md.",
        "报警可能不会发出。请以其他手段监视现场；在主机上查看 systemctl status davylamp 和 docs/operations.md。",
    ),
}  # fmt: skip

log = logging.getLogger(__name__)
Language = Literal["en", "zh"]


class NotDelivered(Exception):
    """The message could not be handed over; `str(error)` says why, without the address."""


class Voice(Protocol):
    """A way out of the machine that has nothing to do with Davylamp's channels."""

    def say(self, headline: str, text: str, well: bool) -> None:
        """Deliver, or raise NotDelivered."""
        ...


@dataclass(frozen=True, slots=True)
class CommandVoice:
    """A program on this machine; no shell. {headline} and {text} of its words are filled in."""

    words: Sequence[str]

    def say(self, headline: str, text: str, well: bool) -> None:
        """Run it."""
        filled = [word.replace("{headline}", headline).replace("{text}", text) for word in self.words]
        try:
            done = subprocess.run(filled, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            raise NotDelivered(f"{self.words[0]} took longer than {TIMEOUT:.0f} s") from None
        except OSError as error:
            raise NotDelivered(f"{self.words[0]}: {error.strerror}") from None
        if done.returncode != 0:
            raise NotDelivered(f"{self.words[0]} ended with {done.returncode}")


@dataclass(frozen=True, slots=True)
class WebhookVoice:
    """POST of {"version", "headline", "text", "well"}."""

    url: str = field(repr=False)

    def say(self, headline: str, text: str, well: bool) -> None:
        """Post it; only 2xx is delivered."""
        body = dumps({"version": 1, "headline": headline, "text": text, "well": well}, ensure_ascii=False).encode()
        _request(self.url, body)


def ping(url: str) -> None:
    """Tell an outside dead-man service that all is well. Raises NotDelivered."""
    _request(url, None)


def _request(url: str, body: bytes | None) -> None:
    try:
        asked = urllib.request.Request(url, body, {"Content-Type": "application/json; charset=utf-8"} if body else {})
        with urllib.request.urlopen(asked, timeout=TIMEOUT):
            return
    except urllib.error.HTTPError as error:
        error.close()
        raise NotDelivered(f"it answered {error.code}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NotDelivered(str(reason) if isinstance(reason, OSError) else type(error).__name__) from None


@dataclass(frozen=True, slots=True)
class Limits:
    """s each: how old a sign may be, how far judging may be behind, and when what lasts is said again."""

    silent: float = 30.0
    behind: float = 30.0
    again: float = 600.0
    ping: float = 60.0


@dataclass(slots=True)
class Watch:
    """What has been seen; pure but for the time it is given (s, monotonic)."""

    roles: Sequence[str]
    limits: Limits
    began: float
    _last: dict[str, Mapping[str, Any]] | None = None
    _alive: dict[str, float] = field(default_factory=dict)
    """When each role was last seen to say something new."""

    def wrong(self, said: Mapping[str, Mapping[str, Any]], at: float) -> list[tuple[str, dict[str, Any]]]:
        """What is wrong at a time, as (what, with which numbers); nothing while all is well."""
        if self._last is not None:  # what lay there before the first look proves nothing
            self._alive |= {role: at for role in said if said[role] != self._last.get(role)}
        self._last = dict(said)
        found: list[tuple[str, dict[str, Any]]] = []
        for role in self.roles:
            age = at - self._alive.get(role, self.began)
            if age > self.limits.silent:
                found.append(("silent" if role in self._alive else "never", {"role": role, "age": age}))
            else:
                found += [("failing", {"role": f"{role}/{work}"}) for work in _failing(said.get(role, {}))]
        behind = _behind(said) if {"collect", "judge"} <= set(self.roles) else 0.0
        if behind > self.limits.behind and not any(one[1]["role"] in ("collect", "judge") for one in found):
            found.append(("behind", {"role": "judge", "age": behind}))
        return found


def _failing(said: Mapping[str, Any]) -> list[str]:
    """The works of a role that it says are begun again and again."""
    found = said.get("failing", ())
    return [str(name) for name in found] if isinstance(found, list) else []


def _behind(said: Mapping[str, Mapping[str, Any]]) -> float:
    """s by the log's own time between what was collected and what was judged."""
    collected, judged = (said.get(role, {}).get("now", 0) for role in ("collect", "judge"))
    numbers = isinstance(collected, int) and isinstance(judged, int) and judged > 0
    return max(0.0, (collected - judged) / SECOND) if numbers else 0.0


@dataclass(slots=True)
class Watchdog:
    """One site's. `voices` say it; `ping` (an address) hears each minute that all is well."""

    site: str
    folder: Path
    watch: Watch
    voices: Sequence[Voice]
    ping: str = ""
    language: Language = "en"
    _since: float | None = None
    """Since when something is wrong, s."""
    _bad_at: float = 0.0
    """When something was wrong last, s."""
    _what: tuple[tuple[str, str], ...] = ()
    """What was last said to be wrong, as (what, role)."""
    _owed: list[tuple[Voice, str, str, bool]] = field(default_factory=list)
    _try_at: float = 0.0
    _again_at: float = 0.0
    _ping_at: float = 0.0

    def look(self, at: float) -> None:
        """One look at a time (s, monotonic): decide, say, ping."""
        wrong = self.watch.wrong(read_heartbeats(self.folder), at)
        what = tuple((kind, numbers["role"]) for kind, numbers in wrong)
        if wrong:
            self._bad_at = at
            if what != self._what or at >= self._again_at:
                self._what = what
                self._bad(wrong, at)
        elif self._since is not None and at - self._bad_at >= STEADY:
            self._good(at)
        if self._owed and at >= self._try_at:
            self._deliver(at)
        if self.ping and self._since is None and at >= self._ping_at:
            self._ping_at = at + self.watch.limits.ping
            self._pinged()

    def _bad(self, wrong: Sequence[tuple[str, dict[str, Any]]], at: float) -> None:
        said = "; ".join(self._word(kind, **numbers) for kind, numbers in wrong)
        log.error("watchdog=stalled site=%s what=%r", self.site, said)
        self._since = at if self._since is None else self._since
        self._again_at = at + self.watch.limits.again
        self._say(self._word("bad", site=self.site, what=said), self._word("do"), False, at)

    def _good(self, at: float) -> None:
        lasted = at - (self._since or at)
        log.warning("watchdog=well site=%s after=%.0fs", self.site, lasted)
        self._since, self._what = None, ()
        self._say(self._word("good", site=self.site, age=lasted), "", True, at)

    def _say(self, headline: str, text: str, well: bool, at: float) -> None:
        """What is owed still is overtaken by what is said now."""
        self._owed = [(voice, headline, text, well) for voice in self.voices]
        self._try_at = at

    def _deliver(self, at: float) -> None:
        left = []
        for owed in self._owed:
            voice, headline, text, well = owed
            try:
                voice.say(headline, text, well)
                log.warning("watchdog=said way=%s well=%s", type(voice).__name__, "yes" if well else "no")
            except NotDelivered as error:
                log.error("watchdog=not-delivered way=%s again-in=%.0fs reason=%s", type(voice).__name__, TRY_AGAIN,
                          error)  # fmt: skip
                left.append(owed)
        self._owed, self._try_at = left, at + TRY_AGAIN

    def _pinged(self) -> None:
        try:
            ping(self.ping)
            log.info("watchdog=pinged")
        except NotDelivered as error:
            log.error("watchdog=not-pinged reason=%s", error)

    def _word(self, key: str, **numbers: Any) -> str:
        return _SAID[key][self.language == "zh"].format(**numbers)

    def run(self, stop: threading.Event, clock: Callable[[], float] = time.monotonic, look: float = LOOK) -> None:
        """Look until stopped."""
        log.warning("watchdog=began site=%s roles=%s silent=%.0fs behind=%.0fs", self.site, ",".join(self.watch.roles),
                    self.watch.limits.silent, self.watch.limits.behind)  # fmt: skip
        while not stop.is_set():
            self.look(clock())
            stop.wait(look)
