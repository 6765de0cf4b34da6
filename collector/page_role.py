"""The page role: the page over HTTP or HTTPS, on loopback unless the site file says otherwise, with logins where there
are users.

Constraints. It refuses to be reached from elsewhere without logins and without encryption, and to forget that there
were users. Whoever acts is written into the audit with the address; the journal has the name. Not here: the pages.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

from collector.accepting import links, secret_key
from collector.audit import Audit
from collector.connections import Prompt, listeners
from collector.entering import STATES, Entrance, Spans
from collector.errors import DavylampError
from collector.exposing import objections, users_file
from collector.hearing import Hearing
from collector.heartbeat import Heartbeat
from collector.inbox import new_id
from collector.serving import FromDisk, ThroughInbox, access
from collector.sessions import Sessions
from collector.settings import Settings
from collector.users import Users
from dashboards.console.acting import Acting, Answer, Asked
from dashboards.console.page import page
from dashboards.console.shield import LOOPBACK
from detectors.records import spelled

FORMS_KEY = "forms.key"
"""The tokens of forms: an open form can still be sent after a restart."""


class NotServed(DavylampError):
    """The page would be open to whom it should not, or its server ended; the message says what to do."""


class Audited:
    """`Acting` that writes down who did what, from where, and what became of it."""

    def __init__(self, acting: Acting, audit: Audit) -> None:
        self._acting, self._audit = acting, audit

    def act(self, asked: Asked) -> Answer:
        """Do it, then write it: a full disk keeps nobody from acting."""
        named = replace(asked, id=asked.id or new_id())
        answer = self._acting.act(named)
        self._audit.note(
            "action", asked.by, asked.address, access=access(asked), kind=asked.kind, action=named.id,
            alarm=spelled(asked.rule, asked.subject, asked.occurrence or 0), outcome=answer.reply.value,
        )  # fmt: skip
        return answer


@contextmanager
def entering(settings: Settings, audit: Audit) -> Iterator[Entrance | None]:
    """The logins; None where nobody ever was a user. Raises NotServed where there were, and the file is gone."""
    file = users_file(settings)
    with closing(Sessions(settings.data)) as sessions:
        if not file.exists():
            if sessions.fact(STATES):
                raise NotServed(f"{file} is gone, and there were users: put it back, or `davylamp user add`")
            yield None
            return
        spans = Spans(settings.page.session, settings.page.idle)
        with closing(Entrance(Users(file), sessions, audit, spans)) as entrance:
            yield entrance


def serve(settings: Settings, stop: threading.Event) -> None:
    """The role: the page until stopped. Raises NotServed."""
    for objection in objections(settings):
        raise NotServed(objection)
    oncall, own = settings.oncall, () if settings.page.host in ("0.0.0.0", "::") else (settings.page.host,)
    named = filter(None, (urlsplit(settings.address).hostname,))
    with closing(Audit(settings.data)) as audit, entering(settings, audit) as entrance:
        acting = Audited(ThroughInbox(settings.data), audit)
        hearing = Hearing(oncall, settings.data, acting) if oncall is not None and oncall.incoming else None
        app = page(
            FromDisk(settings.data),
            acting,
            entering=entrance,
            hosts=(*LOOPBACK, *own, *settings.page.names, *named),
            inviting=None if oncall is None else links(settings.data, oncall),
            more=() if hearing is None else hearing.routes(),
            key=secret_key(settings.data / FORMS_KEY),
        )
        _run(configured(app, settings), app.state.close, stop, Heartbeat(settings.data, "page"))
        if hearing is not None:
            hearing.close()


def configured(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """uvicorn for a page. Only a proxy on this machine is believed about who asked it, and how."""
    where = settings.page
    configuration = uvicorn.Config(
        app,
        host=where.host,
        port=where.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=["127.0.0.1", "::1"],
        timeout_graceful_shutdown=2,
        http=Prompt,
        ssl_certfile=where.certificate,
        ssl_keyfile=where.key,
    )
    configuration.load()
    if configuration.ssl is not None:
        configuration.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return configuration


def _serve(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
    with suppress(SystemExit):  # uvicorn would end the program where it cannot start
        server.run(sockets)
    for one in sockets:
        one.close()


def _listen(configuration: uvicorn.Config) -> list[socket.socket]:
    try:
        return [*listeners(configuration.host, configuration.port)]
    except OSError as error:
        where = f"{configuration.host}:{configuration.port}"
        raise NotServed(f"the page cannot listen at {where}: {error}") from error


def _run(configuration: uvicorn.Config, close: Callable[[], None], stop: threading.Event, heart: Heartbeat) -> None:
    server = uvicorn.Server(configuration)
    thread = threading.Thread(target=_serve, args=(server, _listen(configuration)), name="page")
    thread.start()
    while thread.is_alive() and not stop.wait(0.1):
        heart.beat()
    ended = not thread.is_alive()
    close()
    server.should_exit = True
    thread.join()
    if ended and not stop.is_set():
        where = f"{configuration.host}:{configuration.port}"
        raise NotServed(f"the page's server at {where} ended by itself: the lines of log before this one say why")
