"""CONTRIBUTING's example, executed: its two files in a temporary copy, found, loaded and held to the contract."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^`([a-z_/]+\.py)`\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def example() -> dict[str, str]:
    """Path -> text of the files that the page shows."""
    return dict(BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8")))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    there = tmp_path_factory.mktemp("scratch")
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "detectors", there / "detectors", ignore=unwanted)
    shutil.copytree(ROOT / "tests" / "detectors", there / "tests" / "detectors", ignore=unwanted)
    for path in (*(ROOT / "tests").glob("*.py"), ROOT / "pyproject.toml"):
        shutil.copy(path, there / path.relative_to(ROOT))
    for name, text in example().items():
        (there / name).write_text(text, "utf-8")
    return there


def run(copy: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )


def test_the_page_shows_one_file_and_one_test() -> None:
    assert sorted(example()) == ["detectors/signal/jump.py", "tests/detectors/test_signal_jump.py"]


def test_its_own_test_and_the_whole_contract_pass(copy: Path) -> None:
    files = [f"tests/detectors/test_{name}.py" for name in ("signal_jump", "contract", "samples")]
    done = run(copy, "pytest", *files, "-k", "jump", "-v")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed.group(1)) >= 20


def test_a_broken_one_is_caught_by_the_contract(copy: Path) -> None:
    path = copy / "detectors/signal/jump.py"
    whole = path.read_text("utf-8")
    forgetful = whole.replace("[state.last[sensor]]", "[np.nan]")
    assert forgetful != whole
    path.write_text(forgetful, "utf-8")
    try:
        done = run(copy, "pytest", "tests/detectors/test_contract.py", "-k", "jump", "-q")
    finally:
        path.write_text(whole, "utf-8")
    assert done.returncode == 1
    assert "test_one_by_one_it_says_the_same" in done.stdout


def test_it_is_as_clean_as_the_rest(copy: Path) -> None:
    files = list(example())
    style = run(copy, "ruff", "check", *files)
    assert style.returncode == 0, style.stdout
    types = run(copy, "mypy", files[0])
    assert types.returncode == 0, types.stdout
