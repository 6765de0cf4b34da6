"""Grafana panels as frozen values that become classic JSON (schemaVersion 37), for Grafana 9.4 to 13.

Constraints. Only core panels that exist in all of them. A base threshold is never the colour of normal, since null and
`noValue` take it; no panel shows an old value as a present one (no lastNotNull). What each option is for, and what was
seen to fail: reference grafana-panels.md. Not here: which panels a dashboard has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

SOURCE = "davylamp-influx"
"""uid of the data source."""
DATASOURCE = {"type": "influxdb", "uid": SOURCE}
UNKNOWN, NORMAL, QUIET, DARK = "#FFFFFF", "#5B6068", "#9AA0A8", "#111217"
LEVELS = ("#5794F2", "#FADE2A", "#FF9830", "#E02F44")
"""low, medium, high, critical: these hues mean nothing else."""
LINES = ("#B877D9", "#3DB8B0", "#E08FB5", "#A38A6A", "#C8CDD3", "#7C6FB0", "#8F9BA8", "#6FA39E", "#D9B3E6", "#BFA98A",
         "#9A7D99", "#7FB3C9")  # fmt: skip
"""Of lines: no priority's hue and no green."""
Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One query. `alias` names the series; a table keeps its columns."""

    query: str
    alias: str = ""
    table: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; `width` of 24 columns."""

    kind: str
    title: str
    width: int
    targets: tuple[Target, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    overrides: tuple[Json, ...] = ()
    transformations: tuple[Json, ...] = ()
    description: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    def json(self, id: int, x: int, y: int, height: int) -> Json:
        """The panel at its place."""
        targets = [_target(target, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place]) for place, target in enumerate(self.targets)]
        panel: Json = {
            "id": id, "type": self.kind, "title": self.title, "datasource": DATASOURCE, "targets": targets,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": height}, "options": dict(self.options),
            "fieldConfig": {"defaults": dict(self.defaults), "overrides": list(self.overrides)}, **self.more,
        }  # fmt: skip
        if self.transformations:
            panel["transformations"] = list(self.transformations)
        if self.description:
            panel["description"] = self.description
        return panel


def _target(target: Target, ref: str) -> Json:
    form = "table" if target.table else "time_series"
    json: Json = {"refId": ref, "datasource": DATASOURCE, "rawQuery": True, "resultFormat": form, "query": target.query}
    return json | ({"alias": target.alias} if target.alias else {})


