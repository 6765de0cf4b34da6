"""What is subscribed to, and what the broker granted.

Constraints. QoS 1 is asked for. A filter that is refused, or granted for QoS 0 only, is asked for again, because an
access list may be put right meanwhile: after FIRST_WAIT, then each time later, at most LONGEST_WAIT. The answers of one
connection do not count in the next. A broker keeps the filters of our session for ever, so one that a changed site file
no longer has is given back: else its messages would come on, and a shared subscription would share nothing. But only
once all that are wanted are granted: till then something is sent twice at most, and nothing to nobody.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from collector.whole import whole

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""s until a refused subscription is asked for again."""
FILE = "subscribed.json"

log = logging.getLogger(__name__)


class Asking(Protocol):
    """Sends what is asked for; each returns the number of the packet, None where it could not be sent."""

    def ask(self, filters: Sequence[str]) -> int | None: ...
    def drop(self, filters: Sequence[str]) -> int | None: ...


class Subscriptions:
    """The filters of one source; `folder` remembers those that the broker may have."""

    def __init__(self, filters: Sequence[str], client: Asking, folder: Path | None = None) -> None:
        self._filters, self._client, self._folder = tuple(filters), client, folder
        self._known = _read(folder)
        self._asked: dict[int, Sequence[str]] = {}
        self._gone: Sequence[str] = ()
        """Not wanted any more, and not given back yet on this connection."""
        self._dropping: dict[int, Sequence[str]] = {}
        self._refused: dict[str, str] = {}
        self._answered, self._wait = 0.0, FIRST_WAIT

    def begin(self) -> None:
        """A new connection: ask for all that is wanted; what is not any more is given back after that."""
        self._asked.clear()
        self._dropping.clear()
        self._refused.clear()
        self._answered, self._wait = 0.0, FIRST_WAIT
        self._gone = sorted(self._known.difference(self._filters))
        self._keep(self._known.union(self._filters))
        self._send(self._filters)

    def ask_again(self) -> None:
        """Ask for what was refused, where that is due."""
        if self._refused and self._answered and time.monotonic() - self._answered > self._wait:
            self._answered, self._wait = time.monotonic(), min(2 * self._wait, LONGEST_WAIT)
            self._send(list(self._refused))

    def answer(self, number: int, reasons: Sequence[Any]) -> str | None:
        """The broker's answer; what is not granted as asked, in words, or nothing. None where this connection never
        asked that."""
        asked = self._asked.pop(number, None)
        if asked is None:
            return None
        for name, said in zip(asked, reasons, strict=False):
            self._refused.pop(name, None)
            if said.is_failure:
                self._refused[name] = f"{said}; what is sent there waits for us only if our session had it before"
            elif said.value == 0:
                self._refused[name] = "QoS 0 only, what is lost on the way is not sent again"
        self._answered = time.monotonic()
        if not self._refused:
            self._give_back()
        return "; ".join(f"{name!r}: {why}" for name, why in self._refused.items())

    def dropped(self, number: int, reasons: Sequence[Any]) -> None:
        """The broker's answer to what was given back; only MQTT 5 has reasons. What it would not take is still known,
        and given back at the next connection."""
        given = self._dropping.pop(number, ())
        kept = {name: said for name, said in zip(given, reasons, strict=False) if said.is_failure}
        if kept:
            log.warning("mqtt unsubscribed=refused %s", "; ".join(f"{name!r}: {said}" for name, said in kept.items()))
        if gone := [name for name in given if name not in kept]:
            log.info("mqtt unsubscribed=%s", ",".join(gone))
        self._keep(self._known.difference(gone))

    def _give_back(self) -> None:
        gone, self._gone = self._gone, ()
        if gone and (number := self._client.drop(gone)) is not None:
            self._dropping[number] = gone

    def _send(self, filters: Sequence[str]) -> None:
        number = self._client.ask(filters)
        if number is not None:
            self._asked[number] = filters

    def _keep(self, known: Iterable[str]) -> None:
        before, self._known = self._known, set(known)
        if self._folder is None or self._known == before:
            return
        try:
            with whole(self._folder / FILE) as file:
                file.write(json.dumps(sorted(self._known), ensure_ascii=False).encode())
        except OSError as error:
            log.warning("mqtt subscriptions=not-kept reason=%s", error)


def _read(folder: Path | None) -> set[str]:
    """What was kept; what cannot be read is as good as nothing."""
    try:
        found = json.loads((folder / FILE).read_bytes()) if folder is not None else []
    except (OSError, ValueError):
        return set()
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()
