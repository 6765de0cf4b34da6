"""Who comes in: logins, sessions, consoles, tokens, and how wrong passwords slow and never block."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.attempts import QUEUE
from collector.audit import Audit, read_audit
from collector.entering import Entrance, Spans
from collector.errors import Unavailable
from collector.sessions import KNOWN_FOR, SECOND, Sessions
from collector.throttle import BURST, FREE, LONGEST
from collector.users import User, Users, changing, new_token
from dashboards.console.acting import Person
from dashboards.console.entering import Busy, Caller, Pass, Refused
from tests.cheap import CHEAP, PASSWORD

NEW = "another sentence of my own"
HOME, AWAY = Caller("10.0.0.1"), Caller("203.0.113.9")


class World:
    """An entrance on a folder, its wall clock, and the waits it took."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now, self.waits = folder, 1_800_000_000 * SECOND, list[float]()
        with changing(folder / "users.toml") as known:
            for name, access in (("li", "operator"), ("wang", "engineer"), ("guest", "viewer")):
                known.user[name] = User(access, CHEAP.keep(PASSWORD))
            self.token = new_token(known, "scada", "viewer")
        self.open()

    def open(self) -> None:
        self.sessions, self.audit = Sessions(self.folder, lambda: self.now), Audit(self.folder, lambda: self.now)
        users = Users(self.folder / "users.toml")
        self.entrance = Entrance(users, self.sessions, self.audit, Spans(), CHEAP, self.pause)

    def close(self) -> None:
        for one in (self.entrance, self.sessions, self.audit):
            one.close()

    async def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)

    def login(self, name: str, password: str = PASSWORD, caller: Caller = HOME) -> Pass | None:
        return asyncio.run(self.entrance.login(name, password, caller))

    def caller(self, name: str, where: Caller = HOME) -> Caller:
        """One who is logged in."""
        given = self.login(name, caller=where)
        assert given is not None
        return Caller(where.address, given.session, "", given.known)

    def after(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    def audited(self) -> list[tuple[str, str, str]]:
        found = [json.loads(line) for line in read_audit(self.folder)]
        return [(one["what"], one["by"], one["from"]) for one in found if one["what"] != "users"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_the_right_password_opens_and_who_came_from_where_is_written(world: World) -> None:
    assert world.entrance.person(HOME) is None
    caller = world.caller("Li ")
    assert world.entrance.person(caller) == Person("li", "operator")
    assert world.audited() == [("login", "li", "10.0.0.1")]


@pytest.mark.parametrize(
    ("name", "password"),
    [("li", "wrong wrong wrong"), ("nobody", PASSWORD), ("", ""), ("li", ""), ("li' OR '1'='1", PASSWORD),
     ("../li", PASSWORD), ("li\x00", PASSWORD)],
)  # fmt: skip
def test_anything_else_does_not(world: World, name: str, password: str) -> None:
    assert world.login(name, password) is None
    assert [what for what, _, _ in world.audited()] == ["login-failed"]


def test_a_name_that_nobody_has_costs_the_same_work_and_is_not_written_down(world: World) -> None:
    """It may be a password typed into the wrong field."""
    hashed: list[str] = []
    fits = CHEAP.fits

    class Counting:
        keep = CHEAP.keep

        @staticmethod
        def fits(kept: str, password: str) -> bool:
            hashed.append(kept)
            return fits(kept, password)

    world.entrance._attempts._hashing = Counting()  # type: ignore[assignment]
    world.login("li", "wrong wrong wrong")
    world.login("hunter2hunter2", "wrong wrong wrong")
    assert len(hashed) == 2
    assert hashed[1].startswith("$argon2id$")
    assert "hunter2" not in "".join(read_audit(world.folder))


def test_each_login_has_a_secret_of_its_own_and_ends_the_one_before(world: World) -> None:
    first = world.caller("li")
    given = asyncio.run(world.entrance.login("li", PASSWORD, first))
    assert given is not None
    assert given.session != first.session
    assert world.entrance.person(first) is None
    assert world.entrance.person(Caller("10.0.0.1", given.session)) == Person("li", "operator")


def test_a_secret_that_was_not_given_out_opens_nothing(world: World) -> None:
    caller = world.caller("li")
    for session in (caller.session[:-1], caller.session + "x", caller.known, "", "x" * 43):
        assert world.entrance.person(Caller("10.0.0.1", session)) is None


def test_a_restart_keeps_sessions_consoles_and_known_browsers(world: World) -> None:
    caller, engineer = world.caller("li"), world.caller("wang")
    console = world.entrance.register("control-room", engineer)
    world.close()
    world.open()
    assert world.entrance.person(caller) == Person("li", "operator")
    assert world.entrance.person(Caller("", "", console)) == Person("control-room", "console", "console")
    given = asyncio.run(world.entrance.login("li", PASSWORD, caller))
    assert given is not None
    assert given.known == "", "it was known already"


def test_an_idle_session_only_looks_until_the_password_is_given_again(world: World) -> None:
    caller = world.caller("li")
    world.after(1800)
    assert world.entrance.person(caller) == Person("li", "operator")
    world.after(1)
    assert world.entrance.person(caller) == Person("li", "console")
    world.entrance.acted(caller)
    assert world.entrance.person(caller) == Person("li", "console"), "asking is no password"
    assert asyncio.run(world.entrance.prove("wang", PASSWORD, caller)) == Person("wang", "engineer", "console")
    assert world.entrance.person(caller) == Person("li", "console"), "another's password does not wake it"
    assert asyncio.run(world.entrance.prove("li", PASSWORD, caller)) == Person("li", "operator", "console")
    assert world.entrance.person(caller) == Person("li", "operator")


def test_a_clock_that_is_set_back_makes_no_session_last(world: World) -> None:
    caller = world.caller("li")
    world.after(-20 * 60)
    assert world.entrance.person(caller) == Person("li", "operator")
    world.after(-20 * 60)
    assert world.entrance.person(caller) == Person("li", "console"), "idle, as after so long a time forward"
    assert asyncio.run(world.entrance.prove("li", PASSWORD, caller)) is not None
    assert world.entrance.person(caller) == Person("li", "operator")
    world.close()
    world.open()
    assert world.entrance.person(caller) == Person("li", "operator"), "when it was used last is written at once"
    world.after(-365 * 86_400)
    assert world.entrance.person(caller) is None
    world.after(365 * 86_400)
    assert world.entrance.person(caller) is None, "what has ended begins no more"


def test_acting_keeps_it_awake_but_no_longer_than_a_shift(world: World) -> None:
    caller = world.caller("li")
    for _ in range(24):
        assert world.entrance.person(caller) == Person("li", "operator")
        world.entrance.acted(caller)
        world.after(1799)
    world.after(60)
    assert world.entrance.person(caller) is None
    assert world.audited()[-1] == ("session-ended", "li", "10.0.0.1")


def test_logging_out_ends_it_for_whoever_has_its_cookie(world: World) -> None:
    caller = world.caller("li")
    world.entrance.logout(caller)
    assert world.entrance.person(caller) is None
    world.entrance.logout(caller)
    assert [what for what, _, _ in world.audited()] == ["login", "logout"]


def test_another_password_ends_all_other_sessions_of_that_login_and_no_others(world: World) -> None:
    here, there, wang = world.caller("li"), world.caller("li", AWAY), world.caller("wang")
    asyncio.run(world.entrance.change(PASSWORD, NEW, here))
    assert world.entrance.person(here) == Person("li", "operator")
    assert world.entrance.person(there) is None
    assert world.entrance.person(wang) is not None
    assert world.login("li", PASSWORD) is None
    assert world.login("li", NEW) is not None
    assert ("password-changed", "li", "10.0.0.1") in world.audited()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [("wrong wrong wrong", NEW, "wrong_password"), (PASSWORD, "short", "weak_password"),
     (PASSWORD, "password1234", "weak_password")],
)  # fmt: skip
def test_a_password_is_not_changed_by_who_does_not_know_it_or_to_a_weak_one(
    world: World, old: str, new: str, why: str
) -> None:
    caller = world.caller("li")
    with pytest.raises(Refused, match=why):
        asyncio.run(world.entrance.change(old, new, caller))
    with pytest.raises(Refused, match="no_login"):
        asyncio.run(world.entrance.change(PASSWORD, NEW, HOME))
    assert world.login("li") is not None


def test_what_an_engineer_changes_in_the_file_counts_at_once_and_is_written(world: World) -> None:
    li, guest = world.caller("li"), world.caller("guest")
    with changing(world.folder / "users.toml") as known:
        known.user["li"] = User("viewer", known.user["li"].password)
        known.user["guest"] = User("viewer", CHEAP.keep(NEW))
    world.after(2)
    assert world.entrance.person(li) == Person("li", "viewer")
    assert world.entrance.person(guest) is None
    with changing(world.folder / "users.toml") as known:
        del known.user["li"]
    world.after(2)
    assert world.entrance.person(li) is None
    lines = [json.loads(line) for line in read_audit(world.folder)]
    said = [line["change"] for line in lines if line["what"] == "users"]
    assert said[-3:] == ["changed user guest (viewer)", "changed user li (viewer)", "removed user li"]


# -- wrong passwords -------------------------------------------------------------------------------------------------


def test_wrong_passwords_slow_strangers_and_the_right_one_still_opens(world: World) -> None:
    for _ in range(FREE + 10):
        world.login("li", "wrong wrong wrong", AWAY)
    assert world.waits[:FREE] == [0] * FREE
    assert world.waits[FREE : FREE + 5] == [1, 2, 4, 8, LONGEST]
    assert max(world.waits) == LONGEST
    assert world.login("li", PASSWORD, Caller("10.0.0.7")) is not None
    assert world.waits[-1] == LONGEST


def test_a_browser_that_logged_in_before_is_not_slowed_by_strangers(world: World) -> None:
    li = world.caller("li")
    for _ in range(30):
        world.login("li", "wrong wrong wrong", HOME)
    assert world.login("li", PASSWORD, li) is not None
    assert world.waits[-1] == 0
    for _ in range(FREE):
        world.login("li", "wrong wrong wrong", li)
    assert world.login("li", PASSWORD, li) is not None
    assert world.waits[-1] == 1, "its own failures slow it too"
    world.login("wang", "wrong wrong wrong", li)
    assert world.waits[-1] == LONGEST, "known for li is a stranger to wang, at an address where much failed"


def test_a_session_acts_while_its_account_is_attacked(world: World) -> None:
    """Acknowledging asks nothing of the throttle: it slows a login and never an action."""
    li = world.caller("li")
    for _ in range(40):
        world.login("li", "wrong wrong wrong", AWAY)
    world.waits.clear()
    assert world.entrance.person(li) == Person("li", "operator")
    world.entrance.acted(li)
    assert world.waits == []


def test_an_address_that_tries_many_accounts_is_slowed_too(world: World) -> None:
    for k in range(FREE + 4):
        world.login(f"name-{k}", "wrong wrong wrong", AWAY)
    world.login("li", "wrong wrong wrong", AWAY)
    assert world.waits[-1] == LONGEST
    world.login("li", PASSWORD, HOME)
    assert world.waits[-1] == 0


def test_asking_many_times_at_once_gives_no_more_guesses(tmp_path: Path) -> None:
    """Strangers at one address stand in line, whatever they try: while one waits, no other is compared."""
    world, at_once = World(tmp_path), [0, 0]

    async def pause(seconds: float) -> None:
        at_once[0] += 1
        at_once[1] = max(at_once)
        await asyncio.sleep(0.001)
        at_once[0] -= 1

    async def attack() -> list[object]:
        tries = [world.entrance.login(f"name-{k % 3}", "wrong wrong wrong", AWAY) for k in range(QUEUE + 5)]
        return list(await asyncio.gather(*tries, return_exceptions=True))

    world.entrance._attempts._pause = pause
    answers = asyncio.run(attack())
    assert at_once[1] == 1
    assert sum(isinstance(one, Busy) for one in answers) == 5
    assert world.entrance._attempts._turns == {}
    world.close()


def test_a_known_browser_is_never_told_to_come_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    li = world.caller("li")

    async def attacked() -> Pass | None:
        guesses = [asyncio.ensure_future(world.entrance.login("li", "wrong", HOME)) for _ in range(3 * QUEUE)]
        await asyncio.sleep(0)
        try:
            return await world.entrance.login("li", PASSWORD, li)
        finally:
            for guess in guesses:
                guess.cancel()
            await asyncio.gather(*guesses, return_exceptions=True)

    assert asyncio.run(attacked()) is not None
    world.close()


def test_how_long_it_takes_does_not_tell_whether_a_name_exists(world: World) -> None:
    for k in range(40):
        world.login(f"name-{k}", "wrong wrong wrong", Caller(f"10.1.0.{k}"))
    for name in ("li", "nobody"):
        world.waits.clear()
        for k in range(FREE + 3):
            world.login(name, "wrong wrong wrong", Caller(f"10.2.0.{k}"))
        assert world.waits == [0] * FREE + [1, 2, 4], name


def test_a_console_is_not_slowed_by_strangers_at_its_address(world: World) -> None:
    console = Caller(HOME.address, "", world.entrance.register("room", world.caller("wang")))
    for _ in range(30):
        world.login("li", "wrong wrong wrong", HOME)
    world.waits.clear()
    assert asyncio.run(world.entrance.prove("li", PASSWORD, console)) is not None
    assert world.waits == [0]


def test_at_a_console_the_own_password_forgives_no_guesses_at_others(world: World) -> None:
    console = Caller(HOME.address, "", world.entrance.register("room", world.caller("wang")))
    for _ in range(FREE + 2):
        asyncio.run(world.entrance.prove("li", "wrong wrong wrong", console))
        asyncio.run(world.entrance.prove("guest", PASSWORD, console))
    assert world.waits[-1] == 4


def test_a_full_disk_keeps_nobody_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    li = world.caller("li")

    def full(_: object) -> object:
        raise Unavailable("no space")

    for module in ("sessions", "audit"):
        monkeypatch.setattr(f"collector.{module}.transaction", full)
    world.after(100)
    world.entrance.acted(li)
    assert world.entrance.person(li) == Person("li", "operator")
    another = world.caller("wang", AWAY)
    assert world.entrance.person(another) == Person("wang", "engineer")
    world.entrance.logout(another)
    assert world.entrance.person(another) is None


def test_a_flood_of_failures_does_not_fill_the_audit(world: World) -> None:
    for _ in range(100):
        world.login("li", "wrong wrong wrong", AWAY)
    assert len(world.audited()) == 10 + 3


def test_failures_from_any_number_of_addresses_have_a_bounded_number_of_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.audit.LINES", 5.0)
    audit = Audit(tmp_path)
    for k in range(200):
        audit.turned_away("login-failed", "", f"203.0.113.{k}", times=1)
    audit.turned_away("denied", "guest", "10.0.0.1", kind="reset")
    audit._lines.each_second = 1e9
    audit.turned_away("login-failed", "li", "203.0.113.9", times=1)
    audit.close()
    lines = [json.loads(line) for line in read_audit(tmp_path)]
    assert [line["what"] for line in lines].count("login-failed") == 5 + 1
    assert lines[-2]["what"] == "denied", "another kind has its own"
    assert lines[-1]["left_out"] == 195


# -- consoles and tokens ---------------------------------------------------------------------------------------------


def test_only_an_engineer_registers_a_console_and_it_only_looks(world: World) -> None:
    for caller in (HOME, world.caller("li"), world.caller("guest"), Caller("", bearer=world.token)):
        with pytest.raises(Refused, match="not_allowed"):
            world.entrance.register("room", caller)
    engineer = world.caller("wang")
    with pytest.raises(Refused, match="malformed"):
        world.entrance.register("<script>", engineer)
    console = Caller("10.0.0.5", "", world.entrance.register("Control-Room", engineer))
    assert world.entrance.person(engineer) is None, "the engineer's session does not stay on the wall"
    assert world.entrance.person(console) == Person("control-room", "console", "console")
    world.after(300 * 86_400)
    assert world.entrance.person(console) is not None
    with pytest.raises(Refused):
        world.entrance.register("another", console)


def test_at_a_console_a_password_acts_once(world: World) -> None:
    console = Caller("10.0.0.5", "", world.entrance.register("room", world.caller("wang")))
    assert asyncio.run(world.entrance.prove("li", "wrong wrong wrong", console)) is None
    assert asyncio.run(world.entrance.prove("li", PASSWORD, console)) == Person("li", "operator", "console")
    assert world.entrance.person(console) == Person("room", "console", "console")


def test_a_withdrawn_console_is_none_any_more(world: World) -> None:
    console = Caller("", "", world.entrance.register("room", world.caller("wang")))
    (row,) = world.entrance.consoles()
    assert (row.name, row.by) == ("room", "wang")
    with pytest.raises(Refused):
        world.entrance.withdraw(row.id, world.caller("li"))
    assert world.entrance.person(console) is not None
    world.entrance.withdraw(row.id, world.caller("wang"))
    assert world.entrance.person(console) is None
    assert world.entrance.consoles() == []
    assert world.audited()[-1][:2] == ("console-withdrawn", "wang")


def test_a_token_is_a_program_with_its_own_access(world: World) -> None:
    program = Caller("10.0.0.6", bearer=world.token)
    assert world.entrance.person(program) == Person("scada", "viewer", "token")
    li = world.caller("li")
    mixed = Caller(li.address, li.session, bearer="dl_wrong")
    assert world.entrance.person(mixed) is None, "a wrong token is nobody, whatever cookie comes with it"
    with changing(world.folder / "users.toml") as known:
        del known.token["scada"]
    assert world.entrance.person(program) is None
    assert ("token-refused", "", "10.0.0.6") in world.audited()
    assert world.token not in "".join(read_audit(world.folder))


def test_programs_are_limited_each_for_itself(world: World) -> None:
    program = Caller("10.0.0.6", bearer=world.token)
    assert sum(world.entrance.rate(program) == 0 for _ in range(1000)) < BURST + 100
    assert world.entrance.rate(program) > 0
    assert world.entrance.rate(Caller("10.0.0.6")) == 0
    assert world.entrance.rate(Caller("10.0.0.7")) == 0
    wrong = [Caller("10.0.0.8", bearer=f"dl_{k}") for k in range(1000)]
    assert sum(world.entrance.rate(one) == 0 for one in wrong) < BURST + 100, "other wrong tokens are no other program"


def test_old_sessions_and_browsers_are_cleared_away(world: World) -> None:
    world.caller("li")
    world.after(KNOWN_FOR / SECOND + 1)
    world.caller("wang")
    assert [one.name for one in (*world.sessions.all("session"), *world.sessions.all("known"))] == ["wang", "wang"]


def test_what_is_denied_is_written_once_with_a_bounded_text(world: World) -> None:
    world.entrance.denied(world.caller("guest"), "reset" + "x" * 10_000)
    last = json.loads(list(read_audit(world.folder))[-1])
    assert (last["what"], last["by"], len(last["kind"])) == ("denied", "guest", 40)
