"""Measure what each detector costs, into detectors/cost.toml: the page of detectors and the command show it.

python scripts/detectors_cost.py            measure the kinds that are not in it; on another machine all
python scripts/detectors_cost.py KIND ...   measure these anew, or all with --all

Constraints. Each kind steps the scene of its picture, the same for 100 subjects at once, in batches of 500 entries (a
full seal) as they arrive; the least of some rounds counts, because other work only adds. Gathering the rows of its
inputs and journaling are not in it.
"""

from __future__ import annotations

import sys
import time
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.machine import machine  # noqa: E402
from detectors.detector import catalogue  # noqa: E402
from detectors.state import size_of  # noqa: E402
from scripts.pictures.scene import ENTRIES, Scene  # noqa: E402
from scripts.pictures.scenes import scene_of  # noqa: E402
from tests.strategies import cut  # noqa: E402

FILE = ROOT / "detectors" / "cost.toml"
MACHINE = machine().removeprefix("machine: ")
SUBJECTS, ROUNDS = 100, 3
HEAD = """\
# What each detector costs: ns of processor time a reading (or a sample of a waveform), bytes remembered a subject.
# Written by scripts/detectors_cost.py: the simulated stream of docs/detectors.md, 100 subjects, batches of 500 entries.
"""


def cost(scene: Scene) -> dict[str, Any]:
    """ns an entry, what an entry is, bytes a subject."""
    subjects, stream = scene.subjects(SUBJECTS), scene.stream(SUBJECTS)
    batches = cut(stream, range(0, len(stream), ENTRIES))
    samples_in = sum(len(wave.samples) for wave in stream.waves)
    taken = []
    for _ in range(ROUNDS):
        state = scene.detector.start(subjects)
        begun = time.process_time()
        for batch in batches:
            scene.detector.step(state, batch)
        taken.append(time.process_time() - begun)
    entries = samples_in or len(stream)
    each = float(f"{min(taken) / entries * 1e9:.2g}")
    of = "sample" if samples_in else "reading"
    return {"ns": int(each) if each >= 10 else each, "of": of, "bytes": -(-size_of(state) // SUBJECTS)}


def written(costs: Mapping[str, Mapping[str, Any]]) -> str:
    """The file."""
    lines = [HEAD + f'machine = "{MACHINE}"\n']
    for kind, one in sorted(costs.items()):
        lines.append(f'["{kind}"]\nns = {one["ns"]}\nof = "{one["of"]}"\nbytes = {one["bytes"]}\n')
    return "\n".join(lines)


def main(asked: Iterable[str]) -> int:
    """Measure and write."""
    known = catalogue()
    old = {} if not FILE.exists() else tomllib.loads(FILE.read_text("utf-8"))
    kept = {kind: one for kind, one in old.items() if kind in known}
    elsewhere = old.get("machine") != MACHINE
    again = set(known) if elsewhere or "--all" in asked else set(asked) | (set(known) - set(kept))
    for kind in sorted(again):
        kept[kind] = cost(scene_of(kind))
        print(kind, kept[kind], flush=True)
        FILE.write_text(written(kept), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
