"""Units of sensors and limits: what may be converted into what, and by which factor.

Constraints. A unit is read letter by letter (`mg` and `Mg` differ); an unknown one is refused, never guessed. %LEL
needs the gas's LEL, ppm <-> mg/m3 its molar mass and a temperature: nothing is assumed. Not a general unit library.

    >>> convert(1.0, "%vol", "%LEL", lel=5.0)
    20.0
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

MOLAR_VOLUME = 24.45
"""L/mol at 25 C and 101.325 kPa, as in the OSHA and NIOSH tables (MW/24.45)."""
ROOM = 298.15
"""K at which MOLAR_VOLUME holds."""
SECOND = 1_000_000_000

_LENGTH, _MASS, _TIME, _HEAT, _CURRENT, _ANGLE, _FRACTION = range(7)
_Powers = tuple[int, int, int, int, int, int, int]
_NONE: _Powers = (0, 0, 0, 0, 0, 0, 0)


def _powers(**of: int) -> _Powers:
    names = ("length", "mass", "time", "heat", "current", "angle", "fraction")
    length, mass, time, heat, current, angle, fraction = (of.get(name, 0) for name in names)
    return (length, mass, time, heat, current, angle, fraction)


_SPAN, _WEIGHT, _WHILE = _powers(length=1), _powers(mass=1), _powers(time=1)
_PRESSURE, _FORCE = _powers(mass=1, length=-1, time=-2), _powers(mass=1, length=1, time=-2)
_VOLT, _WATT = _powers(mass=1, length=2, time=-3, current=-1), _powers(mass=1, length=2, time=-3)
_OF_VOLUME = _powers(fraction=1)
_DENSE = _powers(mass=1, length=-3)

_ATOMS: Mapping[str, tuple[_Powers, float]] = {
    "1": (_NONE, 1.0), "%": (_NONE, 1e-2), "%RH": (_NONE, 1e-2), "count": (_NONE, 1.0),
    "m": (_SPAN, 1.0), "km": (_SPAN, 1e3), "cm": (_SPAN, 1e-2), "mm": (_SPAN, 1e-3), "um": (_SPAN, 1e-6),
    "nm": (_SPAN, 1e-9), "in": (_SPAN, 0.0254), "ft": (_SPAN, 0.3048),
    "kg": (_WEIGHT, 1.0), "g": (_WEIGHT, 1e-3), "mg": (_WEIGHT, 1e-6), "ug": (_WEIGHT, 1e-9), "t": (_WEIGHT, 1e3),
    "s": (_WHILE, 1.0), "ms": (_WHILE, 1e-3), "min": (_WHILE, 60.0), "h": (_WHILE, 3600.0), "d": (_WHILE, 86400.0),
    "Hz": (_powers(time=-1), 1.0), "kHz": (_powers(time=-1), 1e3),
    "Pa": (_PRESSURE, 1.0), "hPa": (_PRESSURE, 1e2), "kPa": (_PRESSURE, 1e3), "MPa": (_PRESSURE, 1e6),
    "mbar": (_PRESSURE, 1e2), "bar": (_PRESSURE, 1e5), "N": (_FORCE, 1.0), "kN": (_FORCE, 1e3),
    "A": (_powers(current=1), 1.0), "mA": (_powers(current=1), 1e-3), "V": (_VOLT, 1.0), "mV": (_VOLT, 1e-3),
    "kV": (_VOLT, 1e3), "W": (_WATT, 1.0), "kW": (_WATT, 1e3), "L": (_powers(length=3), 1e-3),
    "rad": (_powers(angle=1), 1.0), "mrad": (_powers(angle=1), 1e-3), "deg": (_powers(angle=1), math.pi / 180),
    "K": (_powers(heat=1), 1.0), "degC": (_powers(heat=1), 1.0),
    "%vol": (_OF_VOLUME, 1e-2), "ppm": (_OF_VOLUME, 1e-6), "ppb": (_OF_VOLUME, 1e-9), "%LEL": (_OF_VOLUME, math.nan),
}  # fmt: skip
_ALIASES = {"°C": "degC", "µm": "um", "μm": "um", "µg": "ug", "μg": "ug", "m³": "m3", "°": "deg", "l": "L"}
_NAMES: Mapping[_Powers, str] = {
    _NONE: "a plain number", _SPAN: "length", _WEIGHT: "mass", _WHILE: "time", _PRESSURE: "pressure",
    _powers(time=-1): "frequency", _powers(heat=1): "temperature", _OF_VOLUME: "part of the volume",
    _DENSE: "mass in a volume", _powers(length=1, time=-1): "velocity", _powers(length=1, time=-2): "acceleration",
    _powers(current=1): "current", _VOLT: "voltage", _WATT: "power", _powers(angle=1): "angle", _FORCE: "force",
    _powers(length=3, time=-1): "flow",
}  # fmt: skip
_ATOM = re.compile(r"(%?[A-Za-z%]+|1)([23]?)")
_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\s\d.+-].*?|1)\s*")
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_EXACT = {"ms": 1_000_000, "s": SECOND, "min": 60 * SECOND, "h": 3600 * SECOND, "d": 86400 * SECOND}


class UnitError(ValueError):
    """A unit is unknown, of another dimension, or lacks what its conversion needs."""


@dataclass(frozen=True, slots=True)
class _Unit:
    powers: _Powers
    factor: float
    explosive: int
    """How often %LEL is a factor: its size depends on the gas."""


def unit_names() -> tuple[str, ...]:
    """The units that compounds ("mm/d", "mg/m3") are made of."""
    return tuple(_ATOMS)


def _parse(unit: str) -> _Unit:
    total, factor, explosive = list(_NONE), 1.0, 0
    for place, piece in enumerate(_ALIASES.get(unit, unit).split("/")):
        matched = _ATOM.fullmatch(_ALIASES.get(piece, piece))
        if matched is None or matched[1] not in _ATOMS:
            raise UnitError(f"unit {unit!r} is not known")
        powers, size = _ATOMS[matched[1]]
        exponent = int(matched[2] or 1) * (1 if place == 0 else -1)
        total = [have + exponent * more for have, more in zip(total, powers, strict=True)]
        if matched[1] == "%LEL":
            explosive += exponent
        else:
            factor *= size**exponent
    a, b, c, d, e, f, g = total
    return _Unit((a, b, c, d, e, f, g), factor, explosive)


def dimension(unit: str) -> str:
    """What a unit measures, in words: "velocity". Raises UnitError for an unknown unit."""
    powers = _parse(unit).powers
    return _NAMES.get(powers) or "dimension " + "".join(str(p) for p in powers)


def convert(
    value: float,
    unit: str,
    to: str,
    *,
    lel: float = math.nan,
    molar_mass: float = math.nan,
    temperature: float = math.nan,
) -> float:
    """`value` in another unit of the same dimension.

    `lel` in %vol, `molar_mass` in g/mol, `temperature` in degC; each only where it is needed. Raises UnitError for
    another dimension, an unknown unit, or a missing one of the three.
    """
    have, want = _parse(unit), _parse(to)
    if unit == to:
        return value
    if {unit, to} <= {"K", "degC", "°C"}:
        return _temperature(value, unit, to)
    factor = _bridge(have, want, unit, to, molar_mass, temperature) * have.factor / want.factor
    if (steps := have.explosive - want.explosive) != 0:
        if math.isnan(lel):
            raise UnitError(f"{unit} to {to} needs the gas's LEL in %vol")
        factor *= (lel * 1e-4) ** steps
    return _tidy(value * factor)


def _temperature(value: float, unit: str, to: str) -> float:
    kelvin = value if unit == "K" else value + 273.15
    return kelvin if to == "K" else kelvin - 273.15


def _bridge(have: _Unit, want: _Unit, unit: str, to: str, molar_mass: float, temperature: float) -> float:
    """Factor between part of the volume and mass in a volume; 1 where the dimensions already agree."""
    if have.powers == want.powers:
        return 1.0
    into_mass = tuple(a - f + d for a, f, d in zip(have.powers, _OF_VOLUME, _DENSE, strict=True))
    into_part = tuple(a + f - d for a, f, d in zip(have.powers, _OF_VOLUME, _DENSE, strict=True))
    if want.powers not in (into_mass, into_part):
        raise UnitError(f"{unit} ({dimension(unit)}) cannot become {to} ({dimension(to)})")
    if math.isnan(molar_mass) or math.isnan(temperature):
        raise UnitError(f"{unit} to {to} needs a molar_mass in g/mol and a temperature in degC")
    density = molar_mass / (MOLAR_VOLUME * (temperature + 273.15) / ROOM)  # g/L = kg/m3 of the pure gas
    return density if want.powers == into_mass else 1 / density


def _tidy(value: float) -> float:
    """Take the last bits' noise off a conversion, so that 1 %vol is 20 %LEL and not 20.000000000000004."""
    return float(f"{value:.14g}")


def quantity(text: str) -> tuple[float, str]:
    """A number with its unit: "10 mm/d" -> (10.0, "mm/d"). Raises UnitError if it is not one."""
    matched = _QUANTITY.fullmatch(text)
    if matched is None:
        raise UnitError(f"{text!r} is not a number with a unit")
    _parse(matched[2])
    return float(matched[1]), matched[2]


def duration(text: str) -> float:
    """Seconds of "5s", "24h", "2min", "1h30min". Raises UnitError if it is not a duration."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _spans(text))


def duration_ns(text: str) -> int:
    """The same in ns, exact."""
    return sum(round(float(number) * _EXACT[unit]) for number, unit in _spans(text))


def _spans(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while place < len(text):
        matched = _DURATION.match(text, place)
        if matched is None:
            raise UnitError(f"{text!r} is not a duration")
        found.append((matched[1], matched[2]))
        place = matched.end()
    if not found:
        raise UnitError("an empty text is not a duration")
    return found
