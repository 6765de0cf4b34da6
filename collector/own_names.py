"""How names of a site file (a webhook's, a channel's) stand in the system's own sensors; the canary's topic."""

from __future__ import annotations

import re


def plain(name: str) -> str:
    """A name as it may stand in a sensor's."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", name)


def canary_topic(site: str) -> str:
    """Where a site's canary is published; what MQTT keeps for itself is not in a topic."""
    return f"davylamp/{re.sub('[+#/]', '-', site)}/canary"
