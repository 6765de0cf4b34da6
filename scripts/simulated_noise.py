"""Measure the simulated noise beside what is published of real instruments, into docs/simulators.md.

python scripts/simulated_noise.py [--check]     with --check exit 1 if the page is not current

Constraints. What is measured is what worlds and geophones show, by the same classes as in a scenario, seeded. Marks as
in the reference: [V] the text or data of the source was seen, [R] recalled.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from detectors.sensor import Sensor  # noqa: E402
from simulators.devices import habit_of  # noqa: E402
from simulators.geophone import Geophone  # noqa: E402
from simulators.instrument import SECOND, Habit, Instrument  # noqa: E402
from simulators.link import Dropout  # noqa: E402
from simulators.rows import Rows  # noqa: E402
from simulators.shaking import Swarm  # noqa: E402
from simulators.world import HABITS, World  # noqa: E402

PAGE = ROOT / "docs" / "simulators.md"
BEGIN, END = "<!-- simulated_noise.py -->\n", "<!-- end -->\n"
HEAD = "| what | ours, measured | published | alike? |\n|---|---|---|---|\n"
HOUR, DAY = 3600, 86400
HIGH_NOISE = ((4.55, -97.39), (10.0, -91.5))
"""Hz and dB of acceleration power, (m/s2)2/Hz: New High Noise Model, as ObsPy's get_nhnm() gives it."""


class Row(NamedTuple):
    """One comparison."""

    what: str
    ours: str
    published: str
    alike: str


def shown(sensor: Sensor, days: float, **words: object) -> NDArray[np.float64]:
    """What a calm sensor shows, with an [instrument] entry's words; slow movement taken out by its line."""
    habits: dict[str, Habit] = {}
    if words:
        sensor, habits[sensor.id] = habit_of(sensor, HABITS[sensor.quantity], words)
    world = World([sensor], seed=7, start=0, habits=habits)
    value = world.readings(round(days * DAY * SECOND))[0].value
    if sensor.quantity != "displacement":
        return value
    at = np.arange(len(value))
    return np.asarray(value - np.polyval(np.polyfit(at, value, 1), at), np.float64)


def spread(value: NDArray[np.float64]) -> float:
    """Robust noise of one reading from successive differences (reference: slope 1)."""
    steps = np.diff(value)
    return float(1.4826 * np.median(np.abs(steps - np.median(steps))) / np.sqrt(2))


def correlation(value: NDArray[np.float64], lag: int) -> float:
    """Of readings `lag` apart."""
    return float(np.corrcoef(value[:-lag], value[lag:])[0, 1])


def slope_of(power: NDArray[np.float64], hertz: NDArray[np.float64], low: float, high: float) -> float:
    """Exponent of a spectrum between two frequencies."""
    band = (hertz >= low) & (hertz <= high)
    return float(np.polyfit(np.log10(hertz[band]), np.log10(power[band]), 1)[0])


def longest(value: NDArray[np.float64]) -> int:
    """Readings in the longest run of one value."""
    ends = np.flatnonzero(np.concatenate(([True], np.diff(value) != 0, [True])))
    return int(np.diff(ends).max())


def survey() -> Iterator[Row]:
    """Prisms, GNSS, radar."""
    hourly = Sensor("p", "wall", "displacement", "mm", every=HOUR * SECOND, quantum=0.1)
    prism = shown(hourly, 240, kind="total_station")
    far = float((np.abs(prism - np.median(prism)) > 4 * spread(prism)).mean())
    yield Row(
        "prism by total station, hourly",
        f"noise of one reading {spread(prism):.1f} mm, correlation after 1 h {correlation(prism, 1):.1f}, "
        f"{far:.1%} of readings beyond 4 of it",
        "millimetres (reference slope 2.6, 5.1); isolated outliers of several times the noise (slope 1); refraction "
        "by day and night (Chrzanowski & Wilkins, geodetic monitoring in large open pits [V, abstract])",
        "size and outliers yes; refraction is a fixed daily wave here, by weather in a real pit",
    )
    gnss = shown(hourly, 240, kind="gnss", daily=0)
    hertz, power = welch(gnss, 1 / HOUR, nperseg=1024)
    yield Row(
        "GNSS, hourly",
        f"spectrum ~ f^{slope_of(power, hertz, 1 / (48 * HOUR), 1 / (8 * HOUR)):.1f} between 8 and 48 h, "
        f"f^{slope_of(power, hertz, 1 / (40 * DAY), 1 / (5 * DAY)):.1f} between 5 and 40 d",
        "white plus flicker, so from f^0 to f^-1 (Mao et al. 1999, JGR 104 B2; Goudarzi et al. 2015 [V, abstracts]; "
        "both of daily positions)",
        "within days roughly, ours is steeper; over weeks no: ours is flat, flicker noise goes on rising",
    )
    radar = shown(Sensor("r", "wall", "displacement", "mm", every=300 * SECOND, quantum=0.01), 20, kind="radar")
    yield Row(
        "slope radar, each 5 min",
        f"{spread(radar):.2f} mm from reading to reading, {radar.std():.2f} mm over days; correlation after 30 min "
        f"{correlation(radar, 6):.1f}",
        "0.1-0.3 mm (reference slope 2.6); below 1 mm, with the atmosphere as the main disturbance (Reeves et al. "
        "2001, Gundersen et al. 2018 [V, abstracts])",
        "size yes; phase jumps of a quarter wave (slope 1) are not made",
    )


