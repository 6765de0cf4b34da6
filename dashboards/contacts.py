"""Whom Grafana tells, and in which words: contact points, routes, a mute timing and message templates.

Constraints. Exactly one pages people: with a roster Davylamp does, and Grafana's notices of alarms are muted for all
times; only "Davylamp is dead" goes out. Without a contact of ours, routes keep the receiver above them in the tree.
Source, consequence and guidance, and a limit that is the same for all, stand in the template, not in the rules:
changing a rule can send a false "resolved". Value and limit of an alarm come as annotations; their unit stands here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dashboards.alerts import SYSTEM
from dashboards.console.figures import behind, number
from dashboards.panels import Json
from dashboards.texts import Words
from detectors.rule import Priority, Rule, compared_in
from detectors.site import Site, series

CONTACT, DEAD_MAN, MUTED, TEMPLATE = "davylamp", "davylamp-dead-man", "davylamp-pages-itself", "davylamp"
WAITS: Mapping[str, tuple[list[str], str, str, str]] = {
    "critical": (["..."], "0s", "10s", "1h"),
    "high": (["site", "area", "kind"], "10s", "1m", "4h"),
    "medium": (["site", "area"], "30s", "5m", "12h"),
    "low": (["site"], "1m", "10m", "1d"),
}
"""Of each priority: group_by, group_wait, group_interval, repeat_interval."""
MATCHER = ["system", "=", SYSTEM]


@dataclass(frozen=True, slots=True)
class Contacts:
    """Whom a site's Grafana reaches. The texts may hold secrets."""

    email: tuple[str, ...] = ()
    webhook: str = field(default="", repr=False)
    dead_man: str = field(default="", repr=False)
    """Address that alarms when nothing comes to it any more."""
    roster: bool = False
    """Davylamp pages people itself."""

    @property
    def any(self) -> bool:
        """Whether there is a contact point of ours."""
        return bool(self.email or self.webhook)


def contact_points(contacts: Contacts) -> list[Json]:
    """Each with its uid; those of one name are one contact point."""
    title, message = (f'{{{{ template "davylamp.{name}" . }}}}' for name in ("title", "message"))
    found: list[Json] = []
    if contacts.email:
        settings = {"addresses": ";".join(contacts.email), "singleEmail": True, "subject": title, "message": message}
        found.append({"uid": "davylamp-email", "name": CONTACT, "type": "email", "settings": settings,
                      "disableResolveMessage": False})  # fmt: skip
    if contacts.webhook:
        settings = {"url": contacts.webhook, "httpMethod": "POST", "title": title, "message": message}
        found.append({"uid": "davylamp-webhook", "name": CONTACT, "type": "webhook", "settings": settings,
                      "disableResolveMessage": False})  # fmt: skip
    if contacts.dead_man:
        found.append({"uid": DEAD_MAN, "name": DEAD_MAN, "type": "webhook", "disableResolveMessage": True,
                      "settings": {"url": contacts.dead_man, "httpMethod": "POST"}})  # fmt: skip
    return found


def mute_timings(contacts: Contacts) -> list[Json]:
    """All times, where Davylamp pages itself."""
    always = [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]
    return [{"name": MUTED, "time_intervals": always}] if contacts.roster else []


def route(contacts: Contacts) -> Json:
    """The branch of the notification policies that is ours: what has the label system=davylamp, nothing else."""
    quiet: Json = {"mute_time_intervals": [MUTED]} if contacts.roster else {}
    children = [_branch(("priority", name), *waits) | quiet for name, waits in WAITS.items()]
    dead = _branch(("part", "heartbeat"), ["..."], "0s", "10s", "1h")
    lives = _branch(("part", "dead-man"), ["..."], "0s", "1m", "1m") | {"receiver": DEAD_MAN}
    first = [lives] if contacts.dead_man else []
    receiver: Json = {"receiver": CONTACT} if contacts.any else {}
    return {**receiver, "object_matchers": [MATCHER], "group_by": ["..."], "routes": [*first, dead, *children]}


def _branch(label: tuple[str, str], by: list[str], wait: str, interval: str, repeat: str) -> Json:
    return {"object_matchers": [[label[0], "=", label[1]]], "group_by": by, "group_wait": wait,
            "group_interval": interval, "repeat_interval": repeat}  # fmt: skip


