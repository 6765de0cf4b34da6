"""Measure how late and how often wrong each statistical detector is: docs/quality.json, and docs/quality.md from it.

python scripts/quality.py                  measure what is missing, then write both
python scripts/quality.py --again KIND     measure that kind anew first; may be given several times
python scripts/quality.py --only KIND      measure that kind if it is missing, write nothing; may be given several times
python scripts/quality.py --gather         measure nothing, write both from what was measured
python scripts/quality.py --check          exit 1 if the page is not that of the figures

Parts that are measured lie in build/quality/, so that it can be stopped and go on; what docs/quality.json has and still
holds is not measured again. Seeds are fixed: see bench/quality/.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.quality import figures  # noqa: E402
from bench.quality.kinds import KINDS, Kind, standing  # noqa: E402
from bench.quality.page import page  # noqa: E402
from bench.quality.streams import NOISES  # noqa: E402

FIGURES = ROOT / "docs" / "quality.json"
PAGE = ROOT / "docs" / "quality.md"
PARTS = ROOT / "build" / "quality"
ORDER = sorted(NOISES, key=lambda noise: (noise not in ("phi 0", "phi 0.9", "t5"), NOISES.index(noise)))
"""What tells most comes first, in case there is no time for all."""


def measure(task: tuple[str, str]) -> str:
    """One kind in one noise, unless it is there; a line about it."""
    name, noise = task
    kind = next(kind for kind in standing() if kind.kind == name)
    if figures.kept(PARTS, kind, noise) is not None:
        return f"{name}, {noise}: there"
    begun = time.perf_counter()
    try:
        part = figures.part_of(kind, noise)
    except ValueError as error:
        return f"{name}, {noise}: NOT MEASURED, {error}"
    figures.keep(PARTS, name, part)
    return f"{name}, {noise}: {time.perf_counter() - begun:.0f} s"


def measured(kinds: list[Kind], processes: int) -> None:
    """All kinds in all noises, on so many processes, giving way to other work."""
    tasks = [(kind.kind, noise) for slow in (False, True) for noise in ORDER for kind in kinds if kind.slow is slow]
    with multiprocessing.get_context("spawn").Pool(processes, os.nice, (1,)) as pool:
        for line in pool.imap_unordered(measure, tasks):
            print(line, flush=True)


def write() -> None:
    """The one file of figures, of all parts that are there."""
    parts: dict[str, list[dict[str, Any]]] = {kind.kind: [] for kind in KINDS}
    for kind in standing():
        found = (figures.kept(PARTS, kind, noise) for noise in NOISES)
        parts[kind.kind] = [part for part in found if part is not None]
    FIGURES.write_text(figures.whole(parts, list(KINDS)), "utf-8")


def main() -> int:
    """0 done or current, 1 not current."""
    parser = argparse.ArgumentParser(description="How late and how often wrong the statistical detectors are.")
    parser.add_argument("--again", action="append", default=[], metavar="KIND")
    parser.add_argument("--only", action="append", default=[], metavar="KIND", help="measure these, write nothing")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--gather", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if not given.check:
        figures.unpack(PARTS, FIGURES.read_text("utf-8"))
        for file in (file for name in given.again for file in PARTS.glob(f"{name}.*.json")):
            file.unlink()
        if not given.gather:
            measured([kind for kind in standing() if not given.only or kind.kind in given.only], given.processes)
        if given.only:
            return 0
        write()
    text = page(json.loads(FIGURES.read_text("utf-8")))
    if given.check:
        current = PAGE.exists() and PAGE.read_text("utf-8") == text
        if not current:
            print("docs/quality.md is not of docs/quality.json: python scripts/quality.py --gather", file=sys.stderr)
        return 0 if current else 1
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
