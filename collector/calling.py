"""Ways to reach a person: a gateway through apprise, a webhook, or a command on this machine.

Constraints. `send` returns the gateway's code (0 of a command, 200 where the way has none) and id, or raises
`Unavailable` (try later, or another way) or `Rejected` (this address will never work). It waits TIMEOUT s at most,
keeps nothing and decides nothing. Addresses and secrets are in no message of an error.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from collector.errors import Rejected, Unavailable
from collector.incoming import field_at
from collector.posting import TIMEOUT, ask
from collector.secret import Secret

TO = "{to}"
SAMPLES = ("+8613900000001", "name@host.example", "-1001234567890", "123456789", "#name", "@name", "U0123456789")
"""Addresses of which a service that takes any takes one."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is sent: `id` names it, the same at every attempt; the headline stands alone on a small screen."""

    id: str
    headline: str
    body: str
    details: Mapping[str, Any] = field(default_factory=dict)
    """For a program at the far side."""

    def whole(self) -> str:
        """Headline and body."""
        return f"{self.headline}\n{self.body}" if self.body else self.headline


class Taken(NamedTuple):
    """A gateway took it: its code, and its own id of the message where it gives one."""

    code: int
    id: str = ""


class Way(Protocol):
    """How a channel reaches an address."""

    def send(self, to: str, text: Text) -> Taken:
        """Send it."""
        ...

    def objection(self, to: str) -> str:
        """Why this address cannot work, as far as can be told without sending; nothing if it can."""
        ...


@dataclass(frozen=True, slots=True)
class Gateway:
    """A service that apprise knows, by its URL; {to} in it is the address."""

    url: Secret

    def send(self, to: str, text: Text) -> Taken:
        """Hand it to the gateway."""
        service = self._service(to)
        if service is None:
            raise Rejected("the gateway's URL or the address is none that apprise takes: `davylamp oncall test`")
        service.socket_connect_timeout = service.socket_read_timeout = TIMEOUT
        try:
            done = service.notify(title=text.headline, body=text.body or text.headline)
        except Exception as error:  # a plugin's own failure is the gateway's, whatever it raised
            raise Unavailable(f"gateway: {type(error).__name__}") from error
        if not done:
            raise Unavailable("the gateway did not take it")
        return Taken(200)

    def objection(self, to: str) -> str:
        """Whether apprise makes anything of URL and address."""
        if _made(self.url.reveal(), to) is None:
            return "apprise takes no such URL and address"
        return "" if self._service(to) is not None else "this gateway takes no such address"

    def _service(self, to: str) -> Any:
        """apprise's service for an address; None where there is none that reaches it.

        Many services leave out an address that they do not take and then send to their own account, so an address that
        made no target is none, where another one would have made one.
        """
        url = self.url.reveal()
        service = _made(url, to)
        if service is None or _targets(service) != []:
            return service
        others = (_made(url, sample) for sample in SAMPLES) if TO in url else ()
        return None if any(other is not None and _targets(other) for other in others) else service


@dataclass(frozen=True, slots=True)
class Hook:
    """POST of JSON to a URL; {to} in it is the address, which is in the body too."""

    url: Secret
    answer_id: str = ""
    """Where the answer has the gateway's id of the message."""

    def send(self, to: str, text: Text) -> Taken:
        """Post it. 2xx is taken; 4xx but 408, 425, 429 is refused for ever; all else waits."""
        body = {"version": 1, "id": text.id, "to": to, "headline": text.headline, "text": text.body, **text.details}
        answer = ask(self.url.reveal().replace(TO, quote(to, safe="")), "POST", body, "webhook",
                     {"Idempotency-Key": text.id})  # fmt: skip
        return Taken(answer.code, field_at(_json(answer.body), self.answer_id) if self.answer_id else "")

    def objection(self, to: str) -> str:
        """Only its form can be seen without sending."""
        return "" if self.url.reveal().startswith(("http://", "https://")) else "its URL is neither http:// nor https://"


@dataclass(frozen=True, slots=True)
class Command:
    """A program on this machine: a modem, a siren, a relay. It needs no network.

    {to}, {headline} and {text} in its words are filled in; no shell reads them.
    """

    words: tuple[str, ...]

    def send(self, to: str, text: Text) -> Taken:
        """Run it; exit code 0 is taken."""
        filled = {TO: to, "{headline}": text.headline, "{text}": text.whole(), "{id}": text.id}
        try:
            done = subprocess.run(_filled(self.words, filled), stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=TIMEOUT, check=False)  # fmt: skip
        except FileNotFoundError:
            raise Rejected(f"{self.words[0]} is no program here") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"{self.words[0]}: {type(error).__name__}") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise Unavailable(f"{self.words[0]} ended with {done.returncode}{': ' if said else ''}{''.join(said)}")
        return Taken(0)

    def objection(self, to: str) -> str:
        """Whether the program is there."""
        import shutil

        return "" if shutil.which(self.words[0]) else f"{self.words[0]} is no program here"


def _made(url: str, to: str) -> Any:
    """What apprise makes of a URL with an address in it; None for nothing."""
    import apprise

    return apprise.Apprise.instantiate(url.replace(TO, quote(to, safe="@")), suppress_exceptions=True)


def _targets(service: Any) -> list[Any] | None:
    """Whom a service would send to, of those that name it; None for one that has no list of them."""
    found = getattr(service, "targets", None)
    return None if found is None else list(found)


def _json(body: bytes) -> Any:
    """What a gateway answered; nothing where it is no JSON: it took the message all the same."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def _filled(words: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Each word with its places filled once: what is filled in is not looked at again."""
    return [_fill(word, values) for word in words]


def _fill(word: str, values: Mapping[str, str]) -> str:
    for place, value in values.items():
        if place in word:
            before, after = word.split(place, 1)
            return _fill(before, values) + value + _fill(after, values)
    return word
