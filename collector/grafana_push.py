"""Puts everything of a site into a Grafana, in the one order that works from 9.4 to 13, sending only what differs.

Constraints. A second push sends nothing. Others' folders, routes and objects are left as they are. The first thing that
fails ends the push, and what was and was not pushed is said. Alarm rules need KeepLast: before Grafana 10.4.1 they are
refused, all else is pushed. One organisation shows one site, or several that all have a name there. Secrets cannot be
read back: they are sent when their object is made or changed, or with `again`. Source: reference grafana.md section 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from collector.errors import DavylampError, Rejected
from collector.grafana import Absent, Grafana
from collector.grafana_same import same, same_dashboard, same_routes, same_text, signed
from dashboards.alerts import FOLDER, GROUP, INTERVAL, AlertRule
from dashboards.facts import FAMILIES
from dashboards.provision import MISSING_EVALUATIONS, PREFIX, Provisioned, tree

Version: TypeAlias = tuple[int, int, int]
Policies: TypeAlias = Literal["merge", "replace", "skip"]
OLDEST, KEEPS_LAST, KEEPS_MISSING = (9, 4, 0), (10, 4, 1), (12, 0, 0)
_HOME = re.compile(rf"{PREFIX}(-[a-z0-9]+)?")
"""A site's folder of dashboards."""
LONGEST = 40
"""Characters of a uid."""
PROVISIONING = "/v1/provisioning"
WHY_REFUSED = (
    "needs Grafana 10.4.1: an older one has no KeepLast, so it sends an alarm as resolved while its database is away"
)


