"""What a machine does to programs and no test can do to a machine: its wall clock is set, its disk is slow or fails.

Constraints. A small C library (preload.c) is built with gcc and preloaded into the roles, which are the product's as
they are; what it is told lies in a file that all of them have mapped. glibc only. Not here: what is told when
(faults.py).
"""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

from collector.errors import Unavailable

SOURCE = Path(__file__).with_name("preload.c")
FIELDS = struct.Struct("3q")


class Preload:
    """The library, built into a folder. Raises `Unavailable` where there is no gcc that builds it."""

    def __init__(self, folder: Path) -> None:
        self._library, told = folder / "preload.so", folder / "told"
        told.write_bytes(bytes(FIELDS.size))
        with told.open("r+b") as file:
            self._told = mmap.mmap(file.fileno(), FIELDS.size)
        self.environment = {"LD_PRELOAD": str(self._library), "DAVYLAMP_TEST_TOLD": str(told)}
        self._build()

    def _build(self) -> None:
        gcc = shutil.which("gcc")
        if gcc is None:
            raise Unavailable("no gcc: apt-get install gcc libc6-dev")
        command = [gcc, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", self._library, SOURCE, "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"gcc does not build {SOURCE.name}: {done.stderr.strip().splitlines()[-1:]}")

    def tell(self, ahead: int = 0, slow: float = 0.0, failing: int = 0) -> None:
        """From now on the wall clock is `ahead` ns, a sync takes `slow` s longer or fails with an errno; 0 is well."""
        self._told[:] = FIELDS.pack(ahead, round(slow * 1e9), failing)


__all__ = ["Preload"]
