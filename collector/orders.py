"""What other messages than readings say: blindness, an own alarm, a revision, an action; checked before the judge.

Constraints. Whatever the bytes are, the answer is an order or `Unreadable`: a message must never hold up the log. Pure:
the same bytes give the same answer. Not here: whether an action is allowed; that is the judge's, and it is journaled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from detectors.records import Action
from detectors.site import Site, SiteMistakes, read_site

MOST = 2**63 - 1
"""Times and numbers are 64-bit."""


class Unreadable(Exception):
    """The message cannot be understood; `str(error)` says why."""


class Mistaken(Unreadable):
    """A revision that can be read, but whose site has mistakes; `by` sent it."""

    def __init__(self, mistakes: str, by: str) -> None:
        super().__init__(mistakes)
        self.by = by


class _Gap(msgspec.Struct):
    start: int = msgspec.field(name="from")
    end: int = msgspec.field(name="to")


class _Canary(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9-]{1,64}$")]


class OwnAlarm(msgspec.Struct, frozen=True):
    """What a role says of the system itself: an own alarm begins or ends."""

    rule: Literal["channel-failing", "judge-differs", "source-failing", "ledger-unbalanced", "work-failing"]
    subject: str
    active: bool
    detail: str = ""


class Reached(msgspec.Struct, frozen=True):
    """What announcing says: a channel took the notice of an alarm (`rule/subject#occurrence`) that a test raised;
    `sensor` is the alarm's subject."""

    test: str
    sensor: str
    alarm: str
    channel: str


class _Order(msgspec.Struct):
    document: dict[str, Any]
    by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Revision:
    """A site to adopt."""

    site: Site
    by: str
    note: str


def blind(payload: bytes, now: int) -> tuple[int, int]:
    """From and to, ns, of an interval in which nothing was collected, not after its seal's `now`."""
    try:
        gap = msgspec.json.decode(payload, type=_Gap)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"{error}; from and to are whole ns") from None
    if not 0 <= gap.start <= gap.end <= now:
        raise Unreadable(f"blind from {gap.start} to {gap.end}: expected 0 <= from <= to <= {now}, its seal's now")
    return gap.start, gap.end


def canary(payload: bytes) -> str:
    """The id of a canary."""
    try:
        said = msgspec.convert(_plain(payload), _Canary)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from None
    return said.id


def own_alarm(payload: bytes) -> OwnAlarm:
    """An own alarm that begins or ends."""
    try:
        said = msgspec.convert(_plain(payload), OwnAlarm)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from None
    if not said.subject:
        raise Unreadable("subject is empty")
    return said


def reached(payload: bytes) -> Reached:
    """The receipt of a test's notice."""
    try:
        return msgspec.convert(_plain(payload), Reached)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from None


def revision(payload: bytes) -> Revision:
    """The site in a revision. Raises `Mistaken` for one whose site file has mistakes."""
    order = _order(payload)
    try:
        return Revision(read_site(order.document), order.by, order.note)
    except SiteMistakes as mistakes:
        raise Mistaken(str(mistakes), order.by) from None
    except Exception as error:  # a document of any shape must end as a dead letter, never stop the judge
        raise Unreadable(f"the site cannot be read: {type(error).__name__}: {error}") from None


def document(payload: bytes) -> dict[str, Any]:
    """The site document in a revision, whatever mistakes it has."""
    return _order(payload).document


def _order(payload: bytes) -> _Order:
    try:
        return msgspec.convert(_plain(payload), _Order)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from None


def action(payload: bytes) -> Action:
    """What a person asked for."""
    found = _plain(payload)
    if isinstance(found, dict):
        found = {name: value for name, value in found.items() if name in Action.__slots__}
    try:
        asked = msgspec.convert(found, Action)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from None
    for name, number in (("occurrence", asked.occurrence), ("until", asked.until)):
        if number is not None and not -MOST <= number <= MOST:
            raise Unreadable(f"{name} is {number}, allowed is a 64-bit number")
    return asked


def _plain(payload: bytes) -> Any:
    """JSON whose texts can all be written again (no half of a surrogate pair)."""
    try:
        found = json.loads(payload)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {error}") from None
    return found
