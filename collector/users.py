"""The file of users and tokens: who may come in, as what, and the hash of what each must show.

Constraints. It is written whole (part, fsync, rename) under a lock, readable by its owner only, and read again when it
has changed; one that cannot be read changes nothing for those who look, so a slip of the hand lets nobody in. A token
is 256 bits of chance, so its SHA-256 is kept and no slow hash is needed. Names are lower case, in Unicode's NFKC.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import threading
import time
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec

from collector.errors import DavylampError
from collector.locking import lock, unlock
from collector.whole import whole

FILE = "users.toml"
ACCESSES = ("viewer", "operator", "engineer")
TOKEN = "dl_"
"""How a token begins, so that one that leaked is recognised."""
NAME = re.compile(r"\w[\w.-]{0,39}")
PATIENCE = 5.0
"""s to wait for another command that changes the file."""

log = logging.getLogger(__name__)


class BadUsers(DavylampError):
    """The file of users cannot be read, or not be changed like that; the message says what to do."""


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One who may log in."""

    access: str
    password: str
    """Its Argon2id hash."""

    @property
    def mark(self) -> str:
        """Another for another password: sessions that were opened with an older one end."""
        return digest(self.password)[:16]


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One program that may ask."""

    access: str
    hash: str
    """SHA-256 of the token."""


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that the file holds."""

    user: dict[str, User] = {}
    token: dict[str, Token] = {}


@dataclass(slots=True)
class Users:
    """The file, read again when it has changed. May be used by several threads."""

    path: Path
    _seen: tuple[int, int, int] = (0, 0, 0)
    _known: Known = field(default_factory=Known)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def known(self) -> Known:
        """What the file says now; what it said last where it cannot be read. Raises BadUsers if it never could."""
        with self._guard:
            try:
                stat = self.path.stat()
                now = stat.st_mtime_ns, stat.st_size, stat.st_ino
                if now != self._seen:
                    self._known, self._seen = read_users(self.path), now
            except (BadUsers, OSError) as error:
                if self._seen == (0, 0, 0):
                    raise BadUsers(f"{self.path} cannot be read ({error})") from None
                log.error("users=kept file=%s reason=%r", self.path, str(error))
            return self._known


def read_users(path: Path) -> Known:
    """The file. Raises BadUsers that says what is wrong, OSError where there is none."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_bytes().decode()), Known)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BadUsers(f"{path}: {error}; `davylamp user` writes this file") from None
    accesses = {name: one.access for name, one in found.user.items()}
    for name, access in (*accesses.items(), *((name, one.access) for name, one in found.token.items())):
        if access not in ACCESSES:
            raise BadUsers(f"{path}: {name} has access {access!r}; allowed: {', '.join(ACCESSES)}")
        if name != named(name):
            raise BadUsers(f"{path}: {name!r} is no name; {named(name)!r} would be one")
    return found


@contextmanager
def changing(path: Path) -> Iterator[Known]:
    """What the file holds, to be changed; it is written when the block ends without an error.

    Raises BadUsers where it cannot be read or written.
    """
    handle = _locked(path)
    try:
        known = read_users(path) if path.exists() else Known()
        yield known
        _write(path, known)
    except OSError as error:
        raise BadUsers(f"{path} cannot be written ({error.strerror})") from None
    finally:
        unlock(handle)


def named(text: str) -> str:
    """A login's name as it is kept. Raises BadUsers for a text that can be none."""
    name = unicodedata.normalize("NFKC", text).strip().lower()
    if not NAME.fullmatch(name):
        raise BadUsers(f"{text!r} is no name: 1 to 40 letters, digits, `.`, `-`, `_`, the first a letter or digit")
    return name


def new_token(known: Known, name: str, access: str) -> str:
    """Add a token; the token itself, which nobody can read again. Raises BadUsers where the name is taken."""
    if name in known.token:
        raise BadUsers(f"there is a token {name} already: remove it, or give another name")
    made = TOKEN + secrets.token_urlsafe(32)
    known.token[name] = Token(access, digest(made))
    return made


def bearer(known: Known, shown: str) -> tuple[str, Token] | None:
    """Whose token that is. What is compared are hashes of secrets, so time tells nothing of use."""
    wanted = digest(shown)
    return next(((name, one) for name, one in known.token.items() if one.hash == wanted), None)


def digest(secret: str) -> str:
    """SHA-256, hexadecimal."""
    return sha256(secret.encode()).hexdigest()


def differences(before: Mapping[str, str], known: Known) -> list[str]:
    """What changed since `before` (of `states`), in words for the audit."""
    now = states(known)
    gone = [f"removed {name}" for name in before if name not in now]
    new = [f"added {name} ({state.partition(' ')[0]})" for name, state in now.items() if name not in before]
    other = [name for name in now if before.get(name, now[name]) != now[name]]
    return [*gone, *new, *(f"changed {name} ({now[name].partition(' ')[0]})" for name in other)]


def states(known: Known) -> dict[str, str]:
    """Each login and token with its access and a mark of its secret, neither of which opens anything."""
    users = {f"user {name}": f"{one.access} {one.mark}" for name, one in known.user.items()}
    return users | {f"token {name}": f"{one.access} {one.hash[:16]}" for name, one in known.token.items()}


def _locked(path: Path, wait: Callable[[float], None] = time.sleep) -> int:
    end, guard = time.monotonic() + PATIENCE, path.with_name(f".{path.name}.lock")
    while True:
        try:
            handle = lock(guard, "command that changes users")
            _give(guard, path.parent)
            return handle
        except OSError as error:
            raise BadUsers(f"{path.parent} cannot be written ({error.strerror})") from None
        except DavylampError:
            if time.monotonic() > end:
                raise
            wait(0.05)


def _give(path: Path, like: Path) -> None:
    """Root writes for whom the page runs as: that one owns the file, or the folder it comes into."""
    if os.geteuid() == 0:
        os.chown(path, like.stat().st_uid, like.stat().st_gid)


def _write(path: Path, known: Known) -> None:
    lines = ["# Written by `davylamp user` and `davylamp token`; hashes only. Keep it to its owner (0600)."]
    for kind, entries in (("user", known.user), ("token", known.token)):
        for name, one in sorted(entries.items()):
            lines += ["", f"[{kind}.{json.dumps(name, ensure_ascii=False)}]"]
            lines += [f"{key} = {json.dumps(value)}" for key, value in msgspec.structs.asdict(one).items()]
    with whole(path, 0o600, partial(_as_it_was, path)) as file:
        file.write(("\n".join(lines) + "\n").encode())


def _as_it_was(path: Path, part: Path) -> None:
    """Root writes for whom the page runs as, and a group that could read it still can."""
    if path.exists():
        os.chmod(part, path.stat().st_mode & 0o660)
    _give(part, path if path.exists() else path.parent)
