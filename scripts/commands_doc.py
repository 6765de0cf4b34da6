"""Writes docs/commands.md from the command line itself; with --check says whether it is up to date (exit 1 if not)."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

FILE = Path(__file__).parent.parent / "docs" / "commands.md"
HEAD = """# Commands

One command, `davylamp`. Errors go to stderr and say what to do next. Exit codes: 0 fine, 1 the answer is no, 2 wrong
use. `--json` where a program may read it. The data folder of a verb that needs one is `--data DIR`, or the one that
`--site SITE.toml` names, or `$DAVYLAMP_DATA`. An alarm is spelled `rule/subject#occurrence`.

Written by `scripts/commands_doc.py`; do not edit.
"""


def document() -> str:
    """The whole page."""
    os.environ["COLUMNS"] = "100"
    from collector.cli import VERBS, parser

    actions = parser()._subparsers
    assert actions is not None
    choices = next(a.choices for a in actions._actions if isinstance(a, argparse._SubParsersAction))
    parts = [HEAD, "| verb | does |", "|---|---|"]
    parts += [f"| [`{name}`](#{name}) | {verb.does} |" for name, verb in VERBS.items()]
    for name in VERBS:
        parts += ["", f"## {name}", "", "```text", choices[name].format_help().rstrip(), "```"]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Write or check."""
    text = document()
    if "--check" in sys.argv[1:]:
        if not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
            print(f"{FILE.name} is out of date: run python scripts/commands_doc.py", file=sys.stderr)
            return 1
        return 0
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(FILE.parent.parent))
    sys.exit(main())
