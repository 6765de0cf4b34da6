"""One [[event]] of a scenario: its kind, parameters and sensors, and the truths it stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isnan
from typing import Any

from detectors.sensor import Sensor
from simulators.event import span
from simulators.kinds import EVENTS, FAULTS, KINDS, make, parameters, seconds
from simulators.shaking import LASTS, Ground, Swarm

LABELS = ("kind", "truth", "sensors", "expect", "within", "bad", "delays", "factors")
"""What every kind may have beside its parameters; the last two only events that are neither faults nor shakes."""
SELECTORS = ("area", "quantity")


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happens at one sensor from `start_s` to `end_s` (inf: it stays), and the rules that should say so."""

    kind: str
    sensor: str
    start_s: float
    end_s: float
    rules: tuple[str, ...]
    event: str = ""
    """The kind of the event or fault behind it."""
    failure_s: float | None = None
    """When what it warns of comes, where its law says so."""
    within_s: float | None = None
    """A good system says it within this, from its start."""
    bad: str = ""
    """How bad it is, in words: what happens to whom if nobody hears of it."""

    @property
    def fault(self) -> bool:
        """True of the instrument's or the link's, not the world's."""
        return self.event in FAULTS


@dataclass(frozen=True, slots=True)
class Happening:
    """One event or fault: its kind, its arguments, its sensors, how much later and weaker each has it."""

    kind: str
    arguments: Mapping[str, Any]
    sensors: tuple[str, ...]
    where: str = ""
    """Its place in the file, for mistakes."""
    delays: tuple[float, ...] = ()
    factors: tuple[float, ...] = ()

    def make(self) -> Any:
        """The event, ground event or fault, fresh: faults keep memory."""
        return make(self.kind, self.arguments)

    def reach(self, place: int) -> tuple[float, float]:
        """(s later, times as strong) at the sensor of that place."""
        return self.delays[place] if self.delays else 0.0, self.factors[place] if self.factors else 1.0


def truths_of_entry(
    place: int, entry: Mapping[str, Any], known: Sequence[Sensor] | None
) -> tuple[Happening, list[Truth]]:
    """The `place`-th [[event]]; patterns of sensors need the site's sensors. Raises ValueError with its place."""
    where = f"event {place}"
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"{where}: found kind {kind!r}, allowed: {', '.join(KINDS)}")
    try:
        return _read(f"{where} ({kind})", entry, known)
    except ValueError as error:
        raise ValueError(f"{where} ({kind}): {error}") from error


def _read(where: str, entry: Mapping[str, Any], known: Sequence[Sensor] | None) -> tuple[Happening, list[Truth]]:
    kind = entry["kind"]
    own = parameters(kind)
    labels = LABELS if kind in EVENTS else LABELS[:-2]
    arguments = {key: value for key, value in entry.items() if key not in labels or key in own}
    sensors = _selected(entry.get("sensors", ()), known)
    happening = Happening(
        kind, arguments, sensors, where,
        _each("delays", entry.get("delays"), len(sensors), lambda step, k: step * k),
        _each("factors", entry.get("factors"), len(sensors), lambda step, k: step**k),
    )  # fmt: skip
    made = happening.make()
    if kind not in FAULTS and kind in EVENTS and not sensors:
        raise ValueError("missing: 'sensors', one at least")
    within = seconds("within", entry["within"]) if "within" in entry else None
    label, bad = _text("truth", entry.get("truth", kind)), _text("bad", entry.get("bad", ""))
    rules = _texts("expect", entry.get("expect", ()), "names of rules")
    failure = getattr(made, "failure", None)
    return happening, [
        Truth(label, sensor, start + later, end + later, rules, kind, failure, within, bad)
        for k, sensor in enumerate(sensors)
        for later, _ in (happening.reach(k),)
        for start, end in _spans(made)
    ]


def _spans(made: Any) -> list[tuple[float, float]]:
    """When it happens: each blast for itself, a swarm as a whole."""
    if isinstance(made, Ground) and not isinstance(made, Swarm):
        return [(shake.start, shake.start + LASTS) for shake in made.shakes()]
    return [span(made)]


def _selected(words: Any, known: Sequence[Sensor] | None) -> tuple[str, ...]:
    """Sensor ids as they stand; patterns, `area:` and `quantity:` as those of the site that fit, each once."""
    found: dict[str, None] = {}
    for word in _texts("sensors", words, "ids, patterns, area:NAME, quantity:NAME"):
        attribute, _, name = word.partition(":")
        select = attribute in SELECTORS and bool(name)
        if not select and not set(word) & set("*?["):
            found[word] = None
            continue
        if known is None:
            raise ValueError(f"sensors: found {word!r}, allowed: ids only, as the scenario's site is not at hand")
        fits = [s.id for s in known if (getattr(s, attribute) == name if select else fnmatchcase(s.id, word))]
        if not fits:
            raise ValueError(f"sensors: found {word!r}, which fits no sensor of the site")
        found.update(dict.fromkeys(fits))
    return tuple(found)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name}: found {value!r}, allowed: text")
    return value


def _texts(name: str, value: Any, of: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name}: found {value!r}, allowed: a list of {of}")
    return tuple(value)


def _each(name: str, given: Any, count: int, steps: Callable[[float, int], float]) -> tuple[float, ...]:
    """A number for each sensor: a list as it stands, a single number as steps from one to the next."""
    if given is None:
        return ()
    if not isinstance(given, list | tuple):
        step = seconds(name, given)
        return tuple(steps(step, k) for k in range(count))
    numbers = tuple(seconds(name, one) for one in given)
    if len(numbers) != count or any(isnan(one) for one in numbers):
        raise ValueError(f"{name}: found {len(numbers)} values, allowed: {count}, one a sensor, or a single step")
    return numbers
