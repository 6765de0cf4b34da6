"""What deploy/ ships, put into a temporary folder: paths and ports replaced, nothing else changed."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers import Mosquitto, find

DEPLOY = Path(__file__).parents[2] / "deploy"


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """The text with each key replaced. Raises ValueError where a key is not there: the file has changed."""
    for old, new in changes.items():
        if old not in text:
            raise ValueError(f"{old!r} is not in the shipped file any more")
        text = text.replace(old, new)
    return text


def secrets(folder: Path, host: str = "127.0.0.1") -> Path:
    """What deploy/secrets.sh makes."""
    find("openssl", "apt-get install openssl")
    find("mosquitto_passwd", "apt-get install mosquitto")
    subprocess.run([DEPLOY / "secrets.sh", host, folder], check=True, capture_output=True, text=True)
    return folder


@dataclass
class Broker(Mosquitto):
    """The shipped mosquitto.conf and acl on a loopback port. `secrets` is the folder that secrets.sh made."""

    secrets: Path = Path()

    @property
    def url(self) -> str:
        return f"mqtts://127.0.0.1:{self.port}"

    def configuration(self) -> str:
        changes = {
            "listener 8883": f"listener {self.port} 127.0.0.1",
            "persistence_location /var/lib/mosquitto/": f"persistence_location {self.folder}/",
            "/etc/mosquitto/davylamp/passwords": f"{self.secrets}/mosquitto-passwords",
            "/etc/mosquitto/davylamp/acl": f"{DEPLOY}/mosquitto/acl",
            "/etc/mosquitto/davylamp/": f"{self.secrets}/",
        }
        return replaced((DEPLOY / "mosquitto" / "mosquitto.conf").read_text("utf-8"), changes) + self.extra
