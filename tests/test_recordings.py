"""docs/recordings.md: each mapping reads its table as the page says, and every key is there."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from detectors.site import read_site
from simulators.columns import KEYS, read_columns, read_table

PAGE = (Path(__file__).parents[1] / "docs" / "recordings.md").read_text("utf-8")
FENCES = re.findall(r"^```(mapping|table|readings)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [tuple(body for _, body in FENCES[k : k + 3]) for k in range(0, len(FENCES), 3)]
SITE = read_site({
    "site": {"id": "pit", "timezone": "UTC"},
    "sensor": {"ch4-2105": {"area": "f", "quantity": "methane", "unit": "%vol", "lel": 5.0},
               "temp-2105": {"area": "f", "quantity": "temperature", "unit": "degC"}},
    "rule": {},
})  # fmt: skip


@pytest.mark.parametrize(("mapping", "table", "readings"), EXAMPLES)
def test_the_mapping_reads_its_table(tmp_path: Path, mapping: str, table: str, readings: str) -> None:
    (tmp_path / "r.csv").write_text(table)
    got = [
        (time, rows.names[sensor], f"{value:.6g}")
        for rows in read_table(tmp_path / "r.csv", read_columns(mapping, SITE.sensors))
        for time, sensor, value in zip(rows.time.tolist(), rows.sensor.tolist(), rows.value.tolist(), strict=True)
    ]
    wanted = [line.split(" ") for line in readings.splitlines()]
    assert got == [(int(datetime.fromisoformat(t).timestamp()) * 10**9, name, value) for t, name, value in wanted]


def test_every_key_of_a_mapping_is_on_the_page() -> None:
    assert len(EXAMPLES) == 2
    for key, meaning in KEYS.items():
        assert f"| `{key}` | {meaning} |" in PAGE
