"""Writes dashboards/json: the provisioning files of the pretended north-pit site, so that a change in them is seen.

python scripts/grafana_json.py            write them
python scripts/grafana_json.py --check    exit 1 if they are not current
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from collector.config import Loaded, load  # noqa: E402
from collector.grafana_settings import GrafanaSettings  # noqa: E402
from collector.grafana_site import to_files, write_files  # noqa: E402
from collector.secret import Secret  # noqa: E402
from collector.settings import Influx  # noqa: E402

FOLDER = ROOT / "dashboards" / "json"


def site() -> Loaded:
    """The simulators' pit with a database and contacts, which it has none of by itself."""
    loaded = load(ROOT / "simulators" / "scenarios" / "north-pit.toml")
    there = Secret(env="THERE")
    grafana = GrafanaSettings(page="https://lamp.pit", email=("duty@pit.example",), webhook=there, dead_man=there)
    influx = Influx("http://influxdb:8086", there, bucket="davylamp")
    return replace(loaded, settings=replace(loaded.settings, influx=influx, grafana=grafana))


def main() -> int:
    """Write, or with --check say whether they are current."""
    wanted = to_files(site(), "en", policies=True)
    if "--check" not in sys.argv[1:]:
        sys.stdout.writelines(f"{line}\n" for line in write_files(FOLDER, wanted))
        return 0
    there = {path.relative_to(FOLDER).as_posix(): path.read_text("utf-8") for path in FOLDER.rglob("*.*")}
    if there != wanted:
        sys.stderr.write("dashboards/json is not current: run python scripts/grafana_json.py\n")
    return int(there != wanted)


if __name__ == "__main__":
    sys.exit(main())
