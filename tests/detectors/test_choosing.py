"""docs/choosing.md: every sample loads through the real loader as a live site, and every detector can be chosen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collector.config import load
from detectors.detector import catalogue
from detectors.site import Site

PAGE = Path(__file__).resolve().parents[2] / "docs" / "choosing.md"
TEXT = PAGE.read_text("utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in TEXT.split("\n## ")[1:]}
SITE = '[site]\nid = "pit"\ntimezone = "Asia/Shanghai"\nlimits = "cn"\n'


def site_of(section: str, folder: Path) -> Site:
    (sample,) = re.findall(r"```toml\n(.*?)```", SECTIONS[section], re.DOTALL)
    file = folder / "site.toml"
    file.write_text(SITE + sample, "utf-8")
    return load(file).site


@pytest.mark.parametrize("section", SECTIONS)
def test_the_sample_of_each_section_is_a_site_without_a_mistake(section: str, tmp_path: Path) -> None:
    rules = site_of(section, tmp_path).rules
    assert rules
    assert all(rule.subjects for rule in rules)


def test_every_kind_has_a_rule_on_the_page(tmp_path: Path) -> None:
    used = {rule.detector.kind for section in SECTIONS for rule in site_of(section, tmp_path).rules}
    assert catalogue().keys() - used == set()


def test_every_kind_is_named_for_a_worry_and_every_named_one_exists() -> None:
    tables = "\n".join(line for line in TEXT.splitlines() if line.startswith("| "))
    named = set(re.findall(r"`((?:signal|health|gas|dust|slope|seismic|network)\.[a-z_]+)`", tables))
    assert catalogue().keys() - named == set()
    assert named - catalogue().keys() == set()


def test_its_links_lead_to_its_own_sections() -> None:
    headings = {re.sub(r"[^a-z0-9 -]", "", name.lower()).replace(" ", "-") for name in SECTIONS}
    assert set(re.findall(r"\(#([^)]+)\)", TEXT)) <= headings
