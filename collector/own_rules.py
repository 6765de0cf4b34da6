"""The system's own sensors and the rules on them: every site has them without writing them.

Constraints. They are put into the document when a site file is read, fully expanded, so a revision holds them and a log
that was judged without them is replayed without them. Which there are depends on what the site has: a broker, stores,
destinations. A site file may change a rule's limits, delays and priority under the rule's own name; switching one off
takes a reason, and `check` says it. Not here: who reads them (sampling.py, canary.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from collector.canary_settings import OFF as NOWHERE
from collector.own_names import plain
from collector.own_shipped import shipped
from collector.settings import ROLES, Settings
from detectors.document import Mistake, Table, listed
from detectors.sensor import OWN, OWN_AREA

SECOND = 10**9
EVERY = 10
"""s between two readings of a sensor that is read by the clock."""
OFF = "off"
"""Key of a rule of the system's own: the reason for which it is switched off."""
FIXED = ("sensors", "group", "area", "use", "suppress_when")
"""Keys that a site file cannot change of them."""


@dataclass(frozen=True, slots=True)
class Own:
    """What is put into a site's document, and what `check` has to say of it."""

    sensors: Mapping[str, Any]
    rules: Mapping[str, Any]
    remarks: tuple[str, ...]

    def put_in(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document with them in it."""
        sensors, rules = document.get("sensor", {}), document.get("rule", {})
        return {**document, "sensor": {**sensors, **self.sensors}, "rule": {**rules, **self.rules}}

    def alone(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """A document of them and nothing else, in which to find what is wrong with them."""
        return {"site": document.get("site", {}), "sensor": self.sensors, "rule": self.rules}


def own_sensors(settings: Settings) -> dict[str, dict[str, Any]]:
    """The sensors of a site with these settings, by name with the prefix."""
    return {f"{OWN}{name}": {"area": OWN_AREA, "time": "arrival", **about} for name, about in _sensors(settings)}


def own_of(document: Mapping[str, Any], settings: Settings, mistakes: list[Mistake]) -> Own:
    """Those of a site file; `mistakes` gains what it may not say of them."""
    given = Table(document, (), mistakes)
    changed, sensors = given.tables("rule"), own_sensors(settings)
    for name in given.table("sensor").data:
        if str(name).startswith(OWN):
            given.wrong(("sensor", name), f"a sensor named {OWN}...", "another name: the system's own begin so")
    remarks: list[str] = []
    rules: dict[str, Any] = {}
    for name, rule in shipped("en" if settings.oncall is None else settings.oncall.language).items():
        if name == "canary-lost":
            rule["detector"]["limit"] = f"{settings.canary.within / SECOND:g} s"
        chosen = [one for one in sensors if any(fnmatchcase(one, OWN + word) for word in rule["sensors"])]
        whole = _changed(name, rule, changed.get(name), remarks)
        if chosen and whole is not None:
            rules[name] = {**whole, "sensors": chosen}
    for rule in rules.values():
        if str(rule.get("suppress_when", "")).removeprefix("@").partition("/")[0] not in rules:
            rule.pop("suppress_when", None)
    if settings.canary.off:
        remarks.append(f"no canary flies: {settings.canary.off}")
    return Own(sensors, rules, tuple(remarks))


def _changed(name: str, rule: Mapping[str, Any], given: Table | None, remarks: list[str]) -> dict[str, Any] | None:
    """A rule as the site file has it; None where it is switched off."""
    if given is None:
        return dict(rule)
    for key in FIXED:
        if key in given:
            given.wrong((key,), f"{key} of a rule of the system's own", f"another name than {name!r} for your rule")
    if OFF in given:
        remarks.append(f"rule {name} of the system's own is off: {given.text(OFF, None, 'the reason')}")
        return None
    detector = given.table("detector")
    if detector.data.get("kind", rule["detector"]["kind"]) != rule["detector"]["kind"]:
        detector.wrong(("kind",), f"another kind for {name!r}", rule["detector"]["kind"])
    said = {key: value for key, value in given.data.items() if key not in FIXED}
    whole = {**rule, **said, "detector": {**rule["detector"], **detector.data}}
    differs = [key for key in ("priority", "on_delay") if whole.get(key) != rule.get(key)]
    differs += [key for key in detector.data if detector.data[key] != rule["detector"].get(key)]
    if differs:
        remarks.append(f"rule {name} of the system's own differs from the shipped one in {listed(differs)}")
    return whole


def _sensors(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, keys) of each."""
    yield "lag-judge", _clocked("lag", "s")
    for store in stores(settings):
        yield f"lag-store-{store}", _clocked("lag", "s")
    for destination in destinations(settings):
        yield f"lag-announce-{plain(destination)}", _clocked("lag", "s")
    yield "disk-free", _clocked("disk-free", "%")
    yield "disk-reserve", _clocked("state", states=["whole", "given-up"])
    for role in settings.roles or ROLES:
        yield f"memory-{role}", _clocked("memory", "%")
    yield "messages", _clocked("rate", "1/s")
    yield "seals", _clocked("rate", "1/s")
    yield "clock-offset", _clocked("clock-offset", "s")
    if settings.oncall is not None:
        yield "lag-calls", _clocked("lag", "s")
    yield "channels-failing", _clocked("channels", "count")
    if settings.mqtt is not None:
        yield "link", _clocked("state", states=["down", "up"])
        yield "queue", _clocked("queue", "count")
    yield from _canary(settings)


def _canary(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    canary = settings.canary
    every = canary.every // SECOND
    if canary.topic and settings.mqtt is not None:
        yield "canary", _clocked("canary", "s", every)
        yield "broker-round-trip", _clocked("round-trip", "s", every)
        if settings.mqtt.url.startswith("mqtts"):
            yield "certificate-broker", _clocked("certificate", "d", every)
            if settings.mqtt.cert is not None:
                yield "certificate-client", _clocked("certificate", "d", every)
        for name in ["journal", *doors(settings)]:
            yield f"canary-{name}", _clocked("round-trip", "s", every)
    if canary.ask is not None:
        yield "question", _clocked("state", states=["answered", "open", "unanswered"])


def doors(settings: Settings) -> list[str]:
    """The doors to which a site's canary goes, as doors.py names them."""
    found = [plain(hook.name) for hook in settings.announce.webhooks if hook.canary != NOWHERE]
    if settings.oncall is not None:
        ways = (name for name in settings.oncall.ways if settings.oncall.canary.get(name) != NOWHERE)
        found += [f"channel-{plain(name)}" for name in ways]
    return found


def stores(settings: Settings) -> list[str]:
    """The sinks of a site, as storing.py names them."""
    return ["history", *(["influx"] if settings.influx is not None else [])]


def destinations(settings: Settings) -> list[str]:
    """The destinations of notices, as announce.py names them."""
    return ["console", *(hook.name for hook in settings.announce.webhooks)]


def _clocked(quantity: str, unit: str = "", every: int = EVERY, states: list[str] | None = None) -> dict[str, Any]:
    about = {"states": states} if states else {"unit": unit}
    return {"quantity": quantity, "every": f"{every}s", **about}


__all__ = [
    "EVERY", "OFF", "Own", "destinations", "own_of", "own_sensors", "stores",
]  # fmt: skip
