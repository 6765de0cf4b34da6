"""The book of calls as receipts: of each call when it was sent, taken, delivered and answered, and by whom.

Constraints. Pure: the book's lines come in, in order. A stage that nobody reported is empty, never guessed: without
delivery reports a telephone that rang and one that did not look the same until somebody answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from collector.calls import ANSWERED, CALLING, DELIVERED, FAILED, REFUSED, TAKEN, UNDELIVERED
from collector.escalation import RETURN


@dataclass(slots=True)
class Receipt:
    """One call; times are ns UTC, 0 where a stage was not reached."""

    id: str
    kind: str
    person: str
    channel: str
    occurrences: tuple[str, ...]
    sent: int
    taken: int = 0
    """The gateway accepted it."""
    delivered: int = 0
    answered: int = 0
    by: str = ""
    """Who accepted first."""
    problem: str = ""


def receipts(lines: Iterable[Mapping[str, Any]]) -> list[Receipt]:
    """One for each call, in the order in which they were sent; a call that was made again is one."""
    found: dict[str, Receipt] = {}
    for line in lines:
        if line["what"] == ANSWERED:
            _answered(found.values(), line)
        elif line["what"] == CALLING:
            about = line["id"], line["kind"], line["person"], line["channel"], tuple(line["occurrences"])
            found.setdefault(line["id"], Receipt(*about, sent=line["wall"]))
        elif line.get("id") in found:
            _settled(found[line["id"]], line)
    return list(found.values())


def _settled(receipt: Receipt, line: Mapping[str, Any]) -> None:
    if line["what"] == TAKEN:
        receipt.taken = line["wall"]
    elif line["what"] == DELIVERED:
        receipt.delivered = line["wall"]
    if line["what"] in (FAILED, REFUSED, UNDELIVERED):
        receipt.problem = line["problem"]


def _answered(receipts: Iterable[Receipt], line: Mapping[str, Any]) -> None:
    """Whoever accepted answered all calls about it, those made to others too: nobody is wanted any more."""
    for receipt in receipts:
        if receipt.kind != RETURN and not receipt.answered and set(receipt.occurrences) & set(line["occurrences"]):
            receipt.answered, receipt.by = line["wall"], line["by"]
