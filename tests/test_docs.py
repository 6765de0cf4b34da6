"""What is written is what is there: README's commands, and the page of commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from collector.cli import VERBS, parser

ROOT = Path(__file__).parent.parent


def test_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "davylamp demo" in readme or "davylamp run" in readme


def test_every_davylamp_command_in_the_readme_can_be_parsed() -> None:
    import shlex

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [line.strip().removeprefix("$ ").removeprefix(".venv/bin/") for line in readme.splitlines()]
    commands = [line.partition("#  ")[0].partition("  #")[0] for line in lines if line.startswith("davylamp ")]
    assert commands
    for command in commands:
        words = shlex.split(command.rstrip("& "), comments=True)[1:]
        assert parser().parse_args(words).verb in VERBS, command


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_the_page_of_commands_has_every_verb(verb: str) -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert f"\n## {verb}\n" in page
    assert VERBS[verb].example in page


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/commands_doc.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_pictures_of_the_dashboards_are_current() -> None:
    command = [sys.executable, "scripts/dashboard_pictures.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
