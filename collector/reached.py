"""Tells judging whom the notice of a test's alarm reached: so a test shows the whole way, from the gas to the pager.

Constraints. One message a test and channel, named by both, so that it is in the log once. It is put in the inbox after
the channel took the notice; that it fails is nothing to the channel. The console's own log is nobody and is left out.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from collector.calling import Taken, Text, Way
from collector.channels import Channel, Notice
from collector.decode import REACHED
from collector.inbox import put
from collector.message import OWN, Message
from collector.oncall import OnCall
from detectors.records import spelled, tested_by

log = logging.getLogger(__name__)


def tell(data: Path, channel: str, tests: Mapping[str, str]) -> None:
    """`tests`: occurrence -> test that raised it. The channel took notices of these."""
    for alarm, test in tests.items():
        sensor = alarm.partition("/")[2].rpartition("#")[0]
        said = {"test": test, "sensor": sensor, "alarm": alarm, "channel": channel}
        name = sha256(f"{test}\0{channel}".encode()).hexdigest()[:32]
        try:
            put(data, Message(REACHED, json.dumps(said).encode(), OWN, id=f"reached-{name}"))
        except OSError as error:
            log.error("test=%s channel=%s reached, but judging cannot be told: %s", test, channel, error)


@dataclass(frozen=True, slots=True)
class Witness:
    """A channel whose taking of a test's notices judging hears of."""

    channel: Channel
    data: Path

    @property
    def name(self) -> str:
        """The channel's."""
        return self.channel.name

    def send(self, notice: Notice) -> int:
        """Send it by the channel, then tell."""
        code = self.channel.send(notice)
        raised = [line for line in notice.changes if line["change"] != "returned" and tested_by(line)]
        names = {spelled(line["rule"], line["sensor"], line["occurrence"]): tested_by(line) for line in raised}
        tell(self.data, self.name, names)
        return code


@dataclass(frozen=True, slots=True)
class WitnessedWay:
    """The same of a way to call people."""

    way: Way
    name: str
    data: Path

    def send(self, to: str, text: Text) -> Taken:
        """Send it by the way, then tell."""
        taken = self.way.send(to, text)
        tell(self.data, self.name, text.details.get("tests", {}))
        return taken

    def objection(self, to: str) -> str:
        """The way's."""
        return self.way.objection(to)


def witnessed(oncall: OnCall, data: Path) -> OnCall:
    """The same people and rosters; judging hears which ways took the calls of tests."""
    return replace(oncall, ways={name: WitnessedWay(way, name, data) for name, way in oncall.ways.items()})
