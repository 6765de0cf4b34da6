"""What every verb of the command line shares: its shape, its errors, its tables, and how it finds the data folder.

Constraints. A verb returns an exit code: 0 fine, 1 the answer is no, 2 wrong use. Results go to stdout, all else to
stderr, each error with what to do next. It imports nothing heavy, so `davylamp --help` answers at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from collector.visible import one_line, visible

OK, NO, WRONG = 0, 1, 2
LOGS = ("spool.db", "judged.db")
"""One of which lies in every data folder in which something ever ran."""
DATA = "DAVYLAMP_DATA"
"""Environment: the data folder of verbs that were given none."""

Parser = argparse.ArgumentParser
Arguments = argparse.Namespace


class WrongUse(Exception):
    """The command cannot be meant like this; the message says how it can. Exit code 2."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: what it does in a line, an example that could be typed, its arguments and its function."""

    name: str
    does: str
    example: str
    arguments: Callable[[Parser], None]
    run: Callable[[Arguments], int]


def say(text: str) -> None:
    """A line of result."""
    print(visible(text), flush=True)


def warn(text: str) -> None:
    """A line to the person, not part of the result."""
    print(visible(text), file=sys.stderr, flush=True)


def told(outcome: str, reason: str) -> str:
    """An outcome in a line: "taken", "refused: no latched alarm stands there"."""
    return f"{outcome}: {reason}" if reason else outcome


def say_json(value: Any) -> None:
    """The result for a program: one JSON document."""
    say(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def table(head: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str] = ()) -> str:
    """Columns of equal width, those named in `numbers` to the right."""
    cells = [list(head), *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(_width(row[k]) for row in cells) for k in range(len(head))]
    right = {k for k, name in enumerate(head) if name in numbers}
    lines = []
    for row in cells:
        gaps = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        padded = (gap + cell if k in right else cell + gap for k, (cell, gap) in enumerate(zip(row, gaps, strict=True)))
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    """Columns of a terminal: a Chinese character takes two."""
    return sum(1 + (east_asian_width(letter) in "WF") for letter in text)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else one_line(str(value))


def add_data(parser: Parser) -> None:
    """`--data` and `--site`, one of which says where the data are."""
    parser.add_argument("--data", type=Path, metavar="DIR", help=f"the data folder (else ${DATA})")
    parser.add_argument("--site", type=Path, metavar="SITE.toml", help="take the data folder this site file names")


def add_json(parser: Parser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON for a program")


def add_person(parser: Parser) -> None:
    """`--by` and `--note`."""
    parser.add_argument("--by", metavar="NAME", required=True, help="who does it; journaled")
    parser.add_argument("--note", metavar="TEXT", default="", help="why; journaled")


def data_folder(arguments: Arguments) -> Path:
    """The data folder that was meant. Raises WrongUse if none was, or if nothing ever ran there.

    A folder of other things is refused: it would read as a site where nothing stands.
    """
    folder = _meant(arguments)
    if not folder.is_dir():
        raise WrongUse(f"{folder} is no data folder: start `davylamp run SITE.toml` or `davylamp demo` first")
    if not any((folder / name).exists() for name in LOGS):
        raise WrongUse(f"{folder} has no log of a site ({LOGS[0]}): is it the right data folder?")
    return folder


def port(text: str) -> int:
    """A port that can be listened on, for argparse."""
    number = int(text) if text.isdecimal() else 0
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed: a port from 1 to 65535")
    return number


def judged_folder(arguments: Arguments) -> Path:
    """The same, where judging has concluded something. Raises Unavailable where it has not yet."""
    from collector.errors import Unavailable
    from collector.judged import Judged

    folder = data_folder(arguments)
    if "site" not in Judged(folder).status():
        raise Unavailable(f"{folder}: nothing was judged there yet; does `davylamp run` run on it?")
    return folder


def _meant(arguments: Arguments) -> Path:
    if arguments.data is not None:
        return Path(arguments.data)
    if getattr(arguments, "site", None) is not None:
        from collector.config import load

        return Path(load(arguments.site).settings.data)
    from_environment: Mapping[str, str] = os.environ
    if from_environment.get(DATA):
        return Path(from_environment[DATA])
    raise WrongUse(f"which data folder? Give --data DIR, --site SITE.toml, or set {DATA}")
