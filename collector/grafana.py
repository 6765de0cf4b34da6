"""Grafana's HTTP API behind one class, every way it fails told in one sentence.

Constraints. Requests go through grafana-api's generic calls; whatever they raise is translated here and nowhere else:
its own errors by code, a refused connection (an OSError), an answer that is no JSON (an empty 204 is an answer), an
error page of a proxy. No redirect is followed, since a POST would become a GET. A secret that the caller names is never
in a sentence. Source: reference grafana.md sections 5 and 11 (Grafana 9.4 to 13).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from grafana_api.grafana_api import GrafanaException  # type: ignore[import-untyped]
from grafana_api.grafana_face import GrafanaFace  # type: ignore[import-untyped]

from collector.errors import Rejected, Unavailable

TIMEOUT = 20.0
"""s"""
TRY_AGAIN = (408, 429)
ROLE = "the role Admin in this organisation"


class Absent(Rejected):
    """Grafana has nothing there."""


class Grafana:
    """One organisation of a Grafana at `url`, with the token of a service account. `hidden` are texts never shown."""

    def __init__(self, url: str, token: str, hidden: Sequence[str] = ()) -> None:
        parts = urlsplit(url)
        path = f"{parts.path.strip('/')}/".lstrip("/")
        self.url = url
        self._hidden = tuple(text for text in (token, *hidden) if text)
        self._api = GrafanaFace(token, parts.netloc, url_path_prefix=path, protocol=parts.scheme, timeout=TIMEOUT).api
        self._api.s.max_redirects = 0

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON, {} for an empty one. `path` begins after /api.

        Raises `Absent` for 404, `Rejected` for what will not be taken like this, `Unavailable` for what may be later.
        """
        try:
            return getattr(self._api, method)(path, json=body)
        except GrafanaException as error:
            raise self._told(error.status_code, _reason(error.response), f"{method} {path}") from None
        except ValueError as error:
            if getattr(error, "doc", None) == "":
                return {}
            raise Unavailable(f"{self.url} answered {method} {path} with no JSON: is it a Grafana?") from None
        except TypeError:  # grafana-api looks for a message in whatever came
            raise Unavailable(f"{self.url} answered {method} {path} with a page: is a proxy before it?") from None
        except OSError as error:
            raise self._unreached(error) from None

    def find(self, path: str) -> Any:
        """What is there; None if nothing is."""
        try:
            return self.ask("GET", path)
        except Absent:
            return None

    def version(self) -> tuple[int, int, int]:
        """Of the server. It may keep it from strangers, so two places are looked at."""
        text = str(self.ask("GET", "/health").get("version", ""))
        if not text:
            text = str((self.find("/frontend/settings") or {}).get("buildInfo", {}).get("version", ""))
        found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
        if found is None:
            raise Rejected(f"{self.url} does not tell its version ({text!r}): is it a Grafana, and is the token of it?")
        return int(found[1]), int(found[2]), int(found[3] or 0)

    def _unreached(self, error: OSError) -> Unavailable:
        name = type(error).__name__
        if name == "TooManyRedirects":
            return Unavailable(f"{self.url} sends elsewhere: give the address that answers itself, http or https")
        if "Timeout" in name:
            return Unavailable(f"{self.url} did not answer in {TIMEOUT:g} s: is Grafana well?")
        if name == "SSLError":
            return Unavailable(f"{self.url}: its certificate is not trusted; REQUESTS_CA_BUNDLE names your authority")
        return Unavailable(f"nobody answers at {self.url}: is Grafana running, and reachable from here?")

    def _told(self, code: int, said: str, asked: str) -> Rejected | Unavailable:
        for text in self._hidden:
            said = said.replace(text, "***")
        sentence = _sentence(code, said, asked)
        if code == 404:
            return Absent(sentence)
        return Unavailable(sentence) if code >= 500 or code in TRY_AGAIN else Rejected(sentence)


def _reason(response: Any) -> str:
    """Grafana's own words in one line; a page of a proxy says nothing."""
    text = str(response.get("message", "")) if isinstance(response, dict) else str(response or "")
    return "" if text.lstrip().startswith("<") else " ".join(text.split())[:300]


def _sentence(code: int, said: str, asked: str) -> str:
    """What a code means for a person, and what to do."""
    words = said.lower()
    if code == 401:
        return f"Grafana does not know the token: make a service account with {ROLE} and give its token"
    owned = any(word in words for word in ("provisioned", "provenance", "read-only", "readonly"))
    if code == 403 and ("permission" in words or not owned):  # permissions have names like alert.provisioning:write
        return f"the token may not do {asked} ({said}): its service account needs {ROLE}"
    if owned:
        return (f"Grafana has this from a provisioned file (or another owner), so it is read-only ({said}): "
                "remove the file, or keep the file and do not push")  # fmt: skip
    if code == 404:
        return f"Grafana has nothing at {asked} ({said})"
    if code == 409:
        return f"something else has this name or title already ({said}): rename or delete it there"
    if code == 412:
        return f"somebody else changed or made this at the same time ({said}): look at it, then push again"
    if code == 429:
        return f"Grafana has no time for {asked} now ({said}): push again in a minute"
    if code == 400 and "40 char" in words:
        return f"a name is longer than the 40 characters Grafana takes ({said})"
    if code == 500 and "uid" in words and "rule" in words:
        return (f"Grafana knows no rule that its group names ({said}); before 11.5.2 it answers so when a rule was "
                "deleted meanwhile: push again")  # fmt: skip
    where = "; its log says why" if code >= 500 else ""
    return f"Grafana answered {code} to {asked}: {said or 'no reason given'}{where}"
