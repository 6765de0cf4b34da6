"""Rows as a person sees them: every text ready for the templates, none of it markup.

Constraints. What changes each second (value, age) is apart from what does not, so that the stream sends little and
nothing blinks anew. Not here: markup (templates/), which alarms are listed (order.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2s
from urllib.parse import urlencode

from dashboards.console.acting import Access, ActionKind
from dashboards.console.figures import MINUTE, NOTHING, SECOND, Lang, Local, age, number, reading
from dashboards.console.labels import label, quality_words, quantity_word
from dashboards.console.order import Place, joined, stale, worst
from dashboards.console.paths import sensor_path
from dashboards.console.reading import AlarmRow, LedgerRow, SensorRow, Status
from dashboards.console.rights import may
from dashboards.console.words import say
from detectors.records import REPORTED

DIRECT = frozenset({"signal.limit", "signal.state", "dust.explosion"})
"""Kinds that compare the reading itself with their limit: beside their alarm stands the newest reading."""
SENT_AT = "canary"
"""A quantity whose value is a moment, s since 1970, and no span of time."""


@dataclass(frozen=True, slots=True)
class Look:
    """Whose eyes: the site's clock, the time it is, the language, and what the reader may do."""

    local: Local
    now: int
    lang: Lang
    access: Access = "typed"

    def word(self, key: str, **fields: str) -> str:
        """The page's word for a key."""
        return label(key, self.lang, **fields)

    def age(self, time: int) -> str:
        """How long ago."""
        return age(self.now - time, self.lang)

    def moment(self, time: int) -> str:
        """The site's local time."""
        return self.local.moment(time, self.now)

    def to(self, path: str, **query: str | int) -> str:
        """An address of the page, in the same language."""
        return f"{path}?{urlencode({**query, 'lang': self.lang})}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A value as it is shown: a number and unit, or the age of one that is too old."""

    text: str
    unit: str = ""
    old: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """What may be asked of an alarm."""

    kind: ActionKind
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class AlarmView:
    """One alarm in words."""

    id: str
    mark: str
    """Symbol: critical, high, medium, low, log."""
    fault: bool
    blinks: bool
    priority: str
    state: str
    test: str
    """The word that says so, where a test raised it."""
    subject: str
    rule: str
    area: str
    href: str
    figure: Figure
    limit: str
    reason: str
    since: str
    age: str
    respond_by: str
    guidance: str
    consequence: str
    citation: str
    accepted_by: str
    note: str
    until: str
    hidden: str
    together: str
    """What it was told with, or how many were told with it."""
    buttons: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class CellView:
    """One sensor, or a group, in its area."""

    id: str
    name: str
    href: str
    quantity: str
    figure: Figure
    mark: str
    """Symbol, or nothing."""
    fault: bool
    blinks: bool
    state: str
    unwatched: bool


@dataclass(frozen=True, slots=True)
class LedgerView:
    """One count."""

    name: str
    count: str


def dom_id(kind: str, *names: str) -> str:
    """An id that any text gives, and that no text can break out of."""
    return kind + blake2s("\0".join(names).encode(), digest_size=6).hexdigest()


