"""Detectors found by their path, and those from outside by their entry point."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from detectors import detector
from detectors.detector import FAMILIES, catalogue
from detectors.signal.limit import Limit

HOUSE = Path(detector.__file__).parent


def looked_up() -> Any:
    """The catalogue anew, past its cache."""
    return catalogue.__wrapped__()


def test_each_file_of_a_family_is_one_detector_named_by_its_path() -> None:
    files = {f"{family}.{p.stem}" for family in FAMILIES for p in (HOUSE / family).glob("[a-z]*.py")}
    assert files <= set(catalogue())
    assert all(cls.kind == kind for kind, cls in catalogue().items())
    assert list(catalogue()) == sorted(catalogue())


def test_a_detector_from_outside_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = EntryPoint("acme.limit", "detectors.signal.limit:Limit", "davylamp.detectors")
    monkeypatch.setattr(detector, "entry_points", lambda group: [outside] if group == outside.group else [])
    assert looked_up()["acme.limit"] is Limit


@pytest.mark.parametrize(
    "text", ["", "class Made:\n    kind = 'signal.maid'\n", "from detectors.signal.limit import Limit\n"]
)
def test_a_file_without_a_detector_of_its_name_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made.py").write_text(text)
    signal = import_module("detectors.signal")
    monkeypatch.setattr(signal, "__path__", [*signal.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "detectors.signal.made", raising=False)
    with pytest.raises(ImportError, match="detectors/signal/made.py must define one detector of kind 'signal.made'"):
        looked_up()
