"""What bench.ingest stands beside: Telegraf, and how far each subscriber has come.

Constraints. Telegraf is used where scripts/telegraf.sh has built it or PATH has it, else `telegraf` is None; nothing is
built here. Its settings are its defaults but for those named: acknowledgement after the output's write is its default.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from collector.influx import Address
from tests.influx.conftest import ask

TELEGRAF = """
[agent]
  interval = "10s"
  flush_interval = "200ms"
  metric_batch_size = {batch}
  metric_buffer_limit = 200000
  omit_hostname = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["bench/#"]
  qos = 1
  client_id = "{client_id}"
  persistent_session = true
  max_undelivered_messages = {undelivered}
  data_format = "json_v2"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "reading"
    timestamp_path = "t"
    timestamp_format = "unix_ns"
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "v"
      rename = "value"
      type = "float"
{output}
"""
INTO_FILE = '[[outputs.file]]\n  files = ["{path}"]\n  data_format = "influx"\n'
INTO_INFLUX = '[[outputs.influxdb]]\n  urls = ["{url}"]\n  database = "bench"\n'


def telegraf() -> str | None:
    """The command, None where it is not to be had."""
    script = Path(__file__).parents[1] / "scripts" / "telegraf.sh"
    found = subprocess.run(["bash", str(script), "--found"], capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else shutil.which("telegraf")


def telegraf_command(binary: str, folder: Path, port: int, client_id: str, output: str, undelivered: int) -> list[str]:
    """The command that runs it, its configuration written to `folder`."""
    path = folder / "telegraf.conf"
    batch = 1000 if undelivered <= 1000 else 5000
    path.write_text(
        TELEGRAF.format(port=port, client_id=client_id, undelivered=undelivered, batch=batch, output=output)
    )
    return [binary, "--quiet", "--config", str(path)]


class Lines:
    """Counts the lines that another process appends to a file."""

    def __init__(self, path: Path) -> None:
        self._path, self._at, self._count = path, 0, 0

    def __call__(self) -> int:
        """Lines so far."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._at)
                new = file.read()
            self._at += len(new)
            self._count += new.count(b"\n")
        return self._count


def influx_points(url: str) -> Callable[[], int]:
    """How many points of `reading` an InfluxDB has in database `bench`."""
    address = Address(url, "bench", True)

    def count() -> int:
        time.sleep(0.03)
        found = ask(address, "SELECT count(value) FROM reading")
        return int(found[0]["values"][0][1]) if found else 0

    return count
