"""Which sensors a rule's subject stands for: itself, or the raw sensors that its inputs come from, however deep."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from detectors.rule import Subject
from detectors.site import Site

Members: TypeAlias = Callable[[str, str], Collection[str]]
"""(rule, subject) -> sensors."""


def members_of(site: Site) -> Members:
    """By a site's own rules; what it does not have stands for itself."""
    subjects = {(rule.name, subject.id): subject for rule in site.rules for subject in rule.subjects}
    found: dict[tuple[str, str], frozenset[str]] = {}

    def members(rule: str, subject: str) -> frozenset[str]:
        key = (rule, subject)
        if key not in found:
            one = subjects.get(key)
            found[key] = frozenset([subject]) if one is None else _raw(one, members)
        return found[key]

    return members


def _raw(subject: Subject, members: Callable[[str, str], frozenset[str]]) -> frozenset[str]:
    out: set[str] = set()
    for _, series in subject.inputs:
        name, _, rest = series.partition("/")
        out |= members(name[1:], rest) if series.startswith("@") else _owners(name, rest, members)
    return frozenset(out)


def _owners(name: str, rest: str, members: Callable[[str, str], frozenset[str]]) -> frozenset[str]:
    """A sensor, or whom the column "subject/rule.column" is about: the subject may be a group."""
    return members(rest.rpartition(".")[0], name) if rest else frozenset([name])


def members_by_name(sensors: Mapping[str, int | None]) -> Members:
    """Without a site: a subject that is no sensor is a group that may hold any of them."""
    every = frozenset(sensors)

    def members(_: str, subject: str) -> frozenset[str]:
        return frozenset([subject]) if subject in every or not every else every

    return members
