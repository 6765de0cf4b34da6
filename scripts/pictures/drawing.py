"""A scene as a picture: what came in, what was derived, and when the detector was active or did not know.

Constraints. The same bytes each time with the same Matplotlib: no date, no version, no font but its own. Grey shapes as
well as hues, so that a print without colour says the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from detectors.detector import Verdict
from scripts.pictures.scene import BEGIN, SECOND, Floats, Scene, Seen, Trace

SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
INKS = ("#1f3b57", "#b5651d", "#5b8c5a", "#7d5ba6", "#8a8a8a")
DASHES = ("-", "--", "-.", ":", "-")
STYLE: Any = {"font.family": "DejaVu Sans", "font.size": 8, "axes.spines.top": False, "axes.spines.right": False}
INSTANT = 1e9
"""s: a derived value above it is a time since 1970."""
NOT_A_LEVEL = ("allowance", "ambient", "noise", "oxygen")
"""Parameters in the sensor's unit that are no level of it."""


def digest(scene: Scene, seen: Seen) -> str:
    """Of all that is drawn, to six digits, and of how: the picture carries it, and is current while it is the same."""
    parts = [Path(__file__).read_text("utf-8"), scene.caption, scene.per, repr(scene.detector)]
    parts += [verdict.name for verdict in seen.verdicts]
    columns = [x for trace in scene.traces for x in (trace.seconds, trace.value)]
    columns += [x for name in seen.columns for x in seen.columns[name]]
    parts += [f"{x:.6g}" for column in (seen.begins, *columns) for x in column.tolist()]
    return sha256("\n".join(parts).encode()).hexdigest()


def drawn(file: Path) -> str:
    """The digest that a picture carries; empty where there is no picture."""
    if not file.exists():
        return ""
    with Image.open(file) as image:
        return str(getattr(image, "text", {}).get("Drawn", ""))


def draw(scene: Scene, seen: Seen, file: Path) -> None:
    """Write the picture."""
    with matplotlib.rc_context(STYLE):
        derived = _first_unit(seen)
        figure = Figure(figsize=(7.2, 3.6 if derived else 2.2), dpi=80, layout="constrained")
        axes = figure.subplots(2 if derived else 1, 1, sharex=True, squeeze=False)[:, 0]
        _inputs(axes[0], scene)
        if derived:
            _derived(axes[1], scene, seen, derived)
        for axis in axes:
            _verdicts(axis, scene, seen)
            if scene.levels:
                _limits(axis, scene, derived, axis is not axes[0])
        axes[-1].set_xlim(0, seen.end / SECONDS[scene.per])
        axes[-1].set_xlabel(f"{scene.per} (shaded: active; hatched: unknown)")
        figure.savefig(file, metadata={"Software": None, "Drawn": digest(scene, seen)}, pil_kwargs={"optimize": True})


def _inputs(axis: Any, scene: Scene) -> None:
    subjects = scene.subjects(1)
    units, names = list(subjects.input_unit), list(subjects.part)
    flags = [k for k, trace in enumerate(scene.traces) if _is_flag(trace) and len(scene.traces) > 1]
    plain = [k for k in range(len(scene.traces)) if k not in flags]
    if not plain:
        _rows(axis, scene, flags, names)
        return
    second = axis.twinx() if any(units[k] != units[plain[0]] for k in plain) else None
    for ink, k in enumerate(plain):
        other = units[k] != units[plain[0]]
        dashes = DASHES[1] if other else "-"
        _line(second if other else axis, scene.traces[k], scene.per, INKS[ink % 5], dashes, names[k])
    axis.set_ylabel(_unit(units[plain[0]]))
    if subjects.states[plain[0]]:
        axis.set_yticks(range(len(subjects.states[plain[0]])), subjects.states[plain[0]])
    if second is not None:
        second.spines["right"].set_visible(True)
        second.set_ylabel(next(f"{names[k]} {units[k]}" for k in plain if units[k] != units[plain[0]]))
    for height, k in enumerate(flags):
        _flag(axis, scene.traces[k], scene.per, names[k], height)
    if len(plain) > 1:
        _legend(axis)


def _is_flag(trace: Trace) -> bool:
    return not trace.rate and bool(np.isin(trace.value[np.isfinite(trace.value)], (0.0, 1.0)).all())