def alarm_view(row: AlarmRow, sensor: SensorRow | None, look: Look, with_it: int = 0) -> AlarmView:
    """The alarm in words; `sensor` is its subject's newest reading, where the subject is a sensor.

    `with_it`: how many others that are shown were told in its notice.
    """
    respond_by = row.since + row.respond_within if row.respond_within and not row.acked else 0
    return AlarmView(
        id=dom_id("a", row.rule, row.subject),
        mark=row.priority,
        fault=row.kind.startswith("health."),
        blinks=row.standing and not row.acked and not row.hidden,
        priority=look.word(row.priority),
        state=_state(row, look),
        test=look.word("test") if row.test else "",
        subject=row.subject,
        rule=row.rule,
        area=row.area,
        href=look.to(sensor_path(row.subject)),
        figure=_alarm_figure(row, sensor, look),
        limit="" if _of_another_unit(row, sensor, look) else _with_unit(row.limit, row.unit, look.lang),
        reason=reason(row, look),
        since=look.moment(row.since) if row.since else "",
        age=look.age(row.since) if row.since else "",
        respond_by=_respond_by(respond_by, row.active, look),
        guidance=row.guidance,
        consequence=row.consequence,
        citation=row.citation,
        accepted_by=row.accepted_by,
        note=row.note,
        until=look.moment(row.until) if row.until else "",
        hidden=", ".join(look.word(h) for h in sorted(row.hidden)),
        together=_together(row, with_it, look),
        buttons=buttons(row, look),
    )


def _respond_by(by: int, active: bool, look: Look) -> str:
    """The time, and whether it has passed while the alarm lasts; nothing for none."""
    if not by:
        return ""
    passed = f", {look.word('passed')}" if active and by <= look.now else ""
    return look.moment(by) + passed


def _together(row: AlarmRow, with_it: int, look: Look) -> str:
    if joined(row):
        return look.word("joined", name=row.notice)
    return look.word("joined_by", count=str(with_it)) if with_it else ""


def cell_view(place: Place, look: Look) -> CellView:
    """The sensor or group as a cell: its value, and the worst that stands on it."""
    own = [r for r in place.rules if r.subject == place.id]
    alarm, sensor = worst(own), place.sensor
    blind = [r for r in place.rules if not r.watching and "out_of_service" not in r.hidden]
    return CellView(
        id=dom_id("c", place.id),
        name=place.id,
        href=look.to(sensor_path(place.id)),
        quantity=quantity_word(sensor.quantity, look.lang) if sensor else own[0].rule,
        figure=sensor_figure(sensor, look) if sensor else _alarm_figure(alarm or own[0], None, look),
        mark=alarm.priority if alarm else "",
        fault=alarm is not None and alarm.kind.startswith("health."),
        blinks=alarm is not None and not alarm.acked,
        state=", ".join(filter(None, (handled(sensor, look), _cell_state(place.rules, own, alarm, blind, look)))),
        unwatched=bool(blind) or not place.rules,
    )


def sensor_figure(sensor: SensorRow, look: Look) -> Figure:
    """The newest value; its age instead where it is too old."""
    if sensor.time is None:
        return Figure(look.word("never"), old=True)
    if stale(sensor, look.now):
        return Figure(look.word("old", age=look.age(sensor.time)), old=True)
    if sensor.quantity == SENT_AT and sensor.value is not None:
        return Figure(look.moment(round(sensor.value * SECOND)))
    return _figure(sensor.value, sensor.unit, sensor.states, look.lang)


def ledger_view(row: LedgerRow) -> LedgerView:
    """The count with its name in plain letters."""
    return LedgerView(row.name.replace("_", " "), f"{row.count:,}")


def faults_of(sensor: SensorRow, look: Look) -> str:
    """What is wrong with the newest reading; nothing if it is good."""
    return " · ".join(filter(None, (handled(sensor, look), quality_words(sensor.quality, look.lang))))


def handled(sensor: SensorRow | None, look: Look) -> str:
    """What a person does at it, and until when; nothing if nobody does."""
    if sensor is None or not sensor.handled:
        return ""
    return look.word(f"in_{sensor.handled}", until=look.moment(sensor.handled_until))


def reason(row: AlarmRow, look: Look) -> str:
    """Why, in words."""
    unit = "" if row.unit == "s" else row.unit
    state = reading(row.value, row.states) if row.states and row.value is not None else None
    numbers = {"value": row.value, "limit": row.limit, "state": state, **row.why_numbers, "unit": unit}
    return say(row.why_key, numbers, look.lang, look.local)


