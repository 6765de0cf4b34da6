"""The limit sets: every value whose source was seen [V] is pinned here to its clause, by hand, from the reference.

A change of a number in detectors/limits must be made twice, here and there, by someone who has read the clause.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.limit_set import LIMIT_KEYS, TRIPS
from detectors.reading import Batch
from detectors.site import read_site
from detectors.units import dimension, duration

AQ, GB = "AQ 1029 methane table, row ", "GB/T 50493-2019"
SEEN: dict[str, dict[tuple[str, str], tuple[float, float | None, str, str, str]]] = {
    "cn": {
        ("methane.T0", "warn"): (1.0, None, "0s", "%vol", AQ + "T0"),
        ("methane.T0", "cut"): (1.5, 1.0, "0s", "%vol", AQ + "T0"),
        ("methane.T1", "warn"): (1.0, None, "0s", "%vol", AQ + "T1"),
        ("methane.T1", "cut"): (1.5, 1.0, "0s", "%vol", AQ + "T1"),
        ("methane.T2", "cut"): (1.0, 1.0, "0s", "%vol", AQ + "T2"),
        ("methane.T3", "cut"): (0.5, 0.5, "0s", "%vol", AQ + "T3"),
        ("methane.T4", "cut"): (0.5, 0.5, "0s", "%vol", AQ + "T4"),
        ("methane.shearer", "warn"): (1.0, None, "0s", "%vol", AQ + "shearer-mounted"),
        ("methane.shearer", "cut"): (1.5, 1.0, "0s", "%vol", AQ + "shearer-mounted"),
        ("methane.T7", "cut"): (2.5, 2.5, "0s", "%vol", "AQ 1029-2007 methane table, row T7"),
        ("methane.local-fan", "low"): (0.5, 0.5, "0s", "%vol", AQ + "local fan"),
        ("methane.local-fan", "high"): (1.5, 0.5, "0s", "%vol", AQ + "local fan"),
        ("combustible.petrochemical", "level-1"): (25, None, "0s", "%LEL", GB),
        ("combustible.petrochemical", "level-2"): (50, None, "0s", "%LEL", GB),
        ("h2s.petrochemical", "level-1"): (10, None, "0s", "mg/m3", GB),
        ("h2s.petrochemical", "level-2"): (20, None, "0s", "mg/m3", GB),
        ("co.petrochemical", "shift"): (20, None, "0s", "mg/m3", GB),
        ("so2.petrochemical", "shift"): (5, None, "0s", "mg/m3", GB),
        ("nh3.petrochemical", "shift"): (20, None, "0s", "mg/m3", GB),
        ("co.petrochemical-short", "short"): (30, None, "0s", "mg/m3", GB),
        ("so2.petrochemical-short", "short"): (10, None, "0s", "mg/m3", GB),
        ("nh3.petrochemical-short", "short"): (30, None, "0s", "mg/m3", GB),
        ("o2.petrochemical", "low"): (19.5, None, "0s", "%vol", GB),
        ("co.petrochemical-levels", "level-1"): (20, None, "0s", "mg/m3", GB),
        ("co.petrochemical-levels", "level-2"): (40, None, "0s", "mg/m3", GB),
        ("no2.petrochemical", "level-1"): (5, None, "0s", "mg/m3", GB),
        ("no2.petrochemical", "level-2"): (10, None, "0s", "mg/m3", GB),
        ("so2.petrochemical-levels", "level-1"): (5, None, "0s", "mg/m3", GB),
        ("so2.petrochemical-levels", "level-2"): (10, None, "0s", "mg/m3", GB),
        ("nh3.petrochemical-levels", "level-1"): (20, None, "0s", "mg/m3", GB),
        ("nh3.petrochemical-levels", "level-2"): (40, None, "0s", "mg/m3", GB),
        ("cl2.petrochemical", "level-1"): (1, None, "0s", "mg/m3", GB),
        ("cl2.petrochemical", "level-2"): (2, None, "0s", "mg/m3", GB),
        ("benzene.petrochemical", "level-1"): (6, None, "0s", "mg/m3", GB),
        ("benzene.petrochemical", "level-2"): (12, None, "0s", "mg/m3", GB),
        ("displacement.creep-Xu", "caution"): (45, None, "0s", "deg", "improved tangent angle, levels of Xu Qiang"),
        ("displacement.creep-Xu", "warning"): (80, None, "0s", "deg", "improved tangent angle, levels of Xu Qiang"),
        ("displacement.creep-Xu", "danger"): (85, None, "0s", "deg", "improved tangent angle, levels of Xu Qiang"),
        ("state.calibration-AQ-1029", "due"): (15, None, "0s", "d", "AQ 1029-2019, upkeep"),
    },
    "us": {
        ("methane.WV-22A-2-43", "adjust"): (1.0, 1.0, "0s", "%vol", "WV Code 22A-2-43"),
        ("methane.WV-22A-2-43", "withdraw"): (1.5, None, "0s", "%vol", "WV Code 22A-2-43"),
        ("methane.75.1324", "no-shot"): (1.0, None, "0s", "%vol", "30 CFR 75.1324"),
        ("methane.77.201-2", "ventilate"): (1.0, None, "0s", "%vol", "30 CFR 77.201-2"),
        ("methane.57.22232", "ventilate"): (0.5, 0.5, "0s", "%vol", "30 CFR 57.22232"),
        ("methane.57.22233", "ventilate"): (0.5, 0.5, "0s", "%vol", "30 CFR 57.22233"),
        ("methane.57.22235", "withdraw"): (1.0, 0.5, "0s", "%vol", "30 CFR 57.22235"),
        ("methane.57.22236", "withdraw"): (1.0, 0.5, "0s", "%vol", "30 CFR 57.22236"),
        ("methane.57.22237", "no-mining"): (2.0, None, "0s", "%vol", "30 CFR 57.22237"),
        ("methane.57.22237", "withdraw-30min"): (2.0, None, "30min", "%vol", "30 CFR 57.22237"),
        ("methane.57.22237", "withdraw"): (2.5, None, "0s", "%vol", "30 CFR 57.22237"),
        ("methane.57.22220", "return"): (0.25, None, "0s", "%vol", "30 CFR 57.22220"),
        ("silica.MSHA", "action"): (25, None, "0s", "ug/m3", "MSHA respirable silica rule, action level"),
        ("silica.MSHA", "shift"): (50, None, "0s", "ug/m3", "MSHA respirable silica rule, PEL"),
        ("cl2.OSHA", "ceiling"): (1, None, "0s", "ppm", "29 CFR 1910.1000 table Z-1, ceiling"),
        ("cl2.NIOSH", "ceiling"): (0.5, None, "0s", "ppm", "NIOSH REL, ceiling over 15 min"),
        ("cl2.IDLH", "idlh"): (10, None, "0s", "ppm", "NIOSH IDLH"),
        ("benzene.OSHA", "shift"): (1, None, "0s", "ppm", "29 CFR 1910.1028, TWA"),
        ("benzene.OSHA-short", "short"): (5, None, "0s", "ppm", "29 CFR 1910.1028, STEL"),
    },
    "eu": {
        ("methane.PL-1.0", "warn"): (0.6, None, "0s", "%vol", "Practice of one Polish longwall mine"),
        ("methane.PL-1.0", "cut"): (1.0, None, "0s", "%vol", "Practice of one Polish longwall mine"),
        ("methane.PL-1.5", "warn"): (1.0, None, "0s", "%vol", "Practice of one Polish longwall mine"),
        ("methane.PL-1.5", "cut"): (1.5, None, "0s", "%vol", "Practice of one Polish longwall mine"),
        ("methane.PL-2.0", "warn"): (1.5, None, "0s", "%vol", "Practice of one Polish longwall mine"),
        ("methane.PL-2.0", "cut"): (2.0, None, "0s", "%vol", "Practice of one Polish longwall mine"),
        ("co.EU", "shift"): (20, None, "0s", "ppm", "Directive 2004/37/EC annex III (2022/431), 8 h"),
        ("co.EU-short", "short"): (100, None, "0s", "ppm", "Directive 2004/37/EC annex III (2022/431), 15 min"),
        ("so2.EU", "shift"): (0.5, None, "0s", "ppm", "Directive 2017/164/EU, 8 h"),
        ("so2.EU-short", "short"): (1, None, "0s", "ppm", "Directive 2017/164/EU, 15 min"),
    },
}  # fmt: skip
SETS = tuple(SEEN)
LEFT_OPEN: dict[str, dict[str, Any]] = {
    "explosible-dust": {"mec": "65 g/m3"},
    "displacement": {"spacing": "6h", "v0": "0.5 mm/d"},
}
"""What these clauses leave to the rule."""
CONTACT = {"states": ["in service", "in calibration"]}


def limits(name: str) -> dict[str, list[dict[str, Any]]]:
    data = tomllib.loads((resources.files("detectors.limits") / f"{name}.toml").read_text("utf-8"))
    return {f"{kind}.{place}": rungs for kind, places in data.items() if isinstance(places, dict) for place, rungs in places.items()}  # fmt: skip # noqa: E501


def document(name: str, use: str, unit: str, simulated: bool) -> dict[str, Any]:
    data = tomllib.loads((resources.files("detectors.limits") / f"{name}.toml").read_text("utf-8"))
    rule: dict[str, Any] = {"sensors": ["x"], "use": use, "guidance": "Withdraw", "respond_within": "2min"}
    quantity = use.split(".")[0]
    if quantity in LEFT_OPEN:
        rule["detector"] = LEFT_OPEN[quantity]
    sensor = {"quantity": quantity, "unit": {"1": "g/m3", "deg": "mm"}.get(unit, unit), "noise": 0.5}
    return {
        "site": {"id": "s", "timezone": "UTC", "simulated": simulated},
        "sensor": {"x": {"area": "a", **(CONTACT if quantity == "state" else sensor)}},
        "rule": {"r": rule},
        "limit_set": data,
    }


@pytest.mark.parametrize("name", SETS)
def test_every_value_whose_source_was_seen_is_pinned_to_its_clause(name: str) -> None:
    seen = {
        (use, rung["rung"]): (rung["trip"], rung.get("reset"), rung.get("delay", "0s"), rung["unit"], rung["clause"])
        for use, rungs in limits(name).items()
        for rung in rungs
        if rung["mark"] == "V"
    }

    assert seen == SEEN[name]


@pytest.mark.parametrize("name", SETS)
def test_every_limit_says_all_it_must_and_nothing_else(name: str) -> None:
    for use, rungs in limits(name).items():
        for rung in rungs:
            needed = {"rung", "place", "unit", "trip", "priority", "action", "clause", "source", "mark"}
            assert needed <= set(rung) <= set(LIMIT_KEYS), use
            assert rung["mark"] in ("V", "R"), use
            assert dimension(rung["unit"])
            assert duration(rung.get("delay", "0s")) >= 0
            assert rung["mark"] == "V" or "recall" in rung["source"], use


@pytest.mark.parametrize("name", SETS)
def test_the_rungs_of_a_ladder_only_rise(name: str) -> None:
    order = ("low", "medium", "high", "critical")
    for use, rungs in limits(name).items():
        assert [r["trip"] for r in rungs] == sorted(r["trip"] for r in rungs), use
        assert [order.index(r["priority"]) for r in rungs] == sorted(order.index(r["priority"]) for r in rungs), use
        assert len({r["rung"] for r in rungs}) == len(rungs), use


@pytest.mark.parametrize(("name", "use"), [(name, use) for name in SETS for use in limits(name)])
def test_every_clause_can_be_used_and_trips_at_its_value_in_its_unit(name: str, use: str) -> None:
    rungs = limits(name)[use]

    rules = read_site(document(name, use, rungs[0]["unit"], simulated=True)).rules

    assert [rule.name for rule in rules] == [f"r.{rung['rung']}" for rung in rungs]
    for rule, rung in zip(rules, rungs, strict=True):
        detector = rule.detector
        tripped = getattr(detector, TRIPS.get(detector.kind, "limit"))
        assert tripped == (duration(f"{rung['trip']}d") if rung["unit"] == "d" else rung["trip"])
        assert rule.on_delay == duration(rung.get("delay", "0s")) * 1e9
        assert rung["clause"] in rule.citation
        assert rule.consequence == rung["action"]


@pytest.mark.parametrize(
    ("name", "use", "walk", "active"),
    [
        ("us", "methane.57.22235", [0.99, 1.0, 0.7, 0.5, 0.49], [False, True, True, True, False]),
        ("us", "methane.57.22232", [0.49, 0.5, 0.49], [False, True, False]),
        ("cn", "methane.T3", [0.49, 0.5, 0.5, 0.49], [False, True, True, False]),
        ("cn", "o2.mine-air", [20.1, 20.0, 19.0, 20.1], [False, True, True, False]),
    ],
)
def test_a_clause_trips_and_ends_exactly_where_it_says(
    name: str, use: str, walk: list[float], active: list[bool]
) -> None:
    rule = read_site(document(name, use, "%vol", simulated=True)).rules[0]
    state = rule.detector.start(Subjects.simple(1, unit="%vol"))

    said = []
    for step, value in enumerate(walk):
        now = 1_000_000_000 * (step + 1)
        rule.detector.step(state, Batch.of(now, [0], [now], [value]))
        said.append(int(state.verdict[0]) == 2)

    assert said == active


@pytest.mark.parametrize(
    ("name", "use", "kind", "seconds"),
    [
        ("cn", "co.petrochemical-short", "gas.stel", 900.0),
        ("us", "h2s.ACGIH-short", "gas.stel", 900.0),
        ("us", "h2s.NIOSH", "gas.stel", 600.0),
        ("us", "h2s.OSHA", "gas.ceiling", None),
        ("us", "coal-dust.70.100", "dust.shift_twa", None),
        ("us", "co-above-ambient.75.351", "gas.ambient_rise", None),
    ],
)
def test_a_clause_that_averages_has_the_detector_that_does(
    name: str, use: str, kind: str, seconds: float | None
) -> None:
    rungs = limits(name)[use]
    detector = read_site(document(name, use, rungs[0]["unit"], simulated=True)).rules[0].detector
    assert detector.kind == kind
    assert seconds is None or detector.window == seconds


def test_what_the_clause_leaves_open_stands_beside_it() -> None:
    given = document("us", "co-above-ambient.75.351", "ppm", simulated=True)
    given["rule"]["r"]["detector"] = {"ambient": "2 ppm"}
    assert [(r.detector.limit, r.detector.ambient) for r in read_site(given).rules] == [(5.0, 2.0), (10.0, 2.0)]


def test_a_short_term_limit_is_ten_minutes_at_niosh() -> None:
    """NIOSH REL, C 10 ppm over 10 min: 60 ppm for 100 s are 10 ppm over 10 min."""
    detector = read_site(document("us", "h2s.NIOSH", "ppm", simulated=True)).rules[0].detector
    state = detector.start(Subjects.simple(1, unit="ppm", interval=5.0))
    times = [1_700_000_000 * 10**9 + k * 5 * 10**9 for k in range(40)]
    found = detector.step(state, Batch.of(times[-1], [0] * 40, times, [60.0] * 40)).findings
    assert [(f.time - times[0]) / 10**9 for f in found] == [100.0]


@pytest.mark.parametrize(
    ("name", "use", "over"),
    [("us", "silica.MSHA", "8h"), ("us", "silica.OSHA", "8h"), ("us", "dust.OSHA-respirable", "8h"),
     ("cn", "silica-dust-10-50.respirable", "8h"), ("us", "coal-dust.70.100", "shift")],
)  # fmt: skip
def test_limits_of_eight_hours_divide_a_longer_shifts_dose_by_eight(name: str, use: str, over: str) -> None:
    """12 h at 0.7 of the limit are 1.05 of it over 8 h (29 CFR 1910.1000(d)(1)(i)), and 0.7 over the shift."""
    unit = limits(name)[use][-1]["unit"]
    given = document(name, use, unit, simulated=True)
    given["rule"]["r"]["detector"] = {"shift_hours": 12.0}
    detector = read_site(given).rules[-1].detector
    assert detector.over == over
    subjects = Subjects.simple(1, unit=unit, interval=60.0, parts=("dust",))
    times = np.arange(12 * 60 + 2) * 60 * 10**9 + 1_700_000_040 * 10**9
    batch = Batch.of(int(times[-1]), [0] * len(times), times, np.full(len(times), 0.7 * float(np.max(detector.limit))))
    verdicts = [f.verdict for f in detector.step(detector.start(subjects), batch).findings]
    assert (Verdict.ACTIVE in verdicts) == (over == "8h")


def test_the_page_of_limits_is_what_the_files_say() -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "scripts/limits_doc.py", "--check"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", SETS)
def test_every_value_is_on_the_page_in_its_set_with_clause_and_mark(name: str) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "limits.md").read_text("utf-8")
    (part,) = (part for part in page.split("\n## ") if part.startswith(f"{name}\n"))
    for use, rungs in limits(name).items():
        (ladder,) = (one for one in part.split("\n### ") if one.startswith(f"`{use}`"))
        rows = [line for line in ladder.splitlines() if line.startswith("| ")][1:]
        assert len(rows) == len(rungs)
        for row, rung in zip(rows, rungs, strict=True):
            assert f"= {rung['trip']:g} {rung['unit']} |" in row
            assert f"| {rung['clause']} | {rung['source']} | [{rung['mark']}" in row
