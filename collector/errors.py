"""What can go wrong at the edge of the world, each named for what happened; the message says what to do next.

Constraints. Foreign exceptions (sqlite3, paho, OSError) are translated where they arise, so nothing above catches them.
Detectors raise none of these. An outcome is an exception or a value, never a boolean.

    DavylampError
    ├── Unavailable          not now: call again with the same thing
    │   ├── DiskFull         for want of space
    │   └── Disconnected     the broker is away; the client reconnects by itself
    ├── Rejected             never: this very thing was refused, with the reason; set it aside
    ├── BrokerRefused        the broker said no (password, client id, rights); a person must act
    │   └── NotSubscribed    the broker refused a subscription
    ├── Occupied             another process has the file
    └── Damaged              what lies on disk is not what was written
"""

from __future__ import annotations


class DavylampError(Exception):
    """Whatever Davylamp itself reports; `str(error)` is one line for a person."""


def told(error: Exception) -> str:
    """An error in a line: our own has words for a person, any other is one that nobody foresaw."""
    return str(error) if isinstance(error, DavylampError) else f"{type(error).__name__}: {error}; please report it"


class Unavailable(DavylampError):
    """Not now; the same call may succeed later, not before `after` s where the other side said how long to wait."""

    def __init__(self, text: str, after: float = 0.0) -> None:
        super().__init__(text)
        self.after = after


class DiskFull(Unavailable):
    """The disk has no room; it goes on when there is."""


class Disconnected(Unavailable):
    """The broker cannot be reached at present."""


class Rejected(DavylampError):
    """This very thing will never be taken; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BrokerRefused(DavylampError):
    """The broker answered, and said no."""


class NotSubscribed(BrokerRefused):
    """The broker refused a subscription: what is sent there does not wait for us, unless our session had it before."""


class Occupied(DavylampError):
    """Another process writes this file; one file has one writer."""


class Damaged(DavylampError):
    """A file on disk is not what this version writes."""
