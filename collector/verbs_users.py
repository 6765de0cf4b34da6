"""The verbs about who may come in: users, tokens of programs, and the book of who came."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Any

from collector.users import ACCESSES, FILE
from collector.verb import (
    NO,
    OK,
    Arguments,
    Parser,
    Verb,
    WrongUse,
    add_data,
    add_json,
    data_folder,
    say,
    say_json,
    table,
    warn,
)


def user(arguments: Arguments) -> int:
    """Add, change, remove or list those who may log in."""
    from collector.users import User, changing, named, read_users

    file = _file(arguments)
    if arguments.do == "list":
        users = read_users(file).user if file.exists() else {}
        return _listed(arguments, file, {name: one.access for name, one in users.items()})
    name = named(_name(arguments))
    with changing(file) as known:
        there = known.user.get(name)
        if arguments.do == "add":
            if there is not None:
                raise WrongUse(f"{name} is a user already; `davylamp user passwd`, or remove first")
            if arguments.access is None:
                raise WrongUse(f"say what {name} may do: --access {', '.join(ACCESSES)}")
            known.user[name] = User(arguments.access, _kept(arguments, name))
        elif there is None:
            raise WrongUse(f"{name} is no user of {file}; there are {', '.join(known.user) or 'none'}")
        elif arguments.do == "passwd":
            known.user[name] = User(arguments.access or there.access, _kept(arguments, name))
        else:
            _keep_an_engineer(known.user, name)
            del known.user[name]
    say(f"{arguments.do} {name}: written to {file}; a page that runs sees it within a second")
    return OK


def token(arguments: Arguments) -> int:
    """Add, remove or list the tokens of programs."""
    from collector.users import changing, named, new_token, read_users

    file = _file(arguments)
    if arguments.do == "list":
        tokens = read_users(file).token if file.exists() else {}
        return _listed(arguments, file, {name: one.access for name, one in tokens.items()})
    name = named(_name(arguments))
    with changing(file) as known:
        if not known.user:
            raise WrongUse(f"{file} has no user yet: `davylamp user add` first, or the page would let in programs only")
        if arguments.do == "add":
            made = new_token(known, name, arguments.access or "viewer")
        elif known.token.pop(name, None) is None:
            raise WrongUse(f"{name} is no token of {file}; there are {', '.join(known.token) or 'none'}")
    if arguments.do == "add":
        warn(f"the token of {name}; nobody can read it again. Send it as `Authorization: Bearer TOKEN`")
        say(made)
    else:
        say(f"remove {name}: written to {file}")
    return OK


def audit(arguments: Arguments) -> int:
    """Print who came in, who was turned away, and who did what from where."""
    from collector.audit import GENESIS, read_audit
    from collector.journal import verify
    from collector.times import shown

    lines = list(read_audit(data_folder(arguments)))
    problem = verify(lines, GENESIS)
    found: list[dict[str, Any]] = [json.loads(line) for line in lines]
    if arguments.json:
        say_json(found)
    else:
        rows = [(shown(one["wall"]), one["what"], one["by"], one["from"], _rest(one)) for one in found]
        say(table(("time", "what", "who", "from", ""), rows) if rows else "nobody came yet")
    if problem is not None:
        warn(f"the audit was changed: {problem}")
    return NO if problem is not None else OK


def _rest(line: dict[str, Any]) -> str:
    shown = ("seq", "wall", "what", "by", "from", "hash", "action")
    return " ".join(f"{key}={value}" for key, value in line.items() if key not in shown)


def _listed(arguments: Arguments, file: Path, accesses: dict[str, str]) -> int:
    used = _last_used(file) if arguments.verb == "token" else {}
    rows = [{"name": name, "access": access, "last_used": used.get(name, "")} for name, access in accesses.items()]
    if arguments.json:
        say_json(rows)
    else:
        cells = [tuple(row.values()) for row in rows]
        say(table(("name", "access", "last used"), cells) if rows else f"none in {file}")
    return OK


def _last_used(file: Path) -> dict[str, str]:
    """By token; nothing where the page's own file is not beside."""
    from collector.sessions import last_used
    from collector.times import shown

    return {name: shown(used) for name, used in last_used(file.parent).items()}


def _keep_an_engineer(users: dict[str, Any], name: str) -> None:
    engineers = [one for one, user in users.items() if user.access == "engineer"]
    if engineers == [name] and len(users) > 1:
        raise WrongUse(f"{name} is the last engineer: add another first")
    if len(users) == 1:
        raise WrongUse(f"{name} is the last user, and a page whose file has none is not served: add another first")


def _kept(arguments: Arguments, name: str) -> str:
    """The hash of the password that a file or the person gives, never the command line."""
    from collector.passwords import Hashing, WeakPassword, check_password

    if arguments.password_file is not None:
        try:
            lines = arguments.password_file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            raise WrongUse("the file of --password-file cannot be read; a password never stands here") from None
        password = lines[0] if lines else ""
    else:
        password = getpass.getpass(f"password of {name}: ")
        if password != getpass.getpass("again: "):
            raise WrongUse("the two are not the same; nothing was changed")
    try:
        check_password(password, name)
    except WeakPassword as why:
        raise WrongUse(f"this password is not taken: {why}") from None
    return Hashing().keep(password)


def _file(arguments: Arguments) -> Path:
    if arguments.site is not None:
        from collector.config import load
        from collector.exposing import users_file

        return users_file(load(arguments.site).settings)
    return data_folder(arguments) / FILE


def _name(arguments: Arguments) -> str:
    if arguments.name is None:
        raise WrongUse(f"{arguments.do} whom? Give a name")
    return str(arguments.name)


def _user_arguments(parser: Parser) -> None:
    parser.add_argument("do", choices=("add", "passwd", "remove", "list"))
    parser.add_argument("name", nargs="?", metavar="NAME", help="the login: letters, digits, . - _")
    parser.add_argument("--access", choices=ACCESSES, help="what it may do")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="its first line (else it is asked for)")
    add_data(parser)
    add_json(parser)


def _token_arguments(parser: Parser) -> None:
    parser.add_argument("do", choices=("add", "remove", "list"))
    parser.add_argument("name", nargs="?", metavar="NAME", help="the program's name, journaled with what it does")
    parser.add_argument("--access", choices=ACCESSES[:2], help="what it may do (default viewer)")
    add_data(parser)
    add_json(parser)


def _audit_arguments(parser: Parser) -> None:
    add_data(parser)
    add_json(parser)


_USER = "davylamp user add li --access operator --site my-site.toml"
_TOKEN = "davylamp token add scada --site my-site.toml"
VERBS = (
    Verb("user", "who may log in to the page", _USER, _user_arguments, user),
    Verb("token", "programs that may ask the page", _TOKEN, _token_arguments, token),
    Verb("audit", "who came in, was turned away, did what", "davylamp audit --data demo-data", _audit_arguments, audit),
)
