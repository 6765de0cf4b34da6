"""The link by which somebody who was called accepts: signed, for one person and one message, good for one time.

Constraints. The key is made once, in the data folder, readable by its owner only. A link names the occurrences of its
message; what came later is not covered. Good for one time: the link's own mark is the id of the action it makes, and
the log takes an id once. Looking at a link does nothing.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from collector.errors import DavylampError
from collector.escalation import Call
from collector.oncall import OnCall
from dashboards.console.acting import BadLink, Invitation

FILE = "accept.key"
GOOD_FOR = 24 * 3600 * 10**9
"""ns"""
MARK = 24
"""Characters of the signature in a link: 144 bits."""


class Signer:
    """Makes links and reads them."""

    def __init__(self, folder: Path, address: str, wall: Callable[[], int] = time.time_ns) -> None:
        self._key, self._address, self._wall = secret_key(folder / FILE), address, wall

    def link(self, call: Call) -> str:
        """The address to open."""
        said = [call.person, list(call.occurrences), self._wall() // 10**9, sha256(call.id.encode()).hexdigest()[:8]]
        words = _text(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode())
        return f"{self._address}/accept/{words}.{self._sign(words)}"

    def read(self, token: str) -> Invitation:
        """What a link's last part says. Raises `BadLink`."""
        words, _, mark = token.partition(".")
        if not hmac.compare_digest(mark.encode(), self._sign(words).encode()):
            raise BadLink("this link was not made here, or is not whole: copy all of it")
        person, occurrences, made, _ = json.loads(base64.urlsafe_b64decode(words + "=" * (-len(words) % 4)))
        age = self._wall() - made * 10**9
        if abs(age) > GOOD_FOR:
            said = "older than a day" if age > 0 else "of more than a day from now: this machine's clock was set back"
            raise BadLink(f"this link is {said}. Use `davylamp accept`, or the page")
        return Invitation(person, tuple(occurrences), mark)

    def _sign(self, words: str) -> str:
        return _text(hmac.digest(self._key, words.encode(), "sha256"))[:MARK]


def links(folder: Path, oncall: OnCall) -> Signer | None:
    """What signs the links of a site; None where its messages carry none."""
    return Signer(folder, oncall.link) if oncall.link else None


def secret_key(path: Path) -> bytes:
    """A key of this data folder, made once, whole or not there: two processes may want it first."""
    if not path.exists():
        part = path.with_name(f".{path.name}-{os.getpid()}")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
        part.unlink()
    key = path.read_bytes()
    if len(key) != 32:
        found = f"{path} is damaged ({len(key)} bytes, 32 are right)"
        raise DavylampError(f"{found}: remove it; what was signed with it is void then")
    return key


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
