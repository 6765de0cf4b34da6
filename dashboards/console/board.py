"""All that the page shows at one moment, in pieces that can be sent one by one.

Constraints. However many look, the world is read about once a second. A piece is drawn again only when its key changes;
values and ages are texts beside it. When the world cannot be read, what was read last stays, and says so.
Not here: what travels (stream.py), markup (templates/).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from markupsafe import Markup

from dashboards.console.acting import Access
from dashboards.console.figures import SECOND, Lang, Local
from dashboards.console.hazards import hazard_view, in_order, overdue
from dashboards.console.order import Area, annunciated, areas, hidden, hidden_counts, told_with, unwatched
from dashboards.console.reading import AlarmRow, HazardRow, LedgerRow, Reading, SensorRow, Status, Unreadable
from dashboards.console.view import (
    AlarmView,
    CellView,
    Figure,
    Look,
    alarm_view,
    behind_words,
    cell_view,
    dom_id,
    ledger_view,
    reason,
)

NOT_LIVE = 5 * SECOND
"""How far judging may be behind before the page says NOT LIVE."""
LISTED = 200
"""Rows of what is not watching that are listed; the rest is a number."""
STANDING = 500
"""Standing alarms that are listed; `davylamp alarms` has them all."""
_KEEP = 0.9
"""s for which what was read is shown to all."""

Macros = Any
"""The module of parts.html: each macro makes one piece."""


@dataclass(frozen=True, slots=True)
class World:
    """What was read, together."""

    status: Status
    alarms: Sequence[AlarmRow]
    sensors: Mapping[str, SensorRow]
    ledger: Sequence[LedgerRow]
    hazards: Sequence[HazardRow]
    catching_up: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """One element of the page; it is drawn again when `key` is another."""

    key: object
    draw: Callable[[], str]


@dataclass(slots=True)
class Board:
    """The page at one moment, for one language and access."""

    look: Look
    status: Status
    live: bool
    band: str
    title: str
    pieces: dict[str, Piece] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    areas: list[tuple[str, list[str]]] = field(default_factory=list)
    """(id of the area's head, ids of its cells)."""

    @property
    def shape(self) -> str:
        """Changes when a new revision changes what stands where: the page then loads anew."""
        return dom_id("s", str(self.status.revision), *(name for head, cells in self.areas for name in (head, *cells)))

    def html(self, name: str) -> Markup:
        """The piece as markup, with its texts of this moment."""
        return Markup(self.pieces[name].draw())


class Watch:
    """Reads the world for all who look. Thread-safe."""

    def __init__(self, reading: Reading, macros: Macros) -> None:
        self.closed = False
        """True once the server is to end: open streams then end too."""
        self._reading = reading
        self._macros = macros
        self._lock = threading.Lock()
        self._world: World | None = None
        self._read_at = -_KEEP
        self._behind: deque[int] = deque(maxlen=4)
        self._boards: dict[tuple[Lang, Access], Board] = {}

    def world(self) -> World:
        """What was read last. Raises Unreadable if nothing ever was."""
        with self._lock:
            return self._fresh()

    def board(self, lang: Lang, access: Access) -> Board:
        """The page now. Raises Unreadable if nothing was ever read."""
        with self._lock:
            world = self._fresh()
            if (lang, access) not in self._boards:
                self._boards[lang, access] = _board(world, look_at(world.status, lang, access), self._macros)
            return self._boards[lang, access]

    def _fresh(self) -> World:
        if self._world is None or time.monotonic() - self._read_at >= _KEEP:
            try:
                self._world = self._read()
            except Unreadable as error:
                if self._world is None:
                    raise
                self._world = replace(self._world, error=str(error) or type(error).__name__)
            self._read_at = time.monotonic()
            self._boards.clear()
        return self._world

    def _read(self) -> World:
        status = self._reading.status()
        self._behind.append(status.behind)
        nearer = status.behind < self._behind[0]
        sensors = {s.sensor: s for s in self._reading.sensors()}
        return World(status, self._reading.alarms(), sensors, self._reading.ledger(), self._reading.hazards(), nearer)


def look_at(status: Status, lang: Lang, access: Access) -> Look:
    """The eyes of one reader at the status's `now`."""
    return Look(Local(status.timezone), status.now, lang, access)


def _board(world: World, look: Look, macros: Macros) -> Board:
    status, shown = world.status, annunciated(world.alarms)
    live = not world.error and status.behind < NOT_LIVE
    waiting = sum(not r.acked for r in shown)
    word = look.word
    watched = f"{word('watching')} {status.watching.watching:,} {word('of')} {status.watching.of:,}"
    board = Board(look, status, live, "" if live else _band(world, look), _title(waiting, watched, status, live, look))
    found = areas(list(world.sensors.values()), world.alarms)
    _strip(board, world, len(shown), waiting, sum(not p.rules for a in found for p in a.places), macros)
    with_it = told_with(shown)
    board.lists["alarms"] = [_alarm(board, row, world, macros, with_it.get(row.name, 0)) for row in shown[:STANDING]]
    board.lists["alarms"] += _more(board, "a-more", len(shown) - STANDING, macros)
    board.lists["hazards"] = [_hazard(board, row, macros) for row in in_order(world.hazards)[:LISTED]]
    board.lists["hazards"] += _more(board, "z-more", len(world.hazards) - LISTED, macros)
    board.lists["hidden"] = [_alarm(board, row, world, macros) for row in hidden(world.alarms)]
    board.lists["unwatched"] = _unwatched(board, unwatched(world.alarms), macros)
    board.lists["ledger"] = [_count(board, row, macros) for row in world.ledger]
    for area in found:
        _area(board, area, macros)
    return board


def _band(world: World, look: Look) -> str:
    since = f"{look.word('not_live')} {look.local.clock(look.now)}"
    if world.error:
        return f"{since} · {look.word('unreadable')}: {world.error} · {look.word('meanwhile')}"
    return f"{since} · {behind_words(world.status, world.catching_up, look)} · {look.word('meanwhile')}"


def _title(waiting: int, watched: str, status: Status, live: bool, look: Look) -> str:
    number = f"({waiting}) " if waiting else ""
    return f"{number}{'' if live else look.word('not_live') + ' · '}{watched} · {status.site}"


def _strip(board: Board, world: World, shown: int, waiting: int, ruleless: int, macros: Macros) -> None:
    status = world.status
    counts: dict[str, int] = {str(kind): count for kind, count in hidden_counts(world.alarms).items()}
    counts |= {"unwatched": len(unwatched(world.alarms)), "without_rule": ruleless}
    late = sum(overdue(row, board.look.now) for row in world.hazards)
    counts |= {"hazards": len(world.hazards), "overdue": late}
    counts |= {"tests": sum(sensor.handled == "test" for sensor in world.sensors.values())}
    key = (status.watching, shown, waiting, *counts.values(), status.revision, status.simulated)
    board.pieces["strip"] = Piece(key, lambda: str(macros.strip(status, shown, waiting, counts, board.look)))


def _alarm(board: Board, row: AlarmRow, world: World, macros: Macros, with_it: int = 0) -> str:
    view = alarm_view(row, world.sensors.get(row.subject), board.look, with_it)
    key = replace(view, age="", figure=replace(view.figure, text=""))
    board.pieces[view.id] = Piece(key, lambda: str(macros.alarm(view, board.look)))
    board.texts["v" + view.id] = view.figure.text
    board.texts["g" + view.id] = view.age
    return view.id


def _hazard(board: Board, row: HazardRow, macros: Macros) -> str:
    view = hazard_view(row, board.look)
    board.pieces[view.id] = Piece(replace(view, left=""), lambda: str(macros.hazard(view, board.look)))
    board.texts["g" + view.id] = view.left
    return view.id


def _unwatched(board: Board, rows: Sequence[AlarmRow], macros: Macros) -> list[str]:
    names = [_blind(board, row, macros) for row in rows[:LISTED]]
    return names + _more(board, "u-more", len(rows) - LISTED, macros)


def _more(board: Board, name: str, left: int, macros: Macros) -> list[str]:
    if left <= 0:
        return []
    board.pieces[name] = Piece(left, lambda: str(macros.more(name, left, board.look)))
    return [name]


def _blind(board: Board, row: AlarmRow, macros: Macros) -> str:
    view: AlarmView = replace(alarm_view(row, None, board.look), age="", figure=Figure(""), buttons=())
    name = dom_id("u", row.rule, row.subject)
    board.pieces[name] = Piece(view, lambda: str(macros.blind(name, view, reason(row, board.look))))
    return name


def _count(board: Board, row: LedgerRow, macros: Macros) -> str:
    view, name = ledger_view(row), dom_id("l", row.name)
    board.pieces[name] = Piece(row.name, lambda: str(macros.count(name, view)))
    board.texts["v" + name] = view.count
    return name


def _area(board: Board, area: Area, macros: Macros) -> None:
    cells = [_cell(board, cell_view(place, board.look), macros) for place in area.places]
    blind = sum(1 for place in area.places if not place.rules or any(not r.watching for r in place.rules))
    head = dom_id("h", area.name)
    key = (area.name, len(cells), blind)
    board.pieces[head] = Piece(key, lambda: str(macros.area(head, area.name, len(cells), blind, board.look)))
    board.areas.append((head, cells))


def _cell(board: Board, view: CellView, macros: Macros) -> str:
    key = replace(view, figure=replace(view.figure, text=""))
    board.pieces[view.id] = Piece(key, lambda: str(macros.cell(view)))
    board.texts["v" + view.id] = view.figure.text
    return view.id
