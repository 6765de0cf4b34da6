"""The verbs that keep what happened: a copy while all runs, a folder from a copy, and whether a copy is untouched."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from collector.verb import OK, Arguments, Parser, Verb, WrongUse, add_data, add_json, data_folder, say, say_json


def backup(arguments: Arguments) -> int:
    """Copy the data folder while everything runs."""
    from collector.backup import backup as copy_folder

    copy = copy_folder(data_folder(arguments), arguments.target)
    if arguments.json:
        say_json(asdict(copy))
        return OK
    say(f"{len(copy.files)} files of {copy.site or 'a folder without a site'} in {arguments.target}, checked")
    say(f"the log up to seal {copy.seal}; journal: {copy.lines} lines, last hash {copy.hash}")
    say("it holds keys and hashed passwords: keep it where only its owner reads, best on another machine")
    return OK


def restore(arguments: Arguments) -> int:
    """A new data folder from a copy."""
    from collector.backup import restore as from_copy
    from collector.times import shown

    if arguments.data is None:
        raise WrongUse("where to? Give --data DIR, a new or empty folder")
    copy = from_copy(arguments.source, arguments.data)
    say(f"{len(copy.files)} files of {copy.site} in {arguments.data}, as they were at {shown(copy.wall)}")
    say(f"the log ends at seal {copy.seal}; what came later is not in it, and is journaled as blind at the start")
    say(f"journal: {copy.lines} lines, last hash {copy.hash}: compare it with a handover sheet of that time")
    return OK


def verify(arguments: Arguments) -> int:
    """Check a copy or a pack of evidence."""
    from collector.backup import check
    from collector.evidence_pack import check_pack

    if arguments.file.is_dir():
        copy = check(arguments.file)
        say(f"a copy of {copy.site}: {len(copy.files)} files as they were written")
        said = copy.lines, copy.hash
    else:
        pack = check_pack(arguments.file)
        say(f"evidence about {pack.alarm}: as it was written")
        said = pack.lines, pack.hash
    say(f"journal: {said[0]} lines in one chain, last hash {said[1]}: compare it with a handover sheet or a report")
    return OK


def _backup_arguments(parser: Parser) -> None:
    add_data(parser)
    add_json(parser)
    parser.add_argument("target", type=Path, metavar="FOLDER", help="a new or empty folder, best on another disk")


def _restore_arguments(parser: Parser) -> None:
    parser.add_argument("source", type=Path, metavar="FOLDER", help="what `davylamp backup` wrote")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the new data folder")


def _verify_arguments(parser: Parser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="what `backup` or `explain --evidence` wrote")


VERBS = (
    Verb("backup", "copy the data folder while everything runs", "davylamp backup /mnt/usb/2026-11-30",
         _backup_arguments, backup),
    Verb("restore", "a data folder from a copy", "davylamp restore /mnt/usb/2026-11-30 --data data",
         _restore_arguments, restore),
    Verb("verify", "whether a copy or a pack of evidence is as it was written", "davylamp verify evidence.zip",
         _verify_arguments, verify),
)  # fmt: skip
