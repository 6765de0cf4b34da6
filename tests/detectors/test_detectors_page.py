"""docs/detectors.md is what the catalogue says, and each kind has a picture that shows what it is for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from detectors.detector import Verdict, catalogue
from scripts.pictures.drawing import digest, draw, drawn
from scripts.pictures.scene import look
from scripts.pictures.scenes import OWN, of_test, sample_of, scene_of

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
SMALL = 3_000_000


def test_the_page_and_its_pictures_are_current() -> None:
    """Says which kinds have no picture."""
    script = ROOT / "scripts" / "detectors_doc.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_detector_is_on_it_with_its_sample_and_picture() -> None:
    text = (ROOT / "docs" / "detectors.md").read_text("utf-8")
    for kind in catalogue():
        assert f"\n## {kind}\n" in text
        assert f'kind = "{kind}"' in text
        assert f"](pictures/{kind}.png)" in text


def test_no_picture_is_left_over_and_all_are_small() -> None:
    files = list(PICTURES.glob("*.png"))
    assert {file.stem for file in files} == catalogue().keys()
    assert sum(file.stat().st_size for file in files) < SMALL


@pytest.mark.parametrize("kind", sorted(OWN))
def test_its_scene_makes_it_active_and_not_from_the_beginning(kind: str) -> None:
    seen = look(scene_of(kind))
    assert Verdict.ACTIVE in seen.verdicts
    assert seen.begins[seen.verdicts.index(Verdict.ACTIVE)] > 0


@pytest.mark.parametrize("kind", ["gas.twa", "seismic.sta_lta"])
def test_a_picture_is_the_same_bytes_each_time_and_knows_what_it_shows(kind: str, tmp_path: Path) -> None:
    scene = scene_of(kind)
    draw(scene, look(scene), tmp_path / "a.png")
    draw(scene_of(kind), look(scene_of(kind)), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert drawn(tmp_path / "a.png") == digest(scene, look(scene))
    assert drawn(tmp_path / "none.png") == ""


@pytest.mark.parametrize("kind", ["signal.limit", "network.vote", "seismic.pick"])
def test_a_kind_without_a_scene_is_drawn_from_its_contract_test(kind: str, tmp_path: Path) -> None:
    scene = of_test(sample_of(kind))
    seen = look(scene)
    assert Verdict.ACTIVE in seen.verdicts
    draw(scene, seen, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 2_000