class Outcome(StrEnum):
    """What became of one object."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    ALONE = "left alone"
    REFUSED = "refused"
    FAILED = "failed"
    NOT_PUSHED = "not pushed"


@dataclass(frozen=True, slots=True)
class Pushed:
    """One object and its outcome."""

    what: str
    name: str
    outcome: Outcome
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Step:
    what: str
    name: str
    do: Callable[[], Outcome]


def push(grafana: Grafana, wanted: Provisioned, policies: Policies = "merge", again: bool = False) -> list[Pushed]:
    """Each object with its outcome, in the order of pushing.

    Raises `Rejected` or `Unavailable` before anything is sent: not reached, not allowed, too old, another site's.
    """
    version = grafana.version()
    one = _Push(grafana, wanted, version, policies, again)
    one.look()
    done: list[Pushed] = []
    failed = False
    for step in one.steps():
        if failed:
            done.append(Pushed(step.what, step.name, Outcome.NOT_PUSHED))
            continue
        try:
            done.append(Pushed(step.what, step.name, step.do()))
        except DavylampError as error:
            done.append(Pushed(step.what, step.name, Outcome.FAILED, str(error)))
            failed = True
    refused = [rule for rule in wanted.rules if rule not in one.rules]
    return done + [Pushed("alert rule", rule.uid, Outcome.REFUSED, WHY_REFUSED) for rule in refused]


class _Push:
    def __init__(
        self, grafana: Grafana, wanted: Provisioned, version: Version, policies: Policies, again: bool
    ) -> None:
        self.grafana = grafana
        self.wanted = wanted
        self.version = version
        self.policies = policies
        self.again = again
        self.rules = [rule for rule in wanted.rules if version >= KEEPS_LAST or not rule.keeps]
        (self.home, _), (self.alarms, _) = wanted.folders
        self.org = 1
        self.stale: list[str] = []

    def look(self) -> None:
        """Whatever would stop the push is found before it begins."""
        for uid in self._uids():
            if len(uid) > LONGEST:
                raise Rejected(f"{uid!r} has {len(uid)} characters, Grafana takes {LONGEST}: shorten it")
        if self.version < OLDEST:
            raise Rejected(f"this is Grafana {said(self.version)}: the dashboards need 9.4 or newer")
        self.org = int(self.grafana.ask("GET", "/org")["id"])
        for kind in dict.fromkeys(source["type"] for source in self.wanted.sources):
            if self.grafana.find(f"/plugins/{kind}/settings") is None:
                raise Rejected(f"this Grafana has no data source plugin {kind!r}: install it there, then push again")
        self._alone()
        self.stale = self._stale()

    def _alone(self) -> None:
        """No other site has this name, and none is without one beside it: its route takes all that is ours."""
        uid, title = self.wanted.folders[0]
        for folder in self.grafana.ask("GET", "/folders"):
            there, theirs = folder["title"], folder["uid"]
            if not _HOME.fullmatch(theirs) or theirs == FOLDER or not there.startswith("Davylamp "):
                continue
            if (uid == theirs and title != there) or (uid != theirs and PREFIX in (uid, theirs)):
                raise Rejected(f"this organisation of Grafana shows {there!r} as {theirs!r} already, found {title!r} "
                               f"as {uid!r}: give each site a `name` of its own in [grafana], push to another "
                               "organisation, or delete that folder")  # fmt: skip

    def _uids(self) -> Iterable[str]:
        wanted = self.wanted
        yield from (uid for uid, _ in wanted.folders)
        yield from (one["uid"] for one in (*wanted.sources, *wanted.contact_points, *wanted.dashboards))
        yield from (rule.uid for rule in wanted.rules)

    def steps(self) -> Iterable[_Step]:
        """Everything in order."""
        wanted = self.wanted
        for folder in wanted.folders:
            yield _Step("folder", folder[1], _bound(self._folder, folder))
        groups: tuple[tuple[str, Iterable[Mapping[str, Any]], Callable[[Any], Outcome]], ...] = (
            ("data source", wanted.sources, self._source), ("contact point", wanted.contact_points, self._contact),
            ("mute timing", wanted.mute_timings, self._mute_timing),
        )  # fmt: skip
        for what, several, do in groups:
            for one in several:
                yield _Step(what, str(one.get("uid", one["name"])), _bound(do, one))
        for template in wanted.templates:
            yield _Step("template", template[0], _bound(self._template, template))
        yield _Step("policies", self.policies, self._policies)
        for dashboard in wanted.dashboards:
            yield _Step("dashboard", dashboard["uid"], _bound(self._dashboard, dashboard))
        for uid in self.stale:
            yield _Step("dashboard", uid, _bound(self._unneeded, uid))
        for rule in self.rules:
            yield _Step("alert rule", rule.uid, _bound(self._rule, rule))
        yield _Step("rule group", GROUP, self._group)

    def _folder(self, folder: tuple[str, str]) -> Outcome:
        uid, title = folder
        have = self.grafana.find(f"/folders/{uid}")
        if have is None:
            self.grafana.ask("POST", "/folders", {"uid": uid, "title": title})
            return Outcome.CREATED
        if have["title"] == title:
            return Outcome.UNCHANGED
        self.grafana.ask("PUT", f"/folders/{uid}", {"title": title, "overwrite": True})
        return Outcome.CHANGED

    def _source(self, want: Mapping[str, Any]) -> Outcome:
        path = f"/datasources/uid/{want['uid']}"
        have = self.grafana.find(path)
        if have is None:
            self.grafana.ask("POST", "/datasources", want)
            return Outcome.CREATED
        return self._unless(same(want, have), "PUT", path, want, "secureJsonData" in want)

    def _contact(self, want: Mapping[str, Any]) -> Outcome:
        path = f"{PROVISIONING}/contact-points"
        have = {one["uid"]: one for one in self.grafana.ask("GET", path)}.get(want["uid"])
        if have is None:
            self.grafana.ask("POST", path, want)
            return Outcome.CREATED
        return self._unless(same(want, have), "PUT", f"{path}/{want['uid']}", want, want["type"] == "webhook")

    def _mute_timing(self, want: Mapping[str, Any]) -> Outcome:
        path = f"{PROVISIONING}/mute-timings"
        have = {one["name"]: one for one in self.grafana.find(path) or []}.get(want["name"])
        if have is None:
            self.grafana.ask("POST", path, want)
            return Outcome.CREATED
        return self._unless(same(want, have), "PUT", f"{path}/{quote(want['name'])}", want)

    def _template(self, template: tuple[str, str]) -> Outcome:
        name, text = template
        path = f"{PROVISIONING}/templates"
        have = {one["name"]: one for one in self.grafana.find(path) or []}.get(name)
        equal = have is not None and same_text(text, have["template"])
        outcome = self._unless(equal, "PUT", f"{path}/{name}", {"template": text})
        return Outcome.CREATED if have is None else outcome

    def _unless(self, equal: bool, method: str, path: str, body: Any, secret: bool = False) -> Outcome:
        """Send what differs, or what holds a secret that is to be sent again."""
        if equal and not (secret and self.again):
            return Outcome.UNCHANGED
        self.grafana.ask(method, path, body)
        return Outcome.CHANGED

    def _policies(self) -> Outcome:
        if self.policies == "skip":
            return Outcome.ALONE
        path = f"{PROVISIONING}/policies"
        have = self.grafana.ask("GET", path)
        want = merged(have, self.wanted.route)
        if self.policies == "replace":
            want = tree(self.wanted.route, self.wanted.receiver)
        return self._unless(same_routes(want, have), "PUT", path, want)

    def _dashboard(self, dashboard: Mapping[str, Any]) -> Outcome:
        want = signed(dashboard)
        have = self.grafana.find(f"/dashboards/uid/{want['uid']}")
        if have and have["meta"].get("folderUid") == self.home and same_dashboard(want, have["dashboard"]):
            return Outcome.UNCHANGED
        body = {"dashboard": {**want, "id": None}, "folderUid": self.home, "overwrite": True,
                "message": "davylamp grafana push"}  # fmt: skip
        self.grafana.ask("POST", "/dashboards/db", body)
        return Outcome.CHANGED if have else Outcome.CREATED

    def _stale(self) -> list[str]:
        """Dashboards of families that the site has not, or has no more, and that are in our folder."""
        made = {one["uid"] for one in self.wanted.dashboards}
        others = [uid for name in FAMILIES if (uid := f"{self.wanted.prefix}-{name}") not in made]
        there = {uid: self.grafana.find(f"/dashboards/uid/{uid}") for uid in others}
        return [uid for uid, have in there.items() if have and have["meta"].get("folderUid") == self.home]

    def _unneeded(self, uid: str) -> Outcome:
        self.grafana.ask("DELETE", f"/dashboards/uid/{uid}")
        return Outcome.REMOVED

    def _rule(self, rule: AlertRule) -> Outcome:
        """Never GET one rule: 9.4 answers 500 for one that is not there. PUT first, POST if that finds none."""
        want = self._body(rule)
        have = {one["uid"]: one for one in self._group_there().get("rules", [])}.get(rule.uid)
        if have is not None and same(want, have):
            return Outcome.UNCHANGED
        try:
            self.grafana.ask("PUT", f"{PROVISIONING}/alert-rules/{rule.uid}", want)
            return Outcome.CHANGED
        except Absent:
            self.grafana.ask("POST", f"{PROVISIONING}/alert-rules", want)
            return Outcome.CREATED

    def _group(self) -> Outcome:
        """Sets the interval, and deletes rules that are no more."""
        have, uids = self._group_there(), [rule.uid for rule in self.rules]
        there = {one["uid"] for one in have.get("rules", [])}
        body = {"title": GROUP, "folderUid": self.alarms, "interval": INTERVAL,
                "rules": [self._body(rule) for rule in self.rules]}  # fmt: skip
        return self._unless(have.get("interval") == INTERVAL and there == set(uids), "PUT", self._group_path(), body)

    def _group_there(self) -> Mapping[str, Any]:
        return self.grafana.find(self._group_path()) or {}

    def _group_path(self) -> str:
        return f"{PROVISIONING}/folder/{self.alarms}/rule-groups/{GROUP}"

    def _body(self, rule: AlertRule) -> dict[str, Any]:
        place: dict[str, Any] = {"orgID": self.org, "folderUID": self.alarms, "ruleGroup": GROUP}
        if rule.keeps and self.version >= KEEPS_MISSING:
            place["missingSeriesEvalsToResolve"] = MISSING_EVALUATIONS
        return rule.json() | place


def merged(have: Mapping[str, Any], route: Mapping[str, Any]) -> dict[str, Any]:
    """A policy tree with our route where it was, else before all others, so that none of theirs swallows an alarm."""
    there = list(have.get("routes") or [])
    ours = [one.get("object_matchers") == route["object_matchers"] for one in there]
    place = ours.index(True) if True in ours else 0
    others = [one for one, own in zip(there, ours, strict=True) if not own]
    kept = {key: value for key, value in have.items() if key not in ("provenance", "version")}
    return {**kept, "routes": [*others[:place], route, *others[place:]]}


def said(version: Version) -> str:
    """12.4.0"""
    return ".".join(map(str, version))


def _bound(do: Callable[[Any], Outcome], one: Any) -> Callable[[], Outcome]:
    return lambda: do(one)
