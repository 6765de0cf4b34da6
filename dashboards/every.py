"""Every dashboard of a site."""

from __future__ import annotations

from dashboards.console.figures import Lang
from dashboards.dashboard import Dashboard
from dashboards.facts import FAMILIES, facts_of
from dashboards.families import family
from dashboards.operations import alarm_list, attention, data_quality, one_sensor, pipeline
from dashboards.overview import overview
from dashboards.texts import Words
from detectors.site import Site


def every_dashboard(site: Site, lang: Lang, page: str) -> list[Dashboard]:
    """The site's dashboards, the overview first. `page` is the address of the operator's page."""
    facts, words = facts_of(site), Words(lang)
    families = (family(name, facts, words, page) for name in FAMILIES if name != "other")
    rest = (one_sensor, data_quality, alarm_list, attention, pipeline)
    return [overview(facts, words, page), *(one for one in families if one is not None),
            *(make(facts, words, page) for make in rest)]  # fmt: skip
