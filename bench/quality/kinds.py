"""Which detectors are compared, with which parameter swept and all others fixed before anything was measured.

Constraints. The lists of values run from loose to strict; they come from theory and from the detectors' defaults, not
from these streams. A kind that is not in the catalogue is left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from detectors.bank import broadcast_parameters
from detectors.detector import Subjects, catalogue

DAY = 24 * 60
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A detector as it is compared."""

    kind: str
    swept: str
    values: tuple[float, ...]
    """Loose to strict."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    warm: int = 2 * DAY
    """Readings it is given before anything counts."""
    members: int = 1
    """Sensors a subject."""
    at_once: bool = True
    """All values in one step, as so many more subjects; else one after the other."""
    complement: bool = False
    """The values are 1 - parameter."""
    noise: float = float("nan")
    """As declared; not where it can be learned: of a sensor whose neighbours correlate it is not the deviation."""
    slow: bool = False
    """More than about 2 us a reading: measured after the others."""
    note: str = ""

    @property
    def cls(self) -> type[Any]:
        """The detector's class."""
        return catalogue()[self.kind]

    @property
    def shipped(self) -> float | None:
        """The value of the swept parameter where nobody gives one; None where one must be given."""
        default = {f.name: f.default for f in dataclasses.fields(self.cls)}[self.swept]
        if default is dataclasses.MISSING:
            return None
        return float(f"{1 - default:.4g}") if self.complement else float(default)

    def detector(self, values: Sequence[float], sensors: int) -> Any:
        """One detector over `sensors` sensors for each of the values."""
        given = [1 - value for value in values] if self.complement else list(values)
        if len(values) > 1 or self.swept in broadcast_parameters(self.cls):
            return self.cls(**self.fixed, **{self.swept: np.repeat(np.array(given), sensors // self.members)})
        return self.cls(**self.fixed, **{self.swept: given[0]})

    def subjects(self, copies: int, sensors: int, quantum: float) -> Subjects:
        """`sensors` alike sensors for each of the values."""
        return Subjects.simple(
            copies * sensors // self.members, unit="mm", span=(-128.0, 128.0), quantum=quantum, noise=self.noise,
            interval=60.0, members=self.members,
        )  # fmt: skip


def between(low: float, high: float, ratio: float) -> tuple[float, ...]:
    """From `low` to `high` or just above, each `ratio` times the one before, to 4 digits."""
    count = int(np.ceil(np.log(high / low) / np.log(ratio))) + 1
    return tuple(float(f"{low * ratio**k:.4g}") for k in range(count))


def falling(high: float, low: float, ratio: float) -> tuple[float, ...]:
    """As `between`, from high to low."""
    return tuple(reversed(between(low, high, ratio)))


ALMOST = tuple(10.0**-k for k in (2, 3, 4, 5, 6, 7, 8, 10, 12, 14))
"""1 - confidence."""

UNSURE = (
    "As shipped and at phi 0.9 most sensors stay unknown, and say so: 1,000 such readings are no baseline for a limit"
    " by `false_alarms`."
)

KINDS: tuple[Kind, ...] = (
    Kind("signal.cusum", "limit", between(5.0, 40.0, 1.1), at_once=False, note=UNSURE),
    Kind("signal.ewma", "limit", between(2.5, 15.0, 1.06), at_once=False, note=UNSURE),
    Kind("signal.spike", "limit", between(3.0, 40.0, 1.1), at_once=False),
    Kind("signal.tail", "false_alarms", falling(16.0, 0.005, 1.4), warm=14 * DAY),
    Kind("signal.variance", "false_alarms", falling(32.0, 0.002, 2.0), at_once=False),
    Kind("health.noisy", "factor", between(1.1, 5.0, 1.1), noise=1.0, at_once=False),
    Kind(
        "signal.seasonal", "false_alarms", tuple(4 / 2**k for k in range(12)),
        {"cycle": "day", "cycles": 14, "utc_offset": 0.0}, warm=20 * DAY, at_once=False,
        slow=True, note="An hour is judged when it is over.",
    ),
    Kind("signal.changepoint", "confidence", ALMOST, at_once=False, complement=True, slow=True),
    Kind(
        "signal.rate", "limit", between(4e-4, 0.012, 1.3), {"window": 12 * HOUR, "side": "either"}, at_once=False,
        slow=True, note="In sigma a minute.",
    ),
    Kind("signal.trend", "confidence", ALMOST, {"window": 24 * HOUR}, at_once=False, complement=True, slow=True),
    Kind("network.deviation", "limit", between(3.0, 30.0, 1.15), warm=60, members=5, at_once=False, slow=True),
    Kind(
        "slope.acceleration", "spacing", tuple(600.0 * 2**k for k in range(8)), warm=10 * DAY, at_once=False,
        noise=1.0, slow=True, note="It has no limit; the time between velocities (s) is swept.",
    ),
)  # fmt: skip


def standing() -> list[Kind]:
    """Those that exist."""
    return [kind for kind in KINDS if kind.kind in catalogue()]
