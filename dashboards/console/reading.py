"""What the page reads of the world: one protocol, and small rows of plain values.

Constraints. Times are int ns UTC; numbers are in the unit beside them; None means not known. Nothing here is worded:
reasons are keys and numbers (words.py words them). Not here: order, ages, symbols, which are the page's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from detectors.records import spelled

Priority: TypeAlias = Literal["critical", "high", "medium", "low", "log"]
Hiding: TypeAlias = Literal["shelved", "suppressed", "out_of_service"]


class Unreadable(Exception):
    """What the page reads cannot be read now; the text says what and why. The page says NOT LIVE with it."""


@dataclass(frozen=True, slots=True)
class Watching:
    """Of `of` enabled (rule, subject) pairs, `watching` have a known verdict and are in service."""

    watching: int
    of: int


@dataclass(frozen=True, slots=True)
class Status:
    """How things stand with the site and with judging."""

    site: str
    timezone: str
    """An IANA name; people see local time with its offset."""
    simulated: bool
    revision: int
    now: int
    """Judging's `now`: everything shown is as of then, and ages count up to it."""
    behind: int
    """ns from the wall time of the newest judged seal to the page's wall clock, which goes on when all else stops."""
    watching: Watching


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One rule on one subject, in alarm or not: every pair of the site has its row, and so has what was removed."""

    rule: str
    subject: str
    area: str
    kind: str
    """Of the detector: `signal.limit`. Those of `health.` are faults."""
    priority: Priority
    occurrence: int = 0
    active: bool = False
    acked: bool = True
    latched: bool = False
    """Gone, and an engineer's reset is owed."""
    removed: bool = False
    """A revision took its rule or subject away while it stood: it stands until an engineer's reset."""
    hidden: frozenset[Hiding] = frozenset()
    watching: bool = True
    """False: not watching, whatever the alarm says; `why` has the reason."""
    value: float | None = None
    """What the rule compares with its limit: the newest known, else that of the last change."""
    limit: float | None = None
    unit: str = ""
    """Of value and limit (a velocity's `mm/d`, not its prism's `mm`)."""
    states: tuple[str, ...] = ()
    """Names of the values 0, 1, ... of a sensor of states; empty for numbers."""
    why_key: str = ""
    why_numbers: Mapping[str, float | int | str] = field(default_factory=dict)
    since: int = 0
    """When the last change of the verdict was."""
    time: int = 0
    """Device time of the reading that changed it."""
    sensors: tuple[str, ...] = ()
    """Raw sensors among its inputs; empty means the subject itself."""
    desk: str = ""
    """Who hears it."""
    notice: str = ""
    """The occurrence in whose notice it was told: its own, or in a flood the one that it joined."""
    guidance: str = ""
    consequence: str = ""
    citation: str = ""
    respond_within: int | None = None
    """ns."""
    accepted_by: str = ""
    note: str = ""
    until: int | None = None
    """When the shelf, or the time out of service, ends."""
    test: bool = False
    """A test of its sensor raised it: gas was applied, the place is as it was."""

    @property
    def name(self) -> str:
        """The occurrence as people write it."""
        return spelled(self.rule, self.subject, self.occurrence)

    @property
    def standing(self) -> bool:
        """True while anyone has still to do with it."""
        return self.active or self.latched or not self.acked


@dataclass(frozen=True, slots=True)
class SensorRow:
    """One sensor of the registry, and its newest reading."""

    sensor: str
    area: str
    quantity: str
    unit: str
    value: float | None = None
    """None: no number was ever read, or the newest reading has none."""
    quality: int = 0
    """Flags of detectors.reading.Quality."""
    time: int | None = None
    """Device time; None: nothing was ever read."""
    arrived: int | None = None
    every: int | None = None
    """ns between readings; None: none is expected."""
    states: tuple[str, ...] = ()
    handled: Literal["", "test", "calibration", "blasting"] = ""
    """What a person does at it now."""
    handled_until: int = 0


@dataclass(frozen=True, slots=True)
class HazardRow:
    """One open hazard: what a critical or high alarm left to be done."""

    rule: str
    subject: str
    occurrence: int
    """With rule and subject its first occurrence, whose spelling is its name."""
    area: str
    priority: Priority
    opened: int
    due: int
    owner: str = ""
    """Empty: nobody has it."""
    alarms: int = 1
    """How many occurrences it has."""
    done: str = ""
    """What was done last, in the words of who did it."""

    @property
    def name(self) -> str:
        """Its first occurrence as people write it."""
        return spelled(self.rule, self.subject, self.occurrence)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One count: what, at which hop (`decoded.readings`, `dead.bad_unit`), and how many since the log began."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A limit to draw on a line: in the line's unit."""

    rule: str
    priority: Priority
    value: float


@dataclass(frozen=True, slots=True)
class Line:
    """Readings of one series in order of time. NaN is a gap, and so are 3 `every` without a reading."""

    series: str
    """`prism-17`, or a derived one: `prism-17/wall-moving.velocity`."""
    quantity: str
    unit: str
    times: Sequence[int]
    values: Sequence[float]
    limits: Sequence[LimitLine] = ()
    every: int | None = None
    states: tuple[str, ...] = ()


class Reading(Protocol):
    """What the page reads. Called from several threads, about once a second however many look; none may write.

    Every method raises Unreadable when it cannot answer, and returns what was committed last otherwise.
    """

    def status(self) -> Status:
        """Site, revision, how far judging is, how much is watched."""
        ...

    def alarms(self) -> Sequence[AlarmRow]:
        """Every pair of rule and subject, in any order; also alarms that stand without their rule."""
        ...

    def hazards(self) -> Sequence[HazardRow]:
        """Every open hazard, in any order."""
        ...

    def sensors(self) -> Sequence[SensorRow]:
        """Every sensor of the registry, in the site file's order."""
        ...

    def ledger(self) -> Sequence[LedgerRow]:
        """Counts in the order in which a reading passes them."""
        ...

    def lines(self, sensor: str, since: int) -> Sequence[Line]:
        """The sensor's own series from `since` on, then those derived from it; empty if the sensor is not known."""
        ...
