"""docs/security.md names tests that exist, says *is* only with one, and has every chapter."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
CHAPTERS = (2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14)
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))
ROWS = [row for row in PAGE.splitlines() if row.startswith("|") and not row.startswith(("| requirement", "|---"))]


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_named_test_exists(file: str, name: str) -> None:
    assert any(one.startswith("test_") for one in functions_of(file))
    assert not name or name in functions_of(file), f"{file}::{name} is not there"


def test_every_chapter_is_there() -> None:
    assert [int(number) for number in re.findall(r"^## V(\d+) ", PAGE, re.MULTILINE)] == list(CHAPTERS)


@pytest.mark.parametrize("row", ROWS)
def test_what_is_has_its_test_and_what_has_none_is_not(row: str) -> None:
    _, _, what, test, _ = row.split("|")
    assert test.strip() or what.strip().startswith(("*is not*", "none"))
    assert what.strip().startswith(("is", "*is not*", "none"))


def test_there_is_enough_to_check() -> None:
    assert len(NAMED) > 50
    assert "## What is not defended" in PAGE
