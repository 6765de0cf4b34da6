"""A contract fake of Grafana's HTTP API: what reference grafana.md measured or read of 9.4 to 13, on a loopback port.

What it holds: 404 and POST upserts; 500 for an unknown uid in a group PUT before 11.5.2; 500 for the GET of a missing
rule in 9.4; codes 200, 201, 202, 204; provenance; a group PUT deletes what it does not list; KeepLast refused before
10.4.1; provisioned data sources 403, provisioned dashboards 400; 412 and 409 on conflicts; fields of later versions
dropped; from 13 on dashboards come back in a newer schema; silences change in place where matchers and start agree,
else the old one ends and another is made. What it cannot show: that a real server evaluates a rule.
"""

from __future__ import annotations

import copy
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

TOKEN, VIEWER = "glsa_admin", "glsa_viewer"
Reply = tuple[int, Any]
UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
FIRST_POLICIES = {"receiver": "grafana-default-email", "group_by": ["grafana_folder", "alertname"]}
RULE_FIELDS = {"uid", "orgID", "folderUID", "ruleGroup", "title", "condition", "data", "noDataState", "execErrState",
               "for", "labels", "annotations", "isPaused"}  # fmt: skip


class Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        self.reply: Reply = (code, {"message": message})


@dataclass
class GrafanaFake:
    """The state of one organisation. `writes` are all requests that were no GET."""

    version: tuple[int, int, int] = (12, 4, 0)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    timings: dict[str, dict[str, Any]] = field(default_factory=dict)
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    intervals: dict[tuple[str, str], int] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(FIRST_POLICIES))
    plugins: set[str] = field(default_factory=lambda: {"influxdb", "alertmanager"})
    from_files: set[str] = field(default_factory=set)
    """uids, and "policies", that a provisioned file owns."""
    broken: dict[str, Reply] = field(default_factory=dict)
    """Answers for requests "METHOD /path" (by its beginning) instead of what would come."""
    silences: dict[str, dict[str, Any]] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    """s since 1970"""
    writes: list[str] = field(default_factory=list)
    tell_version: bool = True

    def answer(self, method: str, path: str, token: str, body: Any) -> Reply:
        for start, reply in self.broken.items():
            if f"{method} {path}".startswith(start):
                return reply
        if (method, path) == ("GET", "/health"):
            return 200, {"database": "ok", **({"version": self._text()} if self.tell_version else {})}
        if token not in (TOKEN, VIEWER):
            return 401, {"message": "Invalid API key"}
        if method != "GET":
            if token == VIEWER:
                return 403, {"message": "You'll need additional permissions to perform this action"}
            self.writes.append(f"{method} {path}")
        for wanted, pattern, do in ROUTES:
            found = re.fullmatch(pattern, path)
            if wanted == method and found:
                try:
                    return do(self, *map(unquote, found.groups()), *([body] if method in ("POST", "PUT") else []))
                except Refused as refused:
                    return refused.reply
        return 404, {"message": "Not found"}

    def _text(self) -> str:
        return ".".join(map(str, self.version))

    def settings(self) -> Reply:
        return 200, {"buildInfo": {"version": self._text()}}

    def organisation(self) -> Reply:
        return 200, {"id": 7, "name": "Pit"}

    def plugin(self, name: str) -> Reply:
        return (200, {"id": name}) if name in self.plugins else (404, {"message": "Plugin not found, no installed"})

    # folders, data sources
    def get_folder(self, uid: str) -> Reply:
        return found_or_404(self.folders, uid, "folder not found")

    def get_folders(self) -> Reply:
        return 200, [{"id": 1, **one} for one in self.folders.values()]

    def post_folder(self, body: Any) -> Reply:
        check_uid(body["uid"])
        if body["uid"] in self.folders:
            raise Refused(412, "the folder has been changed by someone else")
        if self.version < (11, 0, 0) and body["title"] in [one["title"] for one in self.folders.values()]:
            raise Refused(409, "a folder with the same name already exists in the current location")
        self.folders[body["uid"]] = {"id": 1, "uid": body["uid"], "title": body["title"]}
        return 200, self.folders[body["uid"]]

    def put_folder(self, uid: str, body: Any) -> Reply:
        if not body.get("overwrite"):
            raise Refused(412, "the folder has been changed by someone else")
        self.folders[uid]["title"] = body["title"]
        return 200, self.folders[uid]

    def get_source(self, uid: str) -> Reply:
        if uid not in self.sources:
            raise Refused(404, "Data source not found")
        have = {key: value for key, value in self.sources[uid].items() if key != "secureJsonData"}
        secret = dict.fromkeys(self.sources[uid].get("secureJsonData", {}), True)
        return 200, {"id": 1, "orgId": 7, "secureJsonFields": secret, "readOnly": uid in self.from_files, **have}

    def post_source(self, body: Any) -> Reply:
        check_uid(body["uid"])
        if body["name"] in [one["name"] for one in self.sources.values()]:
            raise Refused(409, "data source with the same name already exists")
        self.sources[body["uid"]] = body
        return 200, {"message": "Datasource added"}

    def put_source(self, uid: str, body: Any) -> Reply:
        if uid in self.from_files:
            raise Refused(403, "Cannot update read-only data source")
        self.sources[uid] = {**body, "secureJsonData": {**self.sources[uid].get("secureJsonData", {}),
                                                        **body.get("secureJsonData", {})}}  # fmt: skip
        return 200, {"message": "Datasource updated"}

    # contact points, mute timings, templates, policies
    def get_contacts(self) -> Reply:
        return 200, list(self.contacts.values())

    def post_contact(self, body: Any) -> Reply:
        check_uid(body["uid"])
        if body["uid"] in self.contacts:
            raise Refused(400, "contact point with this uid exists")
        self.contacts[body["uid"]] = {**body, "provenance": "api"}
        return 202, self.contacts[body["uid"]]

    def put_contact(self, uid: str, body: Any) -> Reply:
        if uid not in self.contacts:
            raise Refused(404, "contact point not found")
        self._owned(uid)
        self.contacts[uid] = {**body, "provenance": "api"}
        return 202, {"message": "contactpoint updated"}

    def _owned(self, name: str) -> None:
        if name in self.from_files:
            raise Refused(403 if self.version >= (11, 0, 0) else 400, "cannot change provenance from 'file' to 'api'")

    def get_timings(self) -> Reply:
        return 200, list(self.timings.values())

    def post_timing(self, body: Any) -> Reply:
        self.timings[body["name"]] = {**body, "version": "a1", "provenance": "api"}
        return 201, self.timings[body["name"]]

    def put_timing(self, name: str, body: Any) -> Reply:
        if name not in self.timings or body.get("name") != name:
            raise Refused(404, "mute timing not found")
        self.timings[name] = {**body, "version": "a2", "provenance": "api"}
        return 202, self.timings[name]

    def delete_timing(self, name: str) -> Reply:
        self.timings.pop(name, None)
        return 204, None

    def get_templates(self) -> Reply:
        if not self.templates and self.version < (10, 0, 0):
            raise Refused(404, "")
        return 200, list(self.templates.values())

    def put_template(self, name: str, body: Any) -> Reply:
        if "define" not in body["template"]:
            body = {"template": f'{{{{ define "{name}" }}}}{body["template"]}{{{{ end }}}}'}
        self.templates[name] = {"name": name, "template": body["template"].strip(), "provenance": "api"}
        return 202, self.templates[name]

    def get_policies(self) -> Reply:
        return 200, {**self.policies, "provenance": "api"}

    def put_policies(self, body: Any) -> Reply:
        self._owned("policies")
        names = {one["name"] for one in self.contacts.values()} | {"grafana-default-email", "others"}
        for route in every_route(body):
            if route.get("receiver", "others") not in names:
                raise Refused(400, f"invalid object specification: receiver '{route['receiver']}' does not exist")
            if set(route.get("mute_time_intervals", [])) - self.timings.keys():
                raise Refused(400, "invalid object specification: mute time interval does not exist")
        self.policies = body
        return 202, {"message": "policies updated"}

    # dashboards
    def get_dashboard(self, uid: str) -> Reply:
        if uid not in self.dashboards:
            raise Refused(404, "Dashboard not found")
        have = copy.deepcopy(self.dashboards[uid])
        if self.version >= (13, 0, 0) and have["dashboard"]["schemaVersion"] < 42:
            have["dashboard"]["schemaVersion"] = 42
            for panel in have["dashboard"].get("panels", []):
                panel["datasource"] = {"type": "migrated"}
        return 200, have

    def post_dashboard(self, body: Any) -> Reply:
        dashboard = body["dashboard"]
        check_uid(dashboard["uid"])
        if dashboard["uid"] in self.from_files:
            raise Refused(400, "Cannot save provisioned dashboard")
        if body["folderUid"] not in self.folders:
            raise Refused(400, "folder not found")
        if dashboard["uid"] in self.dashboards and not body.get("overwrite"):
            raise Refused(412, "The dashboard has been changed by someone else")
        before = self.dashboards.get(dashboard["uid"], {"dashboard": {"version": 0}})["dashboard"]["version"]
        self.dashboards[dashboard["uid"]] = {"dashboard": {**dashboard, "id": 3, "version": before + 1},
                                             "meta": {"folderUid": body["folderUid"]}}  # fmt: skip
        return 200, {"uid": dashboard["uid"], "status": "success"}

    def delete_dashboard(self, uid: str) -> Reply:
        del self.dashboards[uid]
        return 200, {"message": "Dashboard deleted"}

    # alert rules
    def get_rule(self, uid: str) -> Reply:
        if uid not in self.rules:
            raise Refused(500 if self.version < (10, 0, 0) else 404, "could not find alert rule")
        return 200, self.rules[uid]

    def post_rule(self, body: Any) -> Reply:
        if body["uid"] in self.rules:
            raise Refused(409, "a conflicting alert rule is found: rule UID")
        self._take(body)
        self.intervals.setdefault((body["folderUID"], body["ruleGroup"]), 60)
        return 201, self.rules[body["uid"]]

    def put_rule(self, uid: str, body: Any) -> Reply:
        if uid not in self.rules:
            raise Refused(404, "")
        self._owned(uid)
        self._take(body)
        return 200, self.rules[uid]

    def _take(self, body: Any) -> None:
        check_uid(body["uid"])
        allowed = {"OK", "Alerting", "NoData", "Error"} | ({"KeepLast"} if self.version >= (10, 4, 1) else set())
        if {body["noDataState"], body["execErrState"]} - allowed:
            raise Refused(400, f"unknown NoData state option {body['noDataState']}")
        if body["folderUID"] not in self.folders:
            raise Refused(400, "folder does not exist")
        if ("__dashboardUid__" in body["annotations"]) != ("__panelId__" in body["annotations"]):
            raise Refused(400, "both annotations __dashboardUid__ and __panelId__ must be specified")
        for other in self.rules.values():
            here = (other["folderUID"], other["title"]) == (body["folderUID"], body["title"])
            if here and other["uid"] != body["uid"]:
                raise Refused(409, "a conflicting alert rule is found: rule title under the same folder must be unique")
        known = RULE_FIELDS | ({"missingSeriesEvalsToResolve"} if self.version >= (12, 0, 0) else set())
        kept = {key: value for key, value in body.items() if key in known}
        self.rules[body["uid"]] = {**kept, "id": 5, "orgID": 7, "updated": "2026-01-01T00:00:00Z", "provenance": "api"}

    def _members(self, folder: str, group: str) -> list[dict[str, Any]]:
        return [rule for rule in self.rules.values() if (rule["folderUID"], rule["ruleGroup"]) == (folder, group)]

    def get_group(self, folder: str, group: str) -> Reply:
        rules = self._members(folder, group)
        if not rules:
            raise Refused(404, "")
        return 200, {"title": group, "folderUid": folder, "interval": self.intervals[folder, group], "rules": rules}

    def put_group(self, folder: str, group: str, body: Any) -> Reply:
        if body["interval"] % 10:
            raise Refused(400, "interval (10s) should be non-zero and divided exactly by scheduler interval")
        listed = [rule["uid"] for rule in body["rules"]]
        for uid in listed:
            self._owned(uid)
            if uid not in self.rules and self.version < (11, 5, 2):
                raise Refused(500, f"failed to update rule with UID {uid} because could not find alert rule")
        for rule in self._members(folder, group):
            if rule["uid"] not in listed:
                del self.rules[rule["uid"]]
        for rule in body["rules"]:
            self._take({**rule, "folderUID": folder, "ruleGroup": group})
        self.intervals[folder, group] = body["interval"]
        return 200, body


    # silences of Grafana's own Alertmanager
    def _state(self, one: dict[str, Any]) -> str:
        if instant(one["endsAt"]) <= self.clock():
            return "expired"
        return "active" if instant(one["startsAt"]) <= self.clock() else "pending"

    def get_silences(self) -> Reply:
        return 200, [{**one, "status": {"state": self._state(one)}} for one in self.silences.values()]

    def post_silence(self, body: Any) -> Reply:
        """Changed in place where matchers and start agree (to the second from 10.3 on), else ended and made anew."""
        now, before = self.clock(), self.silences.get(body.get("id", ""))
        if not body["matchers"] or not body["comment"] or not body["createdBy"]:
            raise Refused(400, "silence failed validation")
        if instant(body["endsAt"]) <= max(now, instant(body["startsAt"])):
            raise Refused(400, "unable to create silence: end time can't be in the past")
        if body.get("id") and before is None:
            raise Refused(404, "silence not found")
        exact = 1e-3 if self.version < (10, 3, 0) else 1.0
        active = before is not None and self._state(before) == "active" and before["matchers"] == body["matchers"]
        if active and abs(instant(before["startsAt"]) - instant(body["startsAt"])) < exact:
            self.silences[before["id"]] = {**before, **body}
            return 202, {"silenceID": before["id"]}
        if before is not None and self._state(before) != "expired":
            before["endsAt"] = moment(now)
        name = f"5f0d-{len(self.silences)}"
        starts = moment(max(now, instant(body["startsAt"])))
        self.silences[name] = {**body, "id": name, "startsAt": starts, "updatedAt": moment(now)}
        return 202, {"silenceID": name}

    def delete_silence(self, name: str) -> Reply:
        if name not in self.silences:
            raise Refused(404, "silence not found")
        if self._state(self.silences[name]) == "expired":
            raise Refused(500, f"silence {name} already expired")
        self.silences[name]["endsAt"] = moment(self.clock())
        return 200, {"message": "silence deleted"}

    def silenced(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is kept from people now."""
        standing = [one for one in self.silences.values() if self._state(one) == "active"]
        return any(all(labels.get(m["name"], "") == m["value"] for m in one["matchers"]) for one in standing)


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_uid(uid: str) -> None:
    if len(uid) > 40:
        raise Refused(400, "uid too long, max 40 characters")
    if not UID.fullmatch(uid):
        raise Refused(400, "uid contains illegal characters")


def found_or_404(there: dict[str, dict[str, Any]], name: str, message: str) -> Reply:
    return (200, there[name]) if name in there else (404, {"message": message})


def every_route(route: Any) -> Iterator[dict[str, Any]]:
    yield route
    for one in route.get("routes", []):
        yield from every_route(one)


_V1 = "/v1/provisioning"
_AM = "/alertmanager/grafana/api/v2"
_GROUP = rf"{_V1}/folder/([^/]+)/rule-groups/([^/]+)"
ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("GET", "/frontend/settings", GrafanaFake.settings),
    ("GET", "/org", GrafanaFake.organisation),
    ("GET", "/plugins/([^/]+)/settings", GrafanaFake.plugin),
    ("GET", "/folders/([^/]+)", GrafanaFake.get_folder),
    ("GET", "/folders", GrafanaFake.get_folders),
    ("POST", "/folders", GrafanaFake.post_folder),
    ("PUT", "/folders/([^/]+)", GrafanaFake.put_folder),
    ("GET", "/datasources/uid/([^/]+)", GrafanaFake.get_source),
    ("POST", "/datasources", GrafanaFake.post_source),
    ("PUT", "/datasources/uid/([^/]+)", GrafanaFake.put_source),
    ("GET", f"{_V1}/contact-points", GrafanaFake.get_contacts),
    ("POST", f"{_V1}/contact-points", GrafanaFake.post_contact),
    ("PUT", f"{_V1}/contact-points/([^/]+)", GrafanaFake.put_contact),
    ("GET", f"{_V1}/mute-timings", GrafanaFake.get_timings),
    ("POST", f"{_V1}/mute-timings", GrafanaFake.post_timing),
    ("PUT", f"{_V1}/mute-timings/([^/]+)", GrafanaFake.put_timing),
    ("DELETE", f"{_V1}/mute-timings/([^/]+)", GrafanaFake.delete_timing),
    ("GET", f"{_V1}/templates", GrafanaFake.get_templates),
    ("PUT", f"{_V1}/templates/([^/]+)", GrafanaFake.put_template),
    ("GET", f"{_V1}/policies", GrafanaFake.get_policies),
    ("PUT", f"{_V1}/policies", GrafanaFake.put_policies),
    ("GET", "/dashboards/uid/([^/]+)", GrafanaFake.get_dashboard),
    ("POST", "/dashboards/db", GrafanaFake.post_dashboard),
    ("DELETE", "/dashboards/uid/([^/]+)", GrafanaFake.delete_dashboard),
    ("GET", f"{_V1}/alert-rules/([^/]+)", GrafanaFake.get_rule),
    ("POST", f"{_V1}/alert-rules", GrafanaFake.post_rule),
    ("PUT", f"{_V1}/alert-rules/([^/]+)", GrafanaFake.put_rule),
    ("GET", _GROUP, GrafanaFake.get_group),
    ("PUT", _GROUP, GrafanaFake.put_group),
    ("GET", f"{_AM}/silences", GrafanaFake.get_silences),
    ("POST", f"{_AM}/silences", GrafanaFake.post_silence),
    ("DELETE", f"{_AM}/silence/([^/]+)", GrafanaFake.delete_silence),
]


@contextmanager
def serving(fake: GrafanaFake, below: str = "") -> Iterator[str]:
    """The address of the fake while the with-block lasts; `below` is a path it is served under."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for the far side's ACK

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            start = f"{below}/api"
            if not self.path.startswith(start):
                self._reply(404, {"message": "Not found"})
                return
            self._reply(*fake.answer(self.command, self.path.removeprefix(start), token, json.loads(body or b"null")))

        do_GET = do_POST = do_PUT = do_DELETE = _do

        def _reply(self, code: int, body: Any) -> None:
            data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(code)
            if code == 302:
                self.send_header("Location", "/login")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{below}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
