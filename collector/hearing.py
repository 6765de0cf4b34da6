"""What gateways may ask of the page: POST /reply/CHANNEL and /delivered/CHANNEL.

Constraints. Nothing is heard without the channel's token. A body is form-encoded or JSON, bounded (bodies.py), and no
more than PER_MINUTE of them a channel. GET and HEAD, by which gateways see whether an address is there, do nothing. A
reply that accepts asks judging like everyone else, under an id made from the gateway's, so that the log takes it once.
A gateway shows the answer's text to the person, so it is 200 whatever came of the reply; 503 means: post it again.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from collector.actions import alarm_name
from collector.calls import read_memory
from collector.errors import DavylampError
from collector.heard import REPLY, REPORT, HeardBook
from collector.incoming import Incoming, ReplyFields, ReportFields, field_at
from collector.oncall import OnCall
from collector.payload import parse_json
from collector.replies import ACCEPT, Decision, decide, said
from collector.rows import Dead
from collector.secret import SecretAbsent
from collector.throttle import Rate
from dashboards.console.acting import Acting, Answer, Asked, Reply
from dashboards.console.bodies import posted

log = logging.getLogger(__name__)
LONGEST_ID, LONGEST_TEXT = 200, 500
REPLY_PATH, REPORT_PATH = "reply", "delivered"
PER_MINUTE: Mapping[str, int] = {REPLY_PATH: 120, REPORT_PATH: 1200}
"""Requests a channel; a flood of reports keeps out no reply."""
WRONG_PER_MINUTE = 20
"""With a wrong token, counted apart."""


class Hearing:
    """The routes of one site's gateways; `acting` is the page's."""

    def __init__(
        self, oncall: OnCall, folder: Path, acting: Acting, wall: Callable[[], int] = time.time_ns
    ) -> None:
        self._oncall, self._folder, self._acting, self._wall = oncall, folder, acting, wall
        self._book = HeardBook(folder, wall())
        self._right = {what: Rate(burst=most, each_second=most / 60) for what, most in PER_MINUTE.items()}
        self._wrong = Rate(burst=WRONG_PER_MINUTE, each_second=WRONG_PER_MINUTE / 60)
        self._lock = threading.Lock()

    def routes(self) -> Sequence[BaseRoute]:
        """For the page."""
        methods = ["GET", "HEAD", "POST"]
        return [Route(f"/{REPLY_PATH}/{{channel}}", self._reply, methods=methods),
                Route(f"/{REPORT_PATH}/{{channel}}", self._delivered, methods=methods)]  # fmt: skip

    def close(self) -> None:
        """Close the file."""
        self._book.close()

    async def _reply(self, request: Request) -> Response:
        return await self._heard(request, REPLY_PATH, lambda one: one.reply, self.reply)

    async def _delivered(self, request: Request) -> Response:
        return await self._heard(request, REPORT_PATH, lambda one: one.report, self.report)

    async def _heard(
        self, request: Request, what: str, fields: Callable[[Incoming], Any], do: Callable[..., Response]
    ) -> Response:
        channel = request.path_params["channel"]
        incoming = self._oncall.incoming.get(channel)
        wanted = None if incoming is None else fields(incoming)
        if incoming is None or wanted is None:
            return PlainTextResponse(f"no [channel.{channel}] with `{what}`\n", 404)
        if request.method != "POST":
            return PlainTextResponse(f"{what} of {channel}: POST it, with the token\n")
        try:
            await run_in_threadpool(self._admit, what, channel, incoming, request)
            data = parsed(await posted(request), request.headers.get("content-type", ""))
            return await run_in_threadpool(do, channel, wanted, data)
        except DavylampError as error:
            log.error("channel=%s %s=unheard reason=%s", channel, what, error)
            return PlainTextResponse("not now: post it again\n", 503)
        except HTTPException as refused:
            log.warning("channel=%s %s=refused status=%d reason=%s", channel, what, refused.status_code, refused.detail)
            return PlainTextResponse(f"{refused.detail}\n", refused.status_code)

    def _admit(self, what: str, channel: str, incoming: Incoming, request: Request) -> None:
        try:
            token = incoming.token.reveal()
        except SecretAbsent as absent:
            raise HTTPException(503, f"this side has no token for {channel}") from absent
        if not hmac.compare_digest(_token(request).encode(), token.encode()):
            if self._too_often(self._wrong, channel):
                raise HTTPException(429, "too many wrong tokens: wait a minute")
            raise HTTPException(401, "no token or a wrong one: Authorization: Bearer, a Basic password, or ?token=")
        if self._too_often(self._right[what], channel):
            raise HTTPException(429, f"more than {PER_MINUTE[what]} in a minute: wait")

    def _too_often(self, rate: Rate, channel: str) -> bool:
        with self._lock:
            return rate.wait(channel) > 0

    def reply(self, channel: str, fields: ReplyFields, data: Any) -> Response:
        """One reply of a person."""
        sender, text, name = (field_at(data, path) if path else "" for path in (fields.sender, fields.text, fields.id))
        for path, found in ((fields.sender, sender), (fields.text, text)):
            if not found:
                raise HTTPException(400, f"no {path!r} in it, or it is empty")
        if fields.id and not 0 < len(name) <= LONGEST_ID:
            raise HTTPException(400, f"no {fields.id!r} in it, or more than {LONGEST_ID} characters")
        key = sha256(json.dumps([channel, name or [sender, text]]).encode()).hexdigest()[:32]
        decision = decide(sender, text, bool(name), channel, self._oncall.people, read_memory(self._folder))
        asked = {"outcome": decision.outcome, "person": decision.person, "names": decision.names}
        before = self._book.claim(channel, key, self._wall(), asked)
        lang = self._oncall.language
        if before is not None and before.answer is not None:
            return PlainTextResponse(said(lang, "again", said=before.answer))
        if before is not None:
            names = tuple(before.asked["names"])
            decision = Decision(before.asked["outcome"], before.asked["person"], names)
        outcome, answer = self._carried_out(decision, key)
        if outcome == "unanswered":
            return PlainTextResponse(answer, 503)
        line = {"kind": REPLY, "id": key, "channel": channel, "person": decision.person,
                "sender": "" if decision.person else masked(sender), "text": text[:LONGEST_TEXT], "outcome": outcome,
                "occurrences": decision.names}  # fmt: skip
        self._book.answered(channel, key, self._wall(), answer, line)
        log.info("channel=%s reply=%s person=%s", channel, outcome, decision.person)
        return PlainTextResponse(answer)

    def _carried_out(self, decision: Decision, key: str) -> tuple[str, str]:
        """(what came of it, what the person is told)."""
        lang = self._oncall.language
        if decision.outcome != ACCEPT:
            return decision.outcome, decision.answer(lang)
        answers = [(name, self._accept(name, decision.person, f"reply-{key}-{k}"))
                   for k, name in enumerate(decision.names)]  # fmt: skip
        if any(answer.reply is Reply.UNANSWERED for _, answer in answers):
            return "unanswered", said(lang, "unanswered")
        taken = [name for name, answer in answers if answer.reply is Reply.TAKEN]
        words = [said(lang, "accepted", names=", ".join(taken))] if taken else []
        words += [said(lang, "refused", names=name, reason=answer.why_key.rpartition(".")[2])
                  for name, answer in answers if answer.reply is Reply.REFUSED]  # fmt: skip
        return "accepted" if taken else "refused", " ".join(words)

    def _accept(self, name: str, person: str, id: str) -> Answer:
        rule, subject, occurrence = alarm_name(name)
        return self._acting.act(Asked("accept", rule, subject, occurrence, person, "reply", id=id))

    def report(self, channel: str, fields: ReportFields, data: Any) -> Response:
        """What a gateway says became of a message."""
        name, status = field_at(data, fields.id), field_at(data, fields.status) if fields.status else ""
        if not 0 < len(name) <= LONGEST_ID:
            raise HTTPException(400, f"no {fields.id!r} in it, or more than {LONGEST_ID} characters")
        if fields.status and not status:
            raise HTTPException(400, f"no {fields.status!r} in it")
        if fields.status and status not in (*fields.yes, *fields.no):
            return PlainTextResponse(f"noted: {status[:40]} is neither delivered nor failed\n")
        arrived = status not in fields.no
        line = {"kind": REPORT, "channel": channel, "id": name, "status": status, "arrived": arrived}
        key = sha256(json.dumps([name, arrived]).encode()).hexdigest()[:32]
        self._book.report(channel, f"report-{key}", self._wall(), line)
        return PlainTextResponse("noted\n")


def masked(sender: str) -> str:
    """Enough to find out who it was, not an address."""
    return f"…{sender[-4:]}" if len(sender) > 6 else "…"


def parsed(body: bytes, content_type: str) -> Any:
    """What a body says. Raises HTTPException."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            found = parse_json(body)
        elif kind == "application/x-www-form-urlencoded":
            found = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
        else:
            raise HTTPException(415, f"found {kind[:60] or 'no content type'}: send form fields or JSON")
    except (ValueError, Dead) as error:
        raise HTTPException(400, f"it cannot be read as {kind}") from error
    if not isinstance(found, Mapping | list):
        raise HTTPException(400, "it is no object")
    return found


def _token(request: Request) -> str:
    """What was given as token, in whichever of the ways gateways can be told to."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return request.query_params.get("token", "")