def _rows(axis: Any, scene: Scene, flags: list[int], names: list[str]) -> None:
    """Verdicts or states, one above the other."""
    for height, k in enumerate(flags):
        trace = scene.traces[k]
        x, y = trace.seconds / SECONDS[scene.per], 0.7 * trace.value - height
        axis.step(x, y, where="post", color=INKS[height % 5], lw=1)
    axis.set_yticks([-h for h in range(len(flags))], [names[k] for k in flags])


def _flag(axis: Any, trace: Trace, per: str, name: str, height: int) -> None:
    """A state of its own: bars where it is 1, along the lower edge."""
    for begin, end in _spans(trace.seconds, trace.value == 1):
        low = 0.05 * height
        axis.axvspan(begin / SECONDS[per], end / SECONDS[per], low, low + 0.04, color="#444444", lw=0)
    axis.text(1.0, 0.05 * height, name, transform=axis.transAxes, fontsize=7, va="bottom", ha="right")


def _spans(seconds: Floats, on: Any) -> Iterator[tuple[float, float]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], on, [False])).astype(np.int8)))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        yield float(seconds[begin]), float(seconds[min(end, len(seconds) - 1)])


def _line(axis: Any, trace: Trace, per: str, ink: str, dashes: str, name: str) -> None:
    x, y = trace.seconds / SECONDS[per], trace.value
    if trace.dots:
        axis.plot(x, y, ".", color=ink, ms=3, label=name)
        return
    if len(x) > 2:
        gaps = np.flatnonzero(np.diff(x) > 5 * np.median(np.diff(x)))
        x, y = np.insert(x, gaps + 1, np.nan), np.insert(y, gaps + 1, np.nan)
    axis.plot(x, y, dashes, color=ink, lw=0.8, label=name)


def _first_unit(seen: Seen) -> str:
    """The unit of the first derived reading; those that share it are drawn."""
    return next(iter(seen.units.values()), "")


def _derived(axis: Any, scene: Scene, seen: Seen, unit: str) -> None:
    names = [name for name, of in seen.units.items() if of == unit]
    instants = any((seen.columns[name][1] > INSTANT).any() for name in names)
    for ink, name in enumerate(names):
        x, y = (column / SECONDS[scene.per] for column in seen.columns[name])
        y = (seen.columns[name][1] - BEGIN / SECOND) / SECONDS[scene.per] if instants else seen.columns[name][1]
        apart = len(x) < 10 or any(trace.dots for trace in scene.traces)
        dashes, marker = "" if apart else DASHES[ink % 5], "." if apart or len(x) < 60 else ""
        steps = "steps-post" if dashes and (y == np.round(y)).all() else "default"
        axis.plot(x, y, dashes, color=INKS[ink % 5], lw=1, marker=marker, ms=4, label=name, drawstyle=steps)
    if instants:
        ends = [0, seen.end / SECONDS[scene.per]]
        axis.plot(ends, ends, ":", color="#888888", lw=0.8, label="now")
    axis.set_ylabel(scene.per if instants else _unit(unit))
    _legend(axis)


def _legend(axis: Any) -> None:
    axis.legend(loc="lower left", bbox_to_anchor=(0, 0.95), fontsize=7, frameon=False, ncols=6)


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def _verdicts(axis: Any, scene: Scene, seen: Seen) -> None:
    begins, verdicts = [0.0, *seen.begins, seen.end], [Verdict.UNKNOWN, *seen.verdicts]
    for verdict, begin, end in zip(verdicts, begins, begins[1:], strict=False):
        span = begin / SECONDS[scene.per], end / SECONDS[scene.per]
        if verdict is Verdict.ACTIVE:
            axis.axvspan(*span, color="#c0392b", alpha=0.18, lw=0)
        elif verdict is Verdict.UNKNOWN:
            axis.axvspan(*span, facecolor="none", edgecolor="#bbbbbb", hatch="////", lw=0)


def _limits(axis: Any, scene: Scene, derived: str, is_lower: bool) -> None:
    """Dashes at the parameters that are levels of what is drawn. A limit belongs to what is derived in its unit."""
    unit = scene.subjects(1).unit[0]
    for name, form in scene.detector.limit_parameters.items():
        value, of = getattr(scene.detector, name), form.replace("{unit}", unit)
        belongs_below = of == derived and name in ("limit", "reset")
        if belongs_below == is_lower and of in (unit, derived) and name not in NOT_A_LEVEL and np.isfinite(value):
            axis.axhline(value, color="#333333", lw=0.8, ls=(0, (6, 3)))
            axis.text(1.0, value, f" {name}", transform=axis.get_yaxis_transform(), fontsize=7, ha="left", va="center")
