"""Alarms that roles say of the system itself: what to do about each, and their end where the thing is no more.

Constraints. Channels, webhooks, the broker are configuration and no hazard: an alarm about one that the site file no
longer has ends, journaled as such. Whoever would say that it works again is not there to say it, so announcing does, by
the settings it runs with. Source: docs/decisions/0015-own-alarms.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from collector.actions import own_alarm
from collector.decode import GONE
from collector.oncall import OnCall
from collector.settings import Settings
from detectors.records import BROKEN, CHANNEL, DIFFERS, SOURCE, UNBALANCED, WORK, WRONG_UNIT, Key

log = logging.getLogger(__name__)
Exists: TypeAlias = Callable[[str], bool]
"""Whether what an alarm's subject names is there."""

GUIDANCE: Mapping[str, str] = {
    BROKEN: "This rule judges nothing, all others do. Look at its subject another way; report it, and apply a revision "
    "to start it anew.",
    CHANNEL: "The subject is a channel, or channel:person. Tell people another way. Mend it and try it: "
    "davylamp oncall test --send. It ends when a call arrives, when the site file no longer has it, or by a reset; "
    "docs/operations.md#channel-failing",
    DIFFERS: "The journal on disk stands. Keep the data folder for evidence and report it; then an engineer resets it; "
    "docs/operations.md#judge-differs",
    SOURCE: "No reading comes in: watch the site by other means. The reason says what to do; "
    "docs/operations.md#source-failingmqtt",
    UNBALANCED: "davylamp ledger says at which hop and when; docs/operations.md#ledger-unbalanced",
    WORK: "The subject is role/work: one destination, one store, the calling of people. It does nothing, the others go "
    "on: do by hand what it does. The log has the traceback: report it; docs/operations.md#work-failing",
    WRONG_UNIT: "The sensor's readings are not judged while its payload says another unit. Put its device or the site "
    "file right.",
}
"""What to do, by rule."""


def is_way(oncall: OnCall | None, name: str) -> bool:
    """False for a channel, or channel:person, that the site no longer has: no call will ever show that it works."""
    channel, _, person = name.partition(":")
    return oncall is not None and channel in oncall.ways and (not person or person in oncall.people)


class Gone:
    """Ends the alarms about what a site no longer has, each once."""

    def __init__(self, settings: Settings) -> None:
        self._data = settings.data
        self._exists: Mapping[str, Exists] = {
            CHANNEL: lambda name: is_way(settings.oncall, name),
            SOURCE: lambda name: settings.mqtt is not None,
        }
        self._said: set[Key] = set()

    def look(self, alarms: Iterable[Mapping[str, Any]]) -> None:
        """Of all that judging knows now."""
        stand = {(one["rule"], one["subject"]) for one in alarms if one["active"]}
        gone = {key for key in stand if key[0] in self._exists and not self._exists[key[0]](key[1])}
        for rule, subject in sorted(gone - self._said):
            log.warning("alarm=%s/%s ends reason=the site file no longer has it", rule, subject)
            own_alarm(self._data, rule, subject, False, GONE)
        self._said = gone
