"""The rules on the system's own sensors as they come. Not here: which a site has, what it changed (own_rules.py)."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

CHINESE = "_zh"


def shipped(language: str = "en") -> dict[str, dict[str, Any]]:
    """The rules as they come, by name."""
    rules = tomllib.loads((resources.files("collector") / "own_rules.toml").read_text("utf-8"))
    for rule in rules.values():
        translated = {key: rule.pop(key) for key in list(rule) if key.endswith(CHINESE)}
        if language == "zh":
            rule |= {key.removesuffix(CHINESE): words for key, words in translated.items()}
    return rules
