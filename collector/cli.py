"""The one command, `davylamp`. Each verb lives in a `verbs_*` file; this one only reads the words and reports errors.

Constraints. Exit codes: 0 fine, 1 the answer is no, 2 wrong use. A foreseen error is one line on stderr that says what
to do next, never a traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from collector import (
    verbs_alarms,
    verbs_backtest,
    verbs_backup,
    verbs_detectors,
    verbs_grafana,
    verbs_hazards,
    verbs_ledger,
    verbs_oncall,
    verbs_report,
    verbs_run,
    verbs_score,
    verbs_site,
    verbs_testing,
    verbs_users,
    verbs_watchdog,
)
from collector.errors import DavylampError
from collector.verb import NO, OK, WRONG, Verb, WrongUse, warn

VERBS: dict[str, Verb] = {
    verb.name: verb
    for module in (
        verbs_run,
        verbs_score,
        verbs_backtest,
        verbs_site,
        verbs_detectors,
        verbs_alarms,
        verbs_hazards,
        verbs_testing,
        verbs_report,
        verbs_oncall,
        verbs_grafana,
        verbs_ledger,
        verbs_backup,
        verbs_users,
        verbs_watchdog,
    )
    for verb in module.VERBS
}
_SHAPE: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter}
ABOUT = "Davy lamp: watches gas, dust, slope and seismic sensors. It cuts no power and replaces no interlock."


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser("davylamp", description=ABOUT, epilog="example:\n  davylamp demo", **_SHAPE)
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS.values():
        one = verbs.add_parser(
            verb.name, help=verb.does, description=f"{verb.does}.", epilog=f"example:\n  {verb.example}", **_SHAPE
        )
        verb.arguments(one)
    return top


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    arguments = parser().parse_args(words)
    verb = VERBS[arguments.verb]
    try:
        return verb.run(arguments)
    except WrongUse as wrong:
        warn(f"davylamp {verb.name}: {wrong}")
        return WRONG
    except DavylampError as error:
        warn(f"davylamp {verb.name}: {error}")
        return NO
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return NO


if __name__ == "__main__":
    sys.exit(main())
