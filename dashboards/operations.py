"""One sensor, data quality, alarms, the alarm system's own figures, and the pipeline."""

from __future__ import annotations

from dashboards import query
from dashboards.dashboard import Dashboard, row
from dashboards.facts import Facts, Measure
from dashboards.families import machines
from dashboards.panels import (
    LINES,
    NORMAL,
    UNKNOWN,
    Panel,
    Target,
    coloured,
    figure,
    history,
    lines,
    organize,
    override,
    table,
    timeline,
    values,
)
from dashboards.parts import drawn, journal, judging, level_words, measure_title, present
from dashboards.texts import Words

WRITTEN_EVERY = 10**10
"""ns between two rows of `pipeline`."""
GATED = ("duplicate", "late", "conflict", "skewed", "out_of_span", "retained")


def one_sensor(facts: Facts, words: Words, page: str) -> Dashboard:
    """Everything about one sensor: what it says, what is derived from it, its alarms."""
    raw = [one for one in facts.measures if not one.derived]
    rows = [
        row(6, present(words, 24, page)),
        *(row(7, drawn(one, words, 24, where=query.CHOSEN)) for one in raw),
        row(8, timeline(words("stood"), 24, Target(query.level_over_time("rule"), "$tag_rule"), level_words(words))),
        row(9, journal(words, 24, page, query.CHOSEN)),
    ]
    return Dashboard("davylamp-sensor", words("sensor"), rows, words, facts.site, page, sensors=True)


def data_quality(facts: Facts, words: Words, page: str) -> Dashboard:
    """How old readings are, which are flagged, what was gated."""
    raw = [one for one in facts.measures if not one.derived]
    flags = values((0, words("good"), NORMAL), none=words("nothing"))
    rows = [
        row(10, *(last_readings(group, words, 12) for group in _by_interval(raw))),
        *(row(8, history(words("quality_of", quantity=measure_title(one, words)), 24,
                         Target(query.quality(one), "$tag_sensor"), flags)) for one in raw),
        row(7, *(panel for panel in machines(facts, words, 8))),
    ]  # fmt: skip
    return Dashboard("davylamp-quality", words("quality"), rows, words, facts.site, page)


def _by_interval(measures: list[Measure]) -> list[list[Measure]]:
    """Measures that come about equally often go into one table: "late" means the same in it."""
    groups: dict[int, list[Measure]] = {}
    for measure in measures:
        groups.setdefault(len(str(measure.every)), []).append(measure)
    return list(groups.values())


def last_readings(measures: list[Measure], words: Words, width: int) -> Panel:
    """When each sensor was last heard."""
    ages = values((1, words("in_time"), NORMAL), (2, words("late"), UNKNOWN), (3, words("silent"), UNKNOWN),
                  none=words("silent"))  # fmt: skip
    heard, every = words("heard"), max(one.every for one in measures)
    overrides = [override(heard, **coloured(ages, 110)), override("Time", unit="dateTimeFromNow", custom__width=150)]
    transformations = [organize(("age", "area", "sensor", "Time"), {"age": heard})]
    return table(words("last_reading"), width, [Target(query.heard(measures, every), table=True)], overrides,
                 transformations, sort=heard)  # fmt: skip


def alarm_list(facts: Facts, words: Words, page: str) -> Dashboard:
    """What stands, and what happened."""
    rows = [row(12, present(words, 24, page)), row(14, journal(words, 24, page))]
    return Dashboard("davylamp-alarms", words("alarms"), rows, words, facts.site, page, span="24h", annotated=False)


def attention(facts: Facts, words: Words, page: str) -> Dashboard:
    """How much the alarm system asks of people (ISA-18.2)."""
    def desk(figure: str, limits: list[tuple[float, str]]) -> Panel:
        drawn = [Target(query.desks(figure), "$tag_sensor")]
        return lines(words(f"desk_{figure}"), 12, drawn, "none", 600 * 10**9, [], limits, low=0,
                     description=words("raised_means"))  # fmt: skip

    per_window = Target(query.raised("time(10m) fill(0)"), words("raised_count"))
    renamed = {"raised": words("raised_count"), "rule": words("rule")}
    rows = [
        row(8, lines(words("raised_per_10"), 24, [per_window], "none", 600 * 10**9, [(words("raised_count"),) * 2],
                     [(10.0, LINES[3])], draw="bars", fill=80, low=0, description=words("raised_means"))),
        row(8, desk("notices", [(10.0, LINES[3])]), desk("standing", [])),
        row(10, table(words("top"), 12, [Target(query.raised('"area","sensor","rule"'), table=True)], (),
                      [organize(("raised", "area", "sensor", "rule"), renamed, ("Time",))],
                      sort=words("raised_count")),
            timeline(words("levels"), 12, Target(query.level_over_time(), "$tag_area"), level_words(words))),
    ]  # fmt: skip
    return Dashboard("davylamp-attention", words("attention"), rows, words, facts.site, page, span="24h",
                     refresh="1m", annotated=False)  # fmt: skip


def pipeline(facts: Facts, words: Words, page: str) -> Dashboard:
    """Whether Davylamp itself is well."""
    def drawing(title: str, fields: tuple[str, ...], unit: str, width: int) -> Panel:
        return lines(words(title), width, [Target(query.pipeline(*fields), "$col")], unit, WRITTEN_EVERY,
                     [(name, name) for name in fields], low=0)  # fmt: skip

    watched = [Target(query.watching(), words("watching")), Target(query.watched_pairs(), words("of"))]
    rows = [
        row(5, judging(words, 6), figure(words("watching"), 6, watched, words("unknown")),
            drawing("lag", ("lag",), "s", 12)),
        row(8, drawing("rate", ("readings_per_s",), "none", 12),
            drawing("ledger", ("received", "readings", "judged"), "none", 12)),
    ]  # fmt: skip
    return Dashboard("davylamp-pipeline", words("pipeline"), rows, words, facts.site, page, annotated=False)
