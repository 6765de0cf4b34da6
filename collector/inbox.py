"""The inbox: how other processes hand messages to the one that writes the log.

Constraints. A message is one file, named by its id, complete or not there (write, fsync, rename). collect appends it,
then removes it; the spool knows the ids it has, so a message found again after a kill is not appended twice. It is not
for readings by the thousand, and nobody but collect reads it.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from collector.message import Message
from collector.whole import clear_parts, whole

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,119}")
REFUSED = ".refused-"

log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


def new_id() -> str:
    """An id that sorts by when it was made and is not made twice."""
    return f"{time.time_ns():020d}-{secrets.token_hex(6)}"


def put(folder: Path, message: Message) -> str:
    """Hand a message to the collector of a data folder; it is on disk on return. Returns its id.

    Raises ValueError for an id that cannot be a file name.
    """
    name = message.id or new_id()
    if not NAME.fullmatch(name):
        raise ValueError(f"message id {name!r}: use 1 to 120 of A-Z a-z 0-9 _ - . and no leading dot")
    inbox = _inbox(folder)
    with whole(inbox / name) as file:
        file.write(_encode(msgspec.structs.replace(message, id=name)))
    return name


class Inbox:
    """collect's side: `waiting`, then append, then `remove`."""

    def __init__(self, folder: Path) -> None:
        self._inbox = _inbox(folder)
        self._unread: set[str] = set()
        """Names of files that the disk does not give, which was said."""
        clear_parts(self._inbox)

    def waiting(self, limit: int = 1000) -> list[Message]:
        """The oldest messages (by name), at most `limit`. A file that is no message is set aside, and said once."""
        messages: list[Message] = []
        for name in sorted(os.listdir(self._inbox)):
            if name.startswith("."):
                continue
            message = self._read(name)
            if message is not None:
                messages.append(message)
            if len(messages) >= limit:
                break
        return messages

    def remove(self, messages: Iterable[Message]) -> None:
        """Forget messages that are in the log."""
        for message in messages:
            (self._inbox / message.id).unlink(missing_ok=True)

    def refused(self) -> list[str]:
        """Names of the files that were no messages; they are kept."""
        return sorted(name.removeprefix(REFUSED) for name in os.listdir(self._inbox) if name.startswith(REFUSED))

    def _read(self, name: str) -> Message | None:
        path = self._inbox / name
        try:
            message = _decode(path.read_bytes())
        except OSError as error:
            if name not in self._unread:
                log.error("inbox unread=%s reason=%r tried-again=yes", name, str(error))
            self._unread.add(name)
            return None
        except msgspec.MsgspecError as error:
            log.error("inbox refused=%s reason=%r kept=%s%s", name, str(error), REFUSED, name)
            path.rename(self._inbox / f"{REFUSED}{name}")
            return None
        return msgspec.structs.replace(message, id=name)


def _inbox(folder: Path) -> Path:
    inbox = Path(folder) / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    return inbox
