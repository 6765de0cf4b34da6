"""Where things stand on the page: what its own links and those from elsewhere are made of."""

from __future__ import annotations

from urllib.parse import quote


def sensor_path(name: str) -> str:
    """The page of a sensor, or of a rule's subject; its name may hold any character."""
    return f"/sensor/{quote(name, safe='')}"
