"""docs/detectors.md is what the catalogue says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from detectors.detector import catalogue

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_current() -> None:
    script = ROOT / "scripts" / "detectors_doc.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_detector_is_on_it_with_its_sample() -> None:
    text = (ROOT / "docs" / "detectors.md").read_text("utf-8")
    for kind in catalogue():
        assert f"\n## {kind}\n" in text
        assert f'kind = "{kind}"' in text