def steps(*pairs: tuple[float | None, str]) -> Json:
    """Absolute thresholds, the base first."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in pairs]}


def values(*words: tuple[float, str, str], none: str = "") -> list[Json]:
    """Mappings of values to a word and a colour; `none` is the word for no value, on UNKNOWN."""
    options = {f"{value:g}": {"text": text, "color": color, "index": k} for k, (value, text, color) in enumerate(words)}
    found: list[Json] = [{"type": "value", "options": options}]
    if none:
        result = {"text": none, "color": UNKNOWN, "index": 99}
        found.append({"type": "special", "options": {"match": "null+nan", "result": result}})
    return found


def override(name: str, **properties: Any) -> Json:
    """Properties of the field of a name; `custom__width` stands for custom.width."""
    listed = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": listed}


def text(content: str, width: int = 24) -> Panel:
    """Words, as markdown."""
    return Panel("text", "", width, options={"mode": "markdown", "content": content}, more={"transparent": True})


def tiles(title: str, width: int, targets: Sequence[Target], mappings: Sequence[Json], none: str, **more: Any) -> Panel:
    """States as coloured tiles below each other; `none` is what no data reads as."""
    options = {
        "reduceOptions": {"calcs": ["last"], "fields": "", "values": False}, "colorMode": "background",
        "graphMode": "none", "textMode": "value_and_name", "justifyMode": "auto", "orientation": "horizontal",
    }  # fmt: skip
    defaults = {
        "mappings": list(mappings), "color": {"mode": "thresholds"}, "noValue": none, "unit": "none",
        "thresholds": steps((None, UNKNOWN), (0, NORMAL)),
    }  # fmt: skip
    return Panel("stat", title, width, tuple(targets), options, defaults, **more)


def figure(title: str, width: int, targets: Sequence[Target], none: str, unit: str = "none", **more: Any) -> Panel:
    """Present numbers without colour."""
    options = {
        "reduceOptions": {"calcs": ["last"], "fields": "", "values": False}, "colorMode": "none", "graphMode": "none",
        "textMode": "value_and_name", "orientation": "vertical",
    }  # fmt: skip
    return Panel("stat", title, width, tuple(targets), options, {"noValue": none, "unit": unit}, **more)


def lines(
    title: str, width: int, targets: Sequence[Target], unit: str, every: int, names: Sequence[tuple[str, str]] = (),
    limits: Sequence[tuple[float, str]] = (), **look: Any,
) -> Panel:  # fmt: skip
    """Readings over time. `every` in ns joins what is at most three intervals apart; `names` are (series, shown)."""
    points, log = look.pop("points", False), look.pop("log", False)
    custom: Json = {
        "drawStyle": look.pop("draw", "points" if points else "line"), "lineInterpolation": "linear", "lineWidth": 1,
        "fillOpacity": look.pop("fill", 0), "showPoints": "always" if points else "never",
        "spanNulls": 3 * every // 1_000_000, "axisLabel": "",
        "scaleDistribution": {"type": "log", "log": 10} if log else {"type": "linear"},
    }  # fmt: skip
    defaults: Json = {"unit": unit, "custom": custom, "color": {"mode": "fixed", "fixedColor": LINES[0]}}
    if limits:
        custom["thresholdsStyle"] = {"mode": "line"}
        defaults["thresholds"] = steps((None, "transparent"), *limits)
    if "low" in look:
        defaults["min"] = look.pop("low")
    colours = [
        override(name, color={"mode": "fixed", "fixedColor": LINES[k % len(LINES)]},
                 **({"displayName": shown} if shown != name else {}))
        for k, (name, shown) in enumerate(names)
    ]  # fmt: skip
    options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
               "tooltip": {"mode": "multi", "sort": "desc"}}  # fmt: skip
    interval = {"interval": f"{max(every // 10**9, 1)}s"}
    return Panel("timeseries", title, width, tuple(targets), options, defaults, tuple(colours), more=interval, **look)


def bars(title: str, width: int, targets: Sequence[Target], silent: str, **more: Any) -> Panel:
    """Per cent of a limit, a bar a sensor; -1 reads as `silent`."""
    options = {"reduceOptions": {"calcs": ["last"], "fields": "", "values": False}, "orientation": "horizontal",
               "displayMode": "basic", "showUnfilled": True, "minVizHeight": 8, "minVizWidth": 0}  # fmt: skip
    defaults = {
        "unit": "percent", "decimals": 0, "min": 0, "max": 150, "noValue": silent,
        "mappings": values((-1, silent, UNKNOWN)), "color": {"mode": "thresholds"},
        "thresholds": steps((None, UNKNOWN), (0, QUIET), (100, LEVELS[2])),
    }  # fmt: skip
    return Panel("bargauge", title, width, tuple(targets), options, defaults, **more)


def timeline(title: str, width: int, target: Target, mappings: Sequence[Json], gap: int = 90, **more: Any) -> Panel:
    """States over time; a silence longer than `gap` s is open. It lags by that much: not for the present."""
    options = {"mergeValues": True, "showValue": "auto", "alignValue": "left", "rowHeight": 0.85,
               "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
               "tooltip": {"mode": "single", "sort": "none"}}  # fmt: skip
    defaults = {"mappings": list(mappings), "color": {"mode": "fixed", "fixedColor": NORMAL},
                "custom": {"lineWidth": 0, "fillOpacity": 90, "spanNulls": gap * 1000}}  # fmt: skip
    return Panel("state-timeline", title, width, (target,), options, defaults, more={"interval": "1m"}, **more)


def history(title: str, width: int, target: Target, mappings: Sequence[Json], **more: Any) -> Panel:
    """A flag in steps of time, a row a sensor."""
    options = {"showValue": "never", "rowHeight": 0.85, "colWidth": 0.95,
               "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom"},
               "tooltip": {"mode": "single", "sort": "none"}}  # fmt: skip
    defaults = {"mappings": list(mappings), "color": {"mode": "thresholds"},
                "thresholds": steps((None, UNKNOWN), (0, NORMAL), (1, LINES[2])),
                "custom": {"lineWidth": 0, "fillOpacity": 90}}  # fmt: skip
    return Panel("status-history", title, width, (target,), options, defaults, **more)


def table(
    title: str, width: int, targets: Sequence[Target], overrides: Sequence[Json] = (),
    transformations: Sequence[Json] = (), sort: str = "", **more: Any,
) -> Panel:  # fmt: skip
    """Rows; `sort` is the column by which they fall."""
    options: Json = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}}
    if sort:
        options["sortBy"] = [{"displayName": sort, "desc": True}]
    defaults = {"custom": {"align": "left", "displayMode": "auto", "filterable": True}, "noValue": ""}
    return Panel("table", title, width, tuple(targets), options, defaults, tuple(overrides), tuple(transformations),
                 **more)  # fmt: skip


def organize(order: Sequence[str], rename: Mapping[str, str] | None = None, without: Sequence[str] = ()) -> Json:
    """Columns in an order, with other names, some left out."""
    return {"id": "organize", "options": {
        "excludeByName": dict.fromkeys(without, True), "indexByName": {name: k for k, name in enumerate(order)},
        "renameByName": dict(rename or {}),
    }}  # fmt: skip


def grouped(by: Sequence[str], **aggregations: str) -> Json:
    """Rows that agree in some columns as one; others by an aggregation."""
    fields: Json = {name: {"operation": "groupby", "aggregations": []} for name in by}
    fields |= {name: {"operation": "aggregate", "aggregations": [how]} for name, how in aggregations.items()}
    return {"id": "groupBy", "options": {"fields": fields}}


def only_above(name: str, value: float) -> Json:
    """Rows whose column is greater."""
    return {"id": "filterByValue", "options": {"type": "include", "match": "all", "filters": [
        {"fieldName": name, "config": {"id": "greater", "options": {"value": value}}}]}}  # fmt: skip


def coloured(mappings: Sequence[Json], width: int) -> Json:
    """Properties of a column whose cells are coloured by its mappings."""
    return {"mappings": list(mappings), "custom__displayMode": "color-background-solid",
            "color": {"mode": "thresholds"}, "thresholds": steps((None, UNKNOWN), (0, NORMAL)),
            "custom__width": width}  # fmt: skip


def widened(panel: Panel, width: int) -> Panel:
    """The same at another width."""
    return replace(panel, width=width)