def buttons(row: AlarmRow, look: Look) -> tuple[Button, ...]:
    """What the reader may ask of this alarm now."""
    able: list[tuple[ActionKind, bool]] = [
        ("acknowledge", not row.acked),
        ("accept", row.active and not row.accepted_by),
        ("comment", row.standing),
        ("shelve", row.priority not in ("critical", "log") and "shelved" not in row.hidden and row.standing),
        ("unshelve", "shelved" in row.hidden),
        ("in_service", "out_of_service" in row.hidden),
        ("reset", row.latched or row.removed or (row.active and row.rule in REPORTED)),
    ]
    return tuple(_button(kind, row, look) for kind, fits in able if fits and may(kind, look.access))


def out_of_service_button(row: AlarmRow, look: Look) -> tuple[Button, ...]:
    """Taking a rule out of service, which only a sensor's own page offers."""
    able = may("out_of_service", look.access) and "out_of_service" not in row.hidden
    return (_button("out_of_service", row, look),) if able else ()


def _button(kind: ActionKind, row: AlarmRow, look: Look) -> Button:
    text = look.word("take_out" if kind == "out_of_service" else kind)
    href = look.to("/act", kind=kind, rule=row.rule, subject=row.subject, occurrence=row.occurrence)
    return Button(kind, text, href)


def _state(row: AlarmRow, look: Look) -> str:
    if row.removed:
        return look.word("removed")
    if row.active:
        return look.word("active")
    if row.latched:
        return look.word("latched")
    return look.word("returned") if not row.acked else ""


def _cell_state(
    rules: Sequence[AlarmRow], own: Sequence[AlarmRow], alarm: AlarmRow | None, blind: Sequence[AlarmRow], look: Look
) -> str:
    hidings = sorted({h for r in own if r.standing or _told(r) for h in r.hidden})
    parts = [look.word(alarm.priority)] if alarm else []
    parts += [look.word(h) for h in hidings]
    if not rules:
        parts.append(look.word("no_rule"))
    elif blind:
        parts.append(look.word("unwatched") + (f" {len(blind)}/{len(rules)}" if len(blind) < len(rules) else ""))
    return ", ".join(parts)


def _told(row: AlarmRow) -> bool:
    """True if a person took it out or shelved it: said even while nothing stands."""
    return bool(row.hidden - {"suppressed"})


def _alarm_figure(row: AlarmRow, sensor: SensorRow | None, look: Look) -> Figure:
    if sensor is not None and (row.value is None or row.kind in DIRECT or stale(sensor, look.now)):
        return sensor_figure(sensor, look)
    return _figure(row.value, row.unit, row.states, look.lang)


def _of_another_unit(row: AlarmRow, sensor: SensorRow | None, look: Look) -> bool:
    """True if the figure is the sensor's reading, in mm, and the limit is of what was derived from it, in s or mm/d."""
    if sensor is None or row.value is not None or stale(sensor, look.now):
        return False
    return row.unit != sensor.unit


def _figure(value: float | None, unit: str, states: tuple[str, ...], lang: Lang) -> Figure:
    if unit == "s" and value is not None and abs(value) * SECOND >= 2 * MINUTE:
        return Figure(age(round(value * SECOND), lang))
    whole = unit == "1" and not states and value == round(value or 0)
    text = number(value) if whole else reading(value, states)
    return Figure(text, "" if states or unit == "1" or text == NOTHING else unit)


def _with_unit(limit: float | None, unit: str, lang: Lang) -> str:
    if limit is None:
        return ""
    if unit == "s" and limit * SECOND >= 2 * MINUTE:
        return age(round(limit * SECOND), lang)
    return f"{number(limit)} {unit}" if unit and unit != "1" else number(limit)


def behind_words(status: Status, catching_up: bool, look: Look) -> str:
    """How far judging is behind, and whether it comes nearer."""
    return look.word("catching_up" if catching_up else "behind", age=age(status.behind, look.lang))
