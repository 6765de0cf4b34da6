"""The canary: a reading of the system's own sensor that goes all the way round, from the broker to each channel's door.

Constraints. It is published over MQTT as a device would, received, put in the log, judged and journaled like anything
else; whoever follows the journal knocks at its own door when it comes to the canary's line, so a follower that is stuck
does not knock. How long each took is a reading; one that is not there in time is read as the time that it had, which is
the limit of the rule `canary-lost`. It is never an alarm itself. Not here: what a door is (doors.py).
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from collector.canary_publish import Published
from collector.decode import CANARY
from collector.doors import Door
from collector.errors import DavylampError

SECOND = 10**9
AFTER_START = 20.0
"""s until the first one, in which collect has surely subscribed."""
AFTER_LOSS = 60.0
"""s until the next after one was lost, where that is sooner."""

log = logging.getLogger(__name__)
Publish: TypeAlias = Callable[[bytes], Published]
Report: TypeAlias = Callable[[Mapping[str, float | None]], None]


@dataclass(slots=True)
class Flight:
    """One canary on its way."""

    id: str
    begun: float
    arrived: dict[str, float] = field(default_factory=dict)
    """s to each door."""
    problems: dict[str, str] = field(default_factory=dict)


class Aviary:
    """Sends canaries one after the other and hears where they arrive; one an announcing process. `within` in s."""

    def __init__(self, doors: Sequence[Door], publish: Publish, report: Report, within: float) -> None:
        self.doors = {door.name: door for door in doors}
        self._publish, self._report, self._within = publish, report, within
        self._flight = Flight("", 0.0)
        self._changed = threading.Condition()

    def knock(self, name: str, id: str) -> None:
        """A follower came to a canary's line: knock at its door, beside it, so that a door that is slow to answer holds
        up no notice. Nothing of a canary that is not under way."""
        flight, door = self._flight, self.doors.get(name)
        if door is not None and id == flight.id:
            threading.Thread(target=self._knock, args=(door, flight), name=f"door-{name}", daemon=True).start()

    def _knock(self, door: Door, flight: Flight) -> None:
        name, problem = door.name, ""
        try:
            door.knock(flight.id)
        except DavylampError as error:
            problem = str(error)
        except Exception as error:  # whatever a door does, its follower goes on
            log.exception("door=%s raised", name)
            problem = f"{type(error).__name__}: {error}"
        with self._changed:
            if problem:
                flight.problems[name] = problem
            else:
                flight.arrived[name] = time.monotonic() - flight.begun
            self._changed.notify_all()

    def fly(self, stop: threading.Event) -> bool:
        """One canary, all the way; False if it was lost anywhere. Ends early when stopped, and then reads nothing."""
        flight = Flight(f"canary-{secrets.token_hex(8)}", time.monotonic())
        self._flight = flight
        readings: dict[str, float | None] = {}
        reason = ""
        try:
            payload = {"value": round(time.time(), 3), "id": flight.id}
            published = self._publish(json.dumps(payload).encode())
            readings["broker-round-trip"] = round(published.seconds, 3)
            ends = {"certificate-broker": published.certificate, "certificate-client": published.ours}
            readings |= {name: days for name, days in ends.items() if days is not None}
            self._await(flight, stop)
        except DavylampError as error:
            reason = str(error)
        self._flight = Flight("", 0.0)
        if stop.is_set():
            return True
        with self._changed:  # a slow door may still be answering
            flight = Flight(flight.id, flight.begun, dict(flight.arrived), dict(flight.problems))
        lost = self.doors.keys() - flight.arrived.keys()
        readings |= {f"canary-{name}": round(flight.arrived.get(name, self._within), 3) for name in self.doors}
        self._say(flight, lost, reason)
        self._report(readings)
        return not lost

    def follow(self, stop: threading.Event, every: float, ready: Callable[[], bool]) -> None:
        """One canary after the other until stopped, every so many s, once the site in force knows it (`ready`)."""
        wait = min(AFTER_START, every)
        told = False
        while not stop.wait(wait):
            wait = every
            if ready():
                if not self.fly(stop):
                    wait = min(every, AFTER_LOSS)
            elif not told:
                log.warning("canary=none reason=%s is not in force: davylamp apply", CANARY)
                told = True

    def _await(self, flight: Flight, stop: threading.Event) -> None:
        """Until it is at every door, or a door is shut, or its time is over."""
        end = flight.begun + self._within
        with self._changed:
            while not stop.is_set() and len(flight.arrived) + len(flight.problems) < len(self.doors):
                left = end - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(min(left, 0.2))

    def _say(self, flight: Flight, lost: set[str], reason: str) -> None:
        if not lost:
            log.info("canary=home doors=%d longest=%.3fs", len(self.doors), max(flight.arrived.values(), default=0.0))
        elif reason:
            log.error("canary=lost door=all reason=%s", reason)
        elif "journal" in lost:
            log.error(
                "canary=lost door=all reason=the broker took it and it did not come into the journal within %gs: does "
                "collect run, and does the broker's ACL let us read and write its topic?", self._within,
            )  # fmt: skip
        else:
            for name in sorted(lost):
                why = flight.problems.get(name, f"its follower did not come to it within {self._within:g}s")
                log.error("canary=lost door=%s reason=%s", name, why)
