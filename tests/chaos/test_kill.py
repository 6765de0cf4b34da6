"""60,000 QoS 1 messages, ten kills with -9: nothing lost, nothing twice, the journal that of an undisturbed fold."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.actions import ask_revision
from collector.config import load
from tests.chaos.killing import Rig, await_stored, await_subscription, publish, verify, write_site
from tests.servers import mosquitto

pytestmark = pytest.mark.chaos


def test_kills_lose_nothing_repeat_nothing_and_change_no_journal(tmp_path: Path) -> None:
    total, kills = 60_000, 10
    with mosquitto(tmp_path) as url:
        site = write_site(tmp_path, url)
        loaded = load(site)
        ask_revision(loaded.settings.data, loaded.document, "test", "first")
        with Rig(site) as rig:
            await_subscription(rig, url)
            publish(url, total, rig, kills, seed=20230222)
            await_stored(rig, total, 90)
    counts = verify(rig, total)

    assert rig.kills == kills
    assert counts["gate.judged"] == total
