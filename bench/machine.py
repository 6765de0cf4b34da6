"""The line that every bench prints first: what it ran on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np


def machine() -> str:
    """Processor, cores, Python and NumPy."""
    info = Path("/proc/cpuinfo")
    models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    processor = models[0] if models else platform.processor() or "unknown processor"
    return f"machine: {processor}, {os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}"
