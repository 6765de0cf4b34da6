"""Says on how many detectors the contract was run."""

from __future__ import annotations

from typing import Any

from detectors.detector import catalogue


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A line before pytest's own: kinds that have a passed test of the contract, of all there are."""
    passed = [report.nodeid for report in terminalreporter.stats.get("passed", ()) if "test_contract" in report.nodeid]
    kinds = catalogue()
    run = [kind for kind in kinds if any(f"[{kind}" in name for name in passed)]
    if run:
        terminalreporter.write_line(f"contract: run on {len(run)} of {len(kinds)} detectors")
