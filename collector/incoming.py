"""What a gateway posts to us: which fields of its requests hold sender, text, id and state. Read from a site file.

Constraints. Settings. A field is named as the gateway names it; in JSON `a.b` and `a.0.b` go deeper. Not here: what a
reply means (replies.py), and the requests themselves (hearing.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.secret import Secret, read_secret
from detectors.document import Table, shown

INCOMING_KEYS: Mapping[str, str] = {
    "token_file": "file whose first line is the token that the gateway gives when it posts to /reply/NAME and "
    "/delivered/NAME of the page.",
    "token_env": "name of the environment variable with that token.",
    "reply": "table {from, text, id}: the fields of a person's reply, as the gateway names them.",
    "delivered": "table {id, status, yes, no}: the fields of its report on what became of a message.",
    "answer_id": "text. With a webhook: the field of the gateway's JSON answer with its id of the message; else ours.",
}
REPLY_KEYS: Mapping[str, str] = {
    "from": "text, required: who replies; the address in `reach`, or what `known_as` of the person says.",
    "text": "text, required: what they wrote.",
    "id": "text: the gateway's id of the reply. Without it only a code accepts, no bare word.",
}
DELIVERED_KEYS: Mapping[str, str] = {
    "id": "text, required: the gateway's id of our message (`answer_id`), or our own id of it.",
    "status": "text: the state; each report means `delivered` where it is not given.",
    "yes": 'list of states that mean it was delivered; "delivered" where not given.',
    "no": "list of states that mean it was not, so the next way is tried at once.",
}


DELIVERED = ("delivered",)


@dataclass(frozen=True, slots=True)
class ReplyFields:
    """Where a reply's parts stand."""

    sender: str
    text: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class ReportFields:
    """Where a report's parts stand, and what its states mean."""

    id: str
    status: str = ""
    yes: tuple[str, ...] = DELIVERED
    no: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a channel's gateway may post, and the token that it must give."""

    token: Secret
    reply: ReplyFields | None = None
    report: ReportFields | None = None


def read_incoming(table: Table, folder: Path) -> Incoming | None:
    """What a `[channel.NAME]` takes from its gateway; None where it takes nothing."""
    token = read_secret(table, "token", folder)
    if "reply" not in table and "delivered" not in table:
        if token is not None:
            table.wrong((), "a token for nothing", "`reply` or `delivered` with it")
        return None
    reply = _reply(table.table("reply", REPLY_KEYS)) if "reply" in table else None
    report = _report(table.table("delivered", DELIVERED_KEYS)) if "delivered" in table else None
    if token is None:
        table.missing("token_file", "a token, so that nobody else can answer for a person")
        return None
    return Incoming(token, reply, report)


def _reply(table: Table) -> ReplyFields:
    return ReplyFields(table.text("from"), table.text("text"), table.text("id", ""))


def _report(table: Table) -> ReportFields:
    yes, no = table.texts("yes") or DELIVERED, table.texts("no")
    for both in set(yes) & set(no):
        table.wrong(("no",), shown(both), "a state that is not among `yes`")
    return ReportFields(table.text("id"), table.text("status", ""), yes, no)


def field_at(data: Any, path: str) -> str:
    """The text or number at a path in what was posted; empty where there is none."""
    if isinstance(data, Mapping) and path in data:
        return _text(data[path])
    for step in path.split("."):
        if isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return ""
    return _text(data)


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
