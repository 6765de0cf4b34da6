"""A dashboard: rows of panels, variables, links and annotations, as classic JSON.

Constraints. Rows are filled from the left and wrap at 24 columns, so panels neither overlap nor leave holes above them.
Ids follow the order. Nothing in it depends on when or where it was made: the same site gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from dashboards.panels import DATASOURCE, Json, Panel
from dashboards.query import CHOSEN, HERE, SITE, raised_events
from dashboards.texts import Words

SCHEMA = 37
COLUMNS = 24
TAG = "davylamp"
Variable: TypeAlias = tuple[str, str, str, bool]
"""(name, label, query, whether several may be chosen)."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels of one height side by side."""

    height: int
    panels: tuple[Panel, ...]


def row(height: int, *panels: Panel) -> Row:
    """A row."""
    return Row(height, panels)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard. `uid` is stable; others link to it by that."""

    uid: str
    title: str
    rows: Sequence[Row]
    words: Words
    site: str
    page: str
    """Address of the operator's page."""
    sensors: bool = False
    """Has the variable `sensor`."""
    span: str = "6h"
    ahead: str = ""
    """How far the dashboard reaches into the future."""
    refresh: str = "10s"
    annotated: bool = True

    def json(self) -> Json:
        """The dashboard as POST /api/dashboards/db and a provisioning file take it."""
        return {
            "uid": self.uid, "title": self.title, "tags": [TAG], "schemaVersion": SCHEMA, "version": 0,
            "editable": False, "graphTooltip": 1, "refresh": self.refresh, "timezone": "browser",
            "time": {"from": f"now-{self.span}", "to": f"now+{self.ahead}" if self.ahead else "now"},
            "fiscalYearStartMonth": 0, "liveNow": False,
            "weekStart": "", "timepicker": {"refresh_intervals": ["5s", "10s", "30s", "1m"]}, "links": self._links(),
            "annotations": {"list": self._annotations()}, "templating": {"list": list(self._variables())},
            "panels": list(self._placed()),
        }  # fmt: skip

    def _placed(self) -> Iterable[Json]:
        number, y = 0, 0
        for line in self.rows:
            x = 0
            for panel in line.panels:
                if x + panel.width > COLUMNS:
                    x, y = 0, y + line.height
                number += 1
                yield panel.json(number, x, y, line.height)
                x += panel.width
            y += line.height if line.panels else 0

    def _links(self) -> list[Json]:
        page = {"type": "link", "title": self.words("page"), "url": self.page, "icon": "external link",
                "targetBlank": True, "tags": [], "asDropdown": False, "includeVars": False, "keepTime": False,
                "tooltip": ""}  # fmt: skip
        others = {"type": "dashboards", "title": "Davylamp", "tags": [TAG], "asDropdown": True, "includeVars": True,
                  "keepTime": True, "icon": "dashboard", "targetBlank": False, "url": "", "tooltip": ""}  # fmt: skip
        return [page, others]

    def _annotations(self) -> list[Json]:
        if not self.annotated:
            return []
        asked = raised_events(CHOSEN if self.sensors else HERE)
        flat: Json = {"fromAnnotations": True, "query": asked, "textColumn": "why", "tagsColumn": "sensor,rule",
                      "titleColumn": "", "timeEndColumn": ""}  # fmt: skip
        # The flat form alone draws nothing on 12.4, the target alone nothing on 9.4.
        target = {"refId": "Anno", "datasource": DATASOURCE, "rawQuery": True, "textEditor": True,
                  "resultFormat": "table", **flat}  # fmt: skip
        return [{"name": self.words("alarms"), "datasource": DATASOURCE, "enable": True, "hide": False,
                 "iconColor": "#C8CDD3", **flat, "target": target}]  # fmt: skip

    def _variables(self) -> Iterable[Json]:
        here = f'WHERE {SITE} AND "area" =~ /^$area$/'
        yield _variable("site", self.words("site"), "", current=self.site)
        yield _variable("area", self.words("area"), f"WHERE {SITE}", several=True)
        if self.sensors:
            yield _variable("sensor", self.words("sensor_variable"), here, several=True)


def _variable(name: str, label: str, where: str, several: bool = False, current: str = "") -> Json:
    chosen: dict[str, Any] = {"selected": True, "text": current, "value": current}
    if several:
        chosen = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {
        "name": name, "label": label, "type": "query", "datasource": DATASOURCE,
        "query": f'SHOW TAG VALUES FROM "reading" WITH KEY = "{name}" {where}'.rstrip(), "refresh": 1, "sort": 1,
        "multi": several, "includeAll": several, "allValue": ".*" if several else None, "current": chosen, "hide": 0,
        "options": [], "regex": "", "skipUrlSync": False,
    }  # fmt: skip
