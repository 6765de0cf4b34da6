"""The one command, `davylamp`. Each verb lives in a `verbs_*` file; this one only reads the words and reports errors.

Constraints. Exit codes: 0 fine, 1 the answer is no, 2 wrong use. A foreseen error is one line on stderr that says what
to do next, never a traceback.
"""

from __future__ import annotations

import argparse
import logging
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
from detectors.document import nearest

log = logging.getLogger(__name__)
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
HINTS: dict[type[OSError], str] = {
    FileNotFoundError: "; is the path right? A folder must be there before a file is written into it",
    PermissionError: "; run as who owns it (`sudo -u davylamp`), or give that user rights on it",
    NotADirectoryError: "; give a folder",
    IsADirectoryError: "; give a file",
    FileExistsError: "; it is a file, give a folder",
}
"""What to look at, by what the machine said."""
_SHAPE: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter}
ABOUT = "Davylamp watches gas, dust, slope and seismic sensors. It cuts no power and replaces no interlock."


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
    given, top = list(sys.argv[1:] if words is None else words), parser()
    if not given or (given[0] not in VERBS and not given[0].startswith("-")):
        top.error(_no_verb(given))
    arguments = top.parse_args(given)
    verb = VERBS[arguments.verb]
    try:
        return verb.run(arguments)
    except WrongUse as wrong:
        warn(f"davylamp {verb.name}: {wrong}")
        return WRONG
    except DavylampError as error:
        warn(f"davylamp {verb.name}: {error}")
        return NO
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return OK
        log.debug("verb=%s failed", verb.name, exc_info=True)
        warn(f"davylamp {verb.name}: {trouble(error)}")
        return NO
    except KeyboardInterrupt:
        return NO


def _no_verb(given: Sequence[str]) -> str:
    """What to say where no verb stands: the nearest one, and where all of them are."""
    see = "`davylamp --help` lists the verbs, `davylamp demo` shows the whole"
    if not given:
        return f"what is to be done? {see}"
    near = nearest(given[0], VERBS)
    return f"found {given[0]!r}, which is no verb{f', nearest {near!r}' if near else ''}; {see}"


def trouble(error: OSError | UnicodeDecodeError) -> str:
    """A refusal of this machine in one line: which file or address, why, and what to look at."""
    if isinstance(error, UnicodeDecodeError):
        return f"a file or an argument is not UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8"
    what = ", ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    why = error.strerror or str(error) or type(error).__name__
    return f"{what}: {why}{HINTS.get(type(error), '')}" if what else why + HINTS.get(type(error), "")


if __name__ == "__main__":
    sys.exit(main())
