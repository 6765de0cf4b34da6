"""Units: factors against published tables, refusals, quantities and durations."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.units import UnitError, convert, dimension, duration, duration_ns, quantity, unit_names


@pytest.mark.parametrize(
    ("gas", "molar_mass", "mg_per_ppm"), [("co", 28.010, 1.146), ("h2s", 34.081, 1.394), ("methane", 16.043, 0.656)]
)
def test_ppm_becomes_mg_per_m3_as_in_the_tables_at_25_degrees(gas: str, molar_mass: float, mg_per_ppm: float) -> None:
    converted = convert(1, "ppm", "mg/m3", molar_mass=molar_mass, temperature=25)

    assert converted == pytest.approx(mg_per_ppm, abs=5e-4), gas


def test_a_colder_gas_is_denser() -> None:
    at = {t: convert(1, "ppm", "mg/m3", molar_mass=28.01, temperature=t) for t in (0.0, 25.0)}

    assert at[0.0] / at[25.0] == pytest.approx(298.15 / 273.15, rel=1e-12)


@pytest.mark.parametrize(("lel", "of_lel"), [(5.0, 20.0), (4.4, 22.7)])
def test_one_percent_methane_depends_on_which_lel_is_meant(lel: float, of_lel: float) -> None:
    assert convert(1, "%vol", "%LEL", lel=lel) == pytest.approx(of_lel, abs=0.05)
    assert convert(convert(1, "%vol", "%LEL", lel=lel), "%LEL", "%vol", lel=lel) == pytest.approx(1, rel=1e-13)


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (24, "mm/d", "mm/h", 1), (25, "ug/m3", "mg/m3", 0.025), (65, "g/m3", "mg/m3", 65000), (1, "%vol", "ppm", 10000),
        (1, "cm/s", "mm/s", 10), (25, "degC", "K", 298.15), (300, "K", "degC", 26.85), (1, "bar", "kPa", 100),
        (0.1, "%vol/min", "ppm/s", 1000 / 60), (5, "%LEL", "%LEL", 5), (1, "m/s2", "mm/s2", 1000), (1, "m³", "L", 1000),
    ],
)  # fmt: skip
def test_units_of_one_dimension_convert(value: float, unit: str, to: str, expected: float) -> None:
    assert convert(value, unit, to) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "to", "words"),
    [
        ("mm", "mm/d", "cannot become"), ("%vol", "mg", "cannot become"), ("furlong", "mm", "not known"),
        ("Mg", "mg", "not known"), ("%vol", "%LEL", "needs the gas's LEL"), ("ppm", "mg/m3", "needs a molar_mass"),
        ("", "mm", "not known"), ("mm/", "mm", "not known"),
    ],
)  # fmt: skip
def test_what_cannot_be_converted_is_refused_and_says_why(unit: str, to: str, words: str) -> None:
    with pytest.raises(UnitError, match=words):
        convert(1, unit, to)


@given(st.sampled_from(unit_names()), st.floats(1e-6, 1e6))
def test_there_and_back_is_the_same(unit: str, value: float) -> None:
    base = {"part of the volume": "ppm", "temperature": "K", "length": "m", "time": "d", "mass": "kg"}
    to = base.get(dimension(unit), unit)

    there = convert(value, unit, to, lel=5.0)

    assert convert(there, to, unit, lel=5.0) == pytest.approx(value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10 mm/d", (10, "mm/d")), ("1.0%vol", (1, "%vol")), ("-5 degC", (-5, "degC")), ("2e3 ppm", (2000, "ppm")),
     ("20 %LEL", (20, "%LEL")), (".5 mg/m3", (0.5, "mg/m3")), ("0.25 1", (0.25, "1"))],
)  # fmt: skip
def test_a_quantity_is_a_number_with_its_unit(text: str, expected: tuple[float, str]) -> None:
    assert quantity(text) == expected


@pytest.mark.parametrize("text", ["", "10", "mm", "ten mm", "10 furlong", "1,5 mm", "nan mm", "10 mm mm"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        quantity(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5), ("24h", 86400), ("2min", 120), ("500ms", 0.5), ("1h30min", 5400), ("7d", 604800)]
)
def test_durations_read_as_seconds_and_as_exact_ns(text: str, seconds: float) -> None:
    assert duration(text) == seconds
    assert duration_ns(text) == math.floor(seconds * 1e9)


@pytest.mark.parametrize("text", ["", "5", "5 m", "s", "-5s", "5s later", "5 mm", "1h 30"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        duration(text)