def cells() -> Iterator[Row]:
    """Gas and dust."""
    methane = shown(
        Sensor("m", "face", "methane", "%vol", (0, 4), every=2 * SECOND, quantum=0.01, noise=0.02), 1, daily=0
    )
    yield Row(
        "methane, each 2 s, steps of 0.01 %",
        f"correlation after 2 s {correlation(methane, 1):.2f}; longest run of one value {longest(methane)} readings",
        "none found; AR(1) with 0.3 to 0.9 is what the detectors are tested with (reference performance 9)",
        "not known",
    )
    ppm = Sensor("c", "belt", "co", "ppm", (0, 500), every=5 * SECOND, quantum=1.0)
    coarse = shown(ppm, 3, level=[2, 6], noise=0.15, daily=0.3)
    zero = shown(Sensor("h", "sump", "h2s", "ppm", (0, 100), every=5 * SECOND, quantum=1.0), 3, level=[0, 0.1])
    yield Row(
        "CO and H2S in whole ppm, each 5 s",
        f"longest run {longest(coarse) * 5 / HOUR:.1f} h of CO; H2S reads 0 in {(zero == 0).mean():.0%} of readings",
        "a healthy channel may read exactly 0 for hours, CO comes in whole ppm (reference gas-dust 2.8)",
        "yes where the site declares quantum = 1; the pit north-pit declares 0.1 and never repeats so long",
    )
    cell = Sensor("e", "belt", "co", "ppm", (0, 500), every=5 * SECOND, quantum=0.1)
    _, habit = habit_of(cell, HABITS["co"], {"kind": "electrochemical", "noise": 0})
    step = Instrument.of(replace(cell, noise=0.0, quantum=np.nan), habit, 7).show((np.arange(100) > 0) * 10.0, 1.0)
    fine = shown(cell, 1, kind="electrochemical", daily=0)
    yield Row(
        "CO cell",
        f"90 % of a step after {int(np.argmax(step >= 9 - 1e-9))} s, noise {fine.std():.1f} ppm, no drift",
        "bare cell CO-B4: t90 < 15 s, noise 0.002 ppm, zero drift below 0.1 ppm a year (Alphasense data sheet [V])",
        "no: ours is slower (a housing with a filter) and far noisier (the air of a place, not clean gas)",
    )
    yield Row(
        "dust",
        "each reading for itself, correlation by exp(-t/30 s)",
        "series published as hourly means repeat in blocks (reference gas-dust 4)",
        "no: no instrument here republishes means",
    )


def ground() -> Iterator[Row]:
    """Geophones."""
    sensor = Sensor("g-z", "pit", "ground_velocity", "mm/s", (-100, 100), rate=200.0, quantum=1e-5, noise=0.01)
    blocks = Geophone.of(sensor, 0, 0.5, (), 7).take(1200 * SECOND)
    hertz, power = welch(np.concatenate([block.samples for block in blocks]), 200.0, nperseg=2048)
    power *= (hertz**4 + 4.5**4) / np.maximum(hertz, 0.1) ** 4
    fall = 10 * slope_of(power, hertz, 5, 10)
    (low, at_low), (high, at_high) = HIGH_NOISE
    model = (at_high - at_low) / np.log10(high / low) - 20
    yield Row(
        "ground noise from 5 to 10 Hz, geophone's response removed",
        f"velocity power {fall:.0f} dB a decade",
        f"New High Noise Model {model:.0f} dB a decade (Peterson 1993, USGS 93-322, by ObsPy's table [V])",
        "in shape yes; the model ends at 10 Hz, and its size (about 0.001 mm/s from 4.5 to 10 Hz) is below a pit's; a "
        "real site is louder by day, ours never changes",
    )
    swarm = Swarm(start=0, end=30 * DAY, position=(0, 0, 0), count=5000, law="decaying", seed=7)
    magnitude = swarm.catalogue()[1]
    yield Row(
        "magnitudes of a swarm",
        f"b = {np.log10(np.e) / (magnitude.mean() + 1.5):.2f} of 5,000",
        "b near 1; p of Omori's law near 1 [R]",
        "yes, as drawn; real swarms cluster in space as well, ours scatters about one place",
    )


def gaps() -> Iterator[Row]:
    """Links."""
    link = Dropout(start=0, share=0.05, burst=4)
    link.begin(Sensor("x", "a", "methane", "%vol"), np.random.default_rng(7))
    count = 200_000
    kept = link.carry(Rows.of(np.arange(count) * 1.0, np.arange(count) * SECOND)).source
    bursts = np.diff(kept) - 1
    bursts = bursts[bursts > 0]
    yield Row(
        "gaps by `dropout`, share 0.05, burst 4",
        f"{1 - len(kept) / count:.1%} lost, bursts of {bursts.mean():.1f} on average, "
        f"{(bursts > 8).mean():.0%} longer than 8, the longest {bursts.max()}",
        "losses come in bursts; two states do not represent 802.11 indoors (Cardoso & de Rezende 2009 [V, abstract])",
        "bursts yes; their tail no: ours is geometric, real gaps have hours among seconds (add `silent`, `flapping`)",
    )


def table() -> str:
    """The comparisons as Markdown."""
    rows = [*survey(), *cells(), *ground(), *gaps()]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> int:
    """0 if the table is, or with --check was, current."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    old, _, after = rest.partition(END)
    new = table()
    if "--check" not in sys.argv:
        PAGE.write_text(before + BEGIN + new + END + after, encoding="utf-8")
        return 0
    if new == old:
        return 0
    print(f"{PAGE.name} is not current: run python scripts/simulated_noise.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