def template(site: Site, words: Words) -> str:
    """Title and message of a notice: each alarm with its limit, source and guidance, and the way to the page."""
    units = {one.id: one.unit for one in series(site)}
    facts = "".join(f'{{{{ if eq .Labels.rule {_text(rule.name)} }}}}{_facts(rule, units, _states(rule, site), words)}'
                    "{{ end }}" for rule in site.rules if rule.priority > Priority.LOG)  # fmt: skip
    status = f'{{{{ if eq .Status "firing" }}}}{words("firing")}{{{{ else }}}}{words("resolved")}{{{{ end }}}} '
    status = (words("simulation") if site.simulated else "") + status
    shared = "".join(_given(f".CommonLabels.{name}") for name in ("area", "sensor", "rule", "alertname", "site"))
    label = "".join(_given(f".Labels.{name}") for name in ("priority", "site"))
    more = "".join(_given(f".{name}", end="\n") for name in ("Annotations.page", "DashboardURL"))
    more += _given(".Annotations.grafana_state_reason", f"{words('state_reason')}: ", "\n")
    more += _given(".SilenceURL", f"{words('silence')}: ", "\n")
    each = f'{status}{label}{_given(".Annotations.summary", end="")}\n{{{{ template "davylamp.facts" . }}}}{more}'
    return "\n".join([
        f'{{{{ define "davylamp.facts" }}}}{facts}{{{{ end }}}}',
        f'{{{{ define "davylamp.title" }}}}{_given(".CommonLabels.test")}{status}{shared}{{{{ end }}}}',
        f'{{{{ define "davylamp.message" }}}}{{{{ range .Alerts }}}}{each}\n{{{{ end }}}}{{{{ end }}}}',
    ])  # fmt: skip


def _given(name: str, before: str = "", end: str = " ", otherwise: str = "") -> str:
    """A value between two texts; another text where there is none."""
    instead = f"{{{{ else }}}}{otherwise}" if otherwise else ""
    return f"{{{{ with {name} }}}}{before}{{{{ . }}}}{end}{instead}{{{{ end }}}}"


def _facts(rule: Rule, units: Mapping[str, str], states: Sequence[str], words: Words) -> str:
    """Value and limit of the alarm, then what is known of its rule beforehand, a line each."""
    compared = {compared_in(rule.detector, units.get(name, "")) for one in rule.subjects for _, name in one.inputs[:1]}
    unit = behind(compared.pop()) if len(compared) == 1 else ""
    named = "".join(f'{{{{ if eq . "{k}" }}}} ({_said(state)}){{{{ end }}}}' for k, state in enumerate(states))
    lines = _given(".Annotations.value", f"{words('value')}: ", f"{_said(unit)}{named}\n")
    fixed = ", ".join(_limits(rule, units))
    lines += _given(".Annotations.limit", f"{words('limit')}: ", f"{_said(unit)}\n",
                    _said(f"{words('limit')}: {fixed}\n") if fixed else "")  # fmt: skip
    told = {"clause": rule.citation, "consequence": rule.consequence, "to_do": rule.guidance}
    return lines + _said("".join(f"{words(key)}: {text}\n" for key, text in told.items() if text))


def _states(rule: Rule, site: Site) -> Sequence[str]:
    """The names of a state sensor's numbers, where all subjects have the same."""
    found = {site.sensors[name].states if name in site.sensors else () for one in rule.subjects
             for _, name in one.inputs}  # fmt: skip
    return found.pop() if len(found) == 1 else ()


def _limits(rule: Rule, units: Mapping[str, str]) -> Iterable[str]:
    """Each limit that is the same for all subjects, with its unit. `units` are those of all series."""
    own = {units.get(name, "") for subject in rule.subjects for _, name in subject.inputs}
    for name, wanted in rule.detector.limit_parameters.items():
        given = getattr(rule.detector, name, None)
        if given is None or "reset" in name or (len(own) != 1 and "{unit}" in wanted):
            continue
        values = {float(value) for value in given} if hasattr(given, "__len__") else {float(given)}
        if len(values) == 1 and all(abs(value) < float("inf") for value in values):
            yield f"{number(*values)} {wanted.replace('{unit}', next(iter(own), ''))}".strip()


def _said(text: str) -> str:
    """A text as it is, whatever braces are in it; nothing for no text."""
    return f"{{{{ {_text(text)} }}}}" if text else ""


def _text(text: str) -> str:
    """A Go string: nothing in it ends the template's braces."""
    return json.dumps(text, ensure_ascii=False)
