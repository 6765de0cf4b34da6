"""Real roles in processes of their own, over a site made for the benches.

Constraints. Roles are started as `davylamp run --role` starts them and ended by the id of the child; memory is what
the kernel says of the process (Linux). Not a supervisor: a role that dies ends the bench.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collector.broker import free_port
from collector.config import load
from collector.message import REVISION, Message
from collector.running import role_command
from collector.spool import Spool

SENSORS = 100
LOW, HIGH = 0.52, 1.31
AGO = 3600 * 10**9
"""ns that the first revision lies back."""
SITE = """
[site]
id = "bench"
timezone = "Asia/Shanghai"
simulated = true
data = "data"
[mqtt]
url = "{url}"
client_id = "bench-davylamp"
[page]
port = {port}
[payload.plain]
topic = "bench/{{area}}/{{sensor}}"
json = {{ value = "v", unit = "u", time = "t" }}
[payload.logger]
topic = "logger/{{area}}"
columns = {{ sensor = "s", value = "v", time = "t" }}
[sensor]
{sensors}
[rule.gas]
sensors = ["quantity:methane"]
detector = {{ kind = "signal.limit", limit = "1.0 %vol", reset = "0.9 %vol" }}
priority = "high"
guidance = "Withdraw"
"""
SENSOR = '{name} = {{ area = "pit", quantity = "methane", unit = "%vol", span = [0, 4], every = "60s" }}'


def sensor(k: int) -> str:
    """The id of sensor k."""
    return f"ch4-{k:04d}"


def topic(k: int) -> bytes:
    """Where sensor k publishes."""
    return f"bench/pit/{sensor(k)}".encode()


def payload(value: float, time: int) -> bytes:
    """One reading, 64 bytes."""
    return b'{"v":%.2f,"u":"%%vol","t":%d,"n":"face-2105-ne"}' % (value, time)


def write_site(folder: Path, url: str, sensors: int = SENSORS, more: str = "") -> Path:
    """The site file, with more TOML at its end; its document is the log's first message."""
    path = folder / "site.toml"
    rows = "\n".join(SENSOR.format(name=sensor(k)) for k in range(sensors))
    path.write_text(SITE.format(url=url, port=free_port(), sensors=rows) + more)
    loaded = load(path)
    revision = {"document": loaded.document, "by": "bench", "note": "first"}
    spool = Spool(loaded.settings.data)
    spool.append([Message("revision", json.dumps(revision).encode(), REVISION)], time.time_ns() - AGO, time.time_ns())
    spool.close()
    return path


@dataclass
class Roles:
    """Roles of one site as processes; the with-block ends them."""

    site: Path
    names: Sequence[str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.site.parent / "data"

    def __enter__(self) -> Roles:
        for name in self.names:
            with (self.site.parent / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    role_command(str(self.site), name), stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def memory(self) -> str:
        """Resident memory now and at its highest, a role."""
        return ", ".join(f"{name} {rss(p.pid)}" for name, p in self.processes.items())

    def cpu(self, name: str) -> float:
        """Seconds of processor time that a role took so far."""
        return cpu(self.processes[name].pid)

    def until(self, done: Callable[[], bool], within: float, pause: float = 0.005) -> float:
        """Seconds until `done`. Raises what a role said when it died, or TimeoutError."""
        begun = time.perf_counter()
        while not done():
            for name, process in self.processes.items():
                if process.poll() is not None:
                    said = (self.site.parent / f"{name}.log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"role {name} ended with {process.returncode}: {said}")
            if time.perf_counter() - begun > within:
                raise TimeoutError(f"not done within {within:g} s")
            time.sleep(pause)
        return time.perf_counter() - begun


def rss(pid: int) -> str:
    """ "now (peak)" in MB of a process."""
    found = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    now, peak = (int(found[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return f"{now:.0f} MB (peak {peak:.0f})"


def cpu(pid: int) -> float:
    """Seconds of processor time that a process took so far: what wall time hides on a machine that others use too."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def python(module: str, *arguments: object) -> list[str]:
    """The command that runs a module of ours."""
    return [sys.executable, "-m", module, *map(str, arguments)]
