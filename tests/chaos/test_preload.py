"""What a preloaded process sees: a wall clock that is set, syncs that take long or fail; nothing once all is well."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collector.errors import Unavailable
from tests.chaos.faults import HOUR
from tests.chaos.preload import Preload
from tests.servers import missing

pytestmark = pytest.mark.chaos
LOOK = """
import os, sys, time
begun = time.monotonic()
with open(sys.argv[1], "w") as file:
    try:
        os.fsync(file)
        failed = 0
    except OSError as error:
        failed = error.errno
print(time.time_ns(), failed, time.monotonic() - begun)
"""


@pytest.fixture
def preload(tmp_path: Path) -> Preload:
    try:
        return Preload(tmp_path)
    except Unavailable as error:
        missing("gcc", str(error))


def look(preload: Preload, folder: Path) -> tuple[int, int, float]:
    """By how many ns its wall clock is ahead of ours, the errno of a sync, s that it took."""
    command = [sys.executable, "-c", LOOK, str(folder / "synced")]
    done = subprocess.run(
        command, env={**os.environ, **preload.environment}, capture_output=True, text=True, check=True
    )
    wall, failed, took = done.stdout.split()
    return int(wall) - time.time_ns(), int(failed), float(took)


@pytest.mark.parametrize("ahead", [0, HOUR, -HOUR])
def test_the_wall_clock_is_ahead_as_told(preload: Preload, tmp_path: Path, ahead: int) -> None:
    preload.tell(ahead=ahead)
    seen, failed, _ = look(preload, tmp_path)
    assert abs(seen - ahead) < HOUR // 60
    assert failed == 0


def test_a_sync_takes_longer_and_fails_as_told(preload: Preload, tmp_path: Path) -> None:
    preload.tell(slow=0.2, failing=errno.EIO)
    _, failed, took = look(preload, tmp_path)
    assert failed == errno.EIO
    assert took >= 0.2


def test_without_gcc_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chaos.preload.shutil.which", lambda name: None)
    with pytest.raises(Unavailable, match="no gcc: apt-get install gcc"):
        Preload(tmp_path)
