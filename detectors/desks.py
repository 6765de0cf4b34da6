"""Which desk hears of an alarm, and in a flood together with which other: written on the journal's line itself.

Constraints. It follows the changes in their order and knows nothing else, so replay equals live, and how the log is cut
is nothing to it. It hides no alarm and delays none. Critical alarms and what a test raised are outside the budget. Not
here: how a notice travels (collector), what a person is shown (dashboards).

How a desk hears at most `BUDGET` notices in any 10 min: up to `QUIET`, each alarm is a notice of its own. Beyond, an
alarm joins the notice of its area that came first (first-out); without one it is its own while there is room, else it
joins the newest. Ten minutes after a notice that others have joined, a line says how many; it takes that one's place.
Source: ISA-18.2-2016 clauses 16.4.2 to 16.4.5 through secondary texts (more than 10 in 10 min is a flood, fewer than 5
end it; reference: peers, section 3). That an area's first-out speaks for it is our choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from detectors.attention import FLOOD_BEGINS, FLOOD_ENDS, WINDOW, annunciated
from detectors.desk_load import Load
from detectors.detector import Why
from detectors.document import Table, listed, nearest, shown
from detectors.records import Change, Key, spelled
from detectors.rule import Priority
from detectors.sensor import OWN_AREA

BUDGET = FLOOD_BEGINS
"""Notices of alarms that are not critical, in any 10 min at one desk, at most."""
QUIET = FLOOD_ENDS
"""So many alarms in 10 min are a notice each, whatever their area."""
EVERYTHING = "site"
"""The one desk of a site that names none."""
DESK_KEYS: Mapping[str, str] = {
    "areas": "list of areas, required. Their alarms are heard at this desk. Every area has exactly one.",
}


@dataclass(slots=True)
class Notice:
    """What a desk was told: the line of an alarm, or of how many had joined it, and who has joined since."""

    line: Change
    joined: int = 0
    worst: Priority = Priority.LOG
    """The highest priority among those that joined."""

    @property
    def at(self) -> int:
        """ns of `now` at which the desk heard it."""
        return self.line.now

    @property
    def closes(self) -> int:
        """When it is said who joined."""
        return self.line.now + WINDOW


class Desks:
    """The desks of a site, and what each was told in the last 10 min."""

    def __init__(self, desk_of: Mapping[str, str], now: int) -> None:
        """`desk_of`: area -> desk. What belongs to no area of it, the system's own alarms, the first desk hears.
        `now`: ns, when the watching begins."""
        self.desk_of = desk_of
        self.told: dict[str, list[Notice]] = {}
        """By desk, oldest first; alarms that are not critical."""
        self.notice_of: dict[Key, str] = {}
        """The notice in which each pair's newest occurrence was told."""
        self.load: dict[str, Load] = {desk: Load() for desk in self.names}
        self.counted = (now - 1) // WINDOW * WINDOW
        """ns of `now` up to which whole windows have been counted."""

    @property
    def names(self) -> tuple[str, ...]:
        """The desks, in the site file's order."""
        return tuple(dict.fromkeys(self.desk_of.values())) or (EVERYTHING,)

    def windows(self, changes: Iterable[Change], until: int) -> list[tuple[int, int, list[float]]]:
        """Count the changes; of each whole window before `until`: (its end, number of the desk, its figures)."""
        out: list[tuple[int, int, list[float]]] = []
        for change in changes:
            out += self._windows(change.now)
            self.count(change)
        return out + self._windows(until)

    def count(self, change: Change) -> None:
        """Count a change in the window that runs."""
        self.load[self._desk(change.area)].note(change)

    def _windows(self, before: int) -> list[tuple[int, int, list[float]]]:
        out = []
        while self.counted + WINDOW < before:
            self.counted += WINDOW
            out += [(self.counted, k, load.close(self.counted)) for k, load in enumerate(self.load.values())]
        return out

    def follow(self, changes: Iterable[Change], until: int, revision: int) -> list[Change]:
        """The changes, with desk and notice on those that call a person, and lines of who joined a notice.

        Such a line falls due after all changes of its instant, once the log is seen past it (`until`).
        """
        out: list[Change] = []
        for change in changes:
            out += self._close(change.now, revision)
            out.append(self._heard(change))
        return out + self._close(until, revision)

    def revise(self, desk_of: Mapping[str, str], area_of: Mapping[Key, str]) -> None:
        """Another division of the areas. What was told goes on counting; what stands goes with its area (`area_of`: of
        each pair) to its desk; of pairs that are gone nothing is kept."""
        standing = {key: since for load in self.load.values() for key, since in load.standing.items()}
        self.desk_of = desk_of
        self.load = {desk: self.load.get(desk, Load()) for desk in self.names}
        for load in self.load.values():
            load.standing = {}
        for key, since in sorted(standing.items(), key=lambda one: one[1]):
            if key in area_of:
                self.load[self._desk(area_of[key])].standing[key] = since
        self.notice_of = {key: notice for key, notice in self.notice_of.items() if key in area_of}

    def _heard(self, change: Change) -> Change:
        if not annunciated(change):
            return change
        desk = self._desk(change.area)
        own = spelled(change.rule, change.sensor, change.occurrence)
        change = replace(change, desk=desk, notice=own)
        if change.priority != "critical" and "test" not in change.why.numbers:
            change = self._within_budget(change, self.told.setdefault(desk, []))
        self.notice_of[change.rule, change.sensor] = change.notice
        return change

    def _desk(self, area: str) -> str:
        return self.desk_of.get(area, self.names[0])

    @staticmethod
    def _within_budget(change: Change, told: list[Notice]) -> Change:
        told[:] = [one for one in told if one.joined or one.closes >= change.now]
        first_out = next((one for one in told if one.line.area == change.area), None)
        if len(told) < QUIET or (first_out is None and len(told) < BUDGET):
            told.append(Notice(change))
            return change
        speaks = first_out or told[-1]
        speaks.joined += 1
        speaks.worst = max(speaks.worst, Priority[change.priority.upper()])
        return replace(change, notice=speaks.line.notice)

    def _close(self, before: int, revision: int) -> list[Change]:
        due = sorted(
            (one.closes, desk, place)
            for desk, told in self.told.items()
            for place, one in enumerate(told)
            if one.joined and one.closes < before
        )
        if not due:
            return []
        out = []
        for at, desk, place in due:
            told = self.told[desk]
            one = told[place]
            why = Why("desk.joined", {"count": one.joined, "worst": one.worst.name.lower(), "since": one.at})
            line = replace(
                one.line, now=at, time=at, revision=revision, priority=one.worst.name.lower(), change="joined", isa="",
                value=None, limit=None, why=why, by="", note="", action="",
            )  # fmt: skip
            told[place] = Notice(line)
            out.append(line)
        for told in self.told.values():
            told.sort(key=lambda one: one.at)
        return out


def read_desks(document: Table, areas: Sequence[str]) -> dict[str, str]:
    """area -> desk of the tables `[desk.*]`; notes an area that has no desk, or two, or that is nowhere. The system's
    own area needs none: then the first desk hears it."""
    tables = document.tables("desk", DESK_KEYS)
    desk_of: dict[str, str] = {}
    for desk, table in tables.items():
        if "areas" not in table:
            table.missing("areas", f"a list of areas: {listed(areas)}")
        for place, area in enumerate(table.texts("areas")):
            if area not in (*areas, OWN_AREA):
                table.wrong(("areas", place), shown(area), listed(areas), nearest(area, areas))
            elif area in desk_of:
                table.wrong(("areas", place), f"{area}, which {desk_of[area]} has too", "one desk for an area")
            else:
                desk_of[area] = desk
    left = [area for area in areas if area not in desk_of and area != OWN_AREA]
    if tables and left and not any(mistake.path[:1] == ("desk",) for mistake in document.mistakes):
        document.wrong(("desk",), f"no desk for {listed(left)}", "every area at one desk")
    return desk_of if tables else dict.fromkeys(areas, EVERYTHING)
