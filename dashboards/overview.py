"""The site overview: the worst level of each area, what stands, the plan, and whether anything is heard at all."""

from __future__ import annotations

from dashboards import query
from dashboards.alerts import SYSTEM
from dashboards.dashboard import Dashboard, row
from dashboards.facts import Facts
from dashboards.panels import Panel, Target, figure, text, timeline
from dashboards.parts import judging, level_words, present, worst_levels
from dashboards.plan import plan
from dashboards.texts import Words


def overview(facts: Facts, words: Words, page: str) -> Dashboard:
    """What an operator looks at first."""
    watched = [Target(query.watching(), words("watching")), Target(query.watched_pairs(), words("of"))]
    rows = [
        row(3, text(words("about", page=page), 16), figure(words("watching"), 5, watched, words("unknown")),
            judging(words, 3)),
        row(12, worst_levels(words, 5), present(words, 19, page)),
        row(12, plan(facts, words, 12), grafana_alerts(words, 12)),
        row(9, timeline(words("levels"), 24, Target(query.level_over_time(), "$tag_area"), level_words(words))),
    ]  # fmt: skip
    return Dashboard("davylamp-overview", words("overview"), rows, words, facts.site, page, annotated=False)


def grafana_alerts(words: Words, width: int) -> Panel:
    """Grafana's own list. It is empty while the data source is away: the tiles say UNKNOWN then."""
    options = {
        "alertInstanceLabelFilter": f'{{system="{SYSTEM}",part!="dead-man"}}', "alertName": "",
        "dashboardAlerts": False, "datasource": "grafana", "groupBy": [], "groupMode": "default", "maxItems": 50,
        "sortOrder": 3, "viewMode": "list", "showInstances": False, "folder": None,
        "stateFilter": {"firing": True, "pending": True, "noData": True, "error": True, "normal": False},
    }  # fmt: skip
    return Panel("alertlist", words("grafana_alerts"), width, options=options)
