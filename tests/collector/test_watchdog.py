"""The watchdog: decided with a clock of the test, then a real one beside real roles that are frozen."""

from __future__ import annotations

import ast
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import collector.heartbeat
import collector.watchdog
from collector.cli import main
from collector.heartbeat import Heartbeat, alive_folder, memory, read_heartbeats
from collector.watchdog import CommandVoice, Limits, NotDelivered, Watch, Watchdog, WebhookVoice, ping

S = 10**9
LIMITS = Limits(silent=10, behind=20, again=100)
SITE = '[site]\nid = "pit"\ntimezone = "UTC"\nroles = ["collect", "judge"]\n[sensor]\n' \
       'a = { area = "x", quantity = "methane", unit = "%vol" }\n'  # fmt: skip


@dataclass
class Heard:
    """A voice that remembers; while `deaf` it takes nothing."""

    said: list[tuple[str, bool]] = field(default_factory=list)
    deaf: bool = False
    texts: list[str] = field(default_factory=list)

    def say(self, headline: str, text: str, well: bool) -> None:
        if self.deaf:
            raise NotDelivered("deaf")
        self.said.append((headline, well))
        self.texts.append(text)


@dataclass
class Rig:
    """A watchdog over signs of life that the test writes."""

    folder: Path
    roles: tuple[str, ...] = ("collect", "judge")
    language: Any = "en"
    voice: Heard = field(default_factory=Heard)
    beats: int = 0

    def __post_init__(self) -> None:
        self.dog = Watchdog("pit", self.folder, Watch(self.roles, LIMITS, 0.0), [self.voice], language=self.language)

    def beat(self, *roles: str, now: int = 0) -> None:
        alive_folder(self.folder).mkdir(exist_ok=True)
        self.beats += 1
        for role in roles:
            said = {"role": role, "now": now, "beat": self.beats}
            (alive_folder(self.folder) / f"{role}.json").write_text(json.dumps(said))

    def live(self, start: int, end: int, *roles: str, behind: int = 0) -> list[tuple[str, bool]]:
        """A look each second, these roles alive; what was said meanwhile."""
        before = len(self.voice.said)
        for at in range(start, end):
            self.beat(*(role for role in roles if role != "judge"), now=at * S)
            if "judge" in roles:
                self.beat("judge", now=max(1, (at - behind) * S))
            self.dog.look(float(at))
        return self.voice.said[before:]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_while_all_is_well_nothing_is_said(rig: Rig) -> None:
    assert rig.live(0, 60, "collect", "judge") == []


def test_a_role_that_falls_silent_is_named_once_and_again_while_it_lasts(rig: Rig) -> None:
    rig.live(0, 20, "collect", "judge")
    said = rig.live(20, 129, "collect")
    assert said == [("pit: MONITORING STALLED. judge: no sign of life for 11 s", False)]
    assert rig.live(129, 131, "collect") == [("pit: MONITORING STALLED. judge: no sign of life for 111 s", False)]
    assert "other means" in rig.voice.texts[0]


def test_it_says_when_all_is_well_again_but_not_at_the_first_sign(rig: Rig) -> None:
    rig.live(0, 20, "collect", "judge")
    rig.live(20, 40, "collect")
    assert rig.live(40, 44, "collect", "judge") == []
    assert rig.live(44, 50, "collect", "judge") == [("pit: monitoring is well again after 14 s", True)]
    assert rig.live(50, 200, "collect", "judge") == []


def test_a_second_role_that_falls_silent_is_said_at_once(rig: Rig) -> None:
    rig.live(0, 20, "collect", "judge")
    rig.live(20, 40, "collect")
    (one,) = rig.live(40, 55)
    assert "collect: no sign" in one[0]
    assert "judge: no sign" in one[0]


def test_a_sign_from_before_it_began_proves_nothing(rig: Rig) -> None:
    rig.beat("collect", "judge")
    said = rig.live(0, 15)
    assert [well for _, well in said] == [False]
    assert "no sign of life since the watchdog began" in said[0][0]


def test_a_role_that_starts_late_is_well_at_its_first_sign(rig: Rig) -> None:
    rig.live(0, 30, "collect")
    assert [well for _, well in rig.live(30, 40, "collect", "judge")] == [True]


def test_judging_that_lives_but_is_behind_is_said(rig: Rig) -> None:
    assert rig.live(0, 60, "collect", "judge", behind=20) == []
    (said,) = rig.live(60, 80, "collect", "judge", behind=21)
    assert said == ("pit: MONITORING STALLED. judging is 21 s behind what was collected", False)


def test_behind_is_not_said_beside_silence(rig: Rig) -> None:
    rig.live(0, 20, "collect", "judge")
    assert all("behind" not in headline for headline, _ in rig.live(20, 90, "collect"))


def test_a_work_that_dies_again_and_again_is_named_and_the_role_is_not_silent(tmp_path: Path) -> None:
    rig = Rig(tmp_path, roles=("announce",))
    for at in range(1, 4):
        failing = ["calls"] if at < 3 else "nonsense"
        rig.beat("announce")
        file = alive_folder(tmp_path) / "announce.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "failing": failing}))
        rig.dog.look(float(at))
    assert rig.voice.said == [("pit: MONITORING STALLED. announce/calls dies each time it is begun", False)]
    assert ("pit: monitoring is well again after 6 s", True) in rig.live(4, 12, "announce")


def test_what_could_not_be_delivered_is_tried_until_it_is_and_then_not_again(rig: Rig) -> None:
    rig.live(0, 20, "collect", "judge")
    rig.voice.deaf = True
    assert rig.live(20, 45, "collect") == []
    rig.voice.deaf = False
    said = rig.live(45, 70, "collect")
    assert len(said) == 1
    assert "judge" in said[0][0]


def test_news_overtakes_what_was_not_delivered(rig: Rig) -> None:
    rig.live(0, 20, "collect", "judge")
    rig.voice.deaf = True
    rig.live(20, 40, "collect")
    rig.live(40, 50, "collect", "judge")
    rig.voice.deaf = False
    assert rig.live(50, 70, "collect", "judge") == [("pit: monitoring is well again after 14 s", True)]


def test_roles_that_the_site_does_not_run_are_not_missed(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ("collect",))
    assert rig.live(0, 60, "collect") == []


def test_it_speaks_chinese_where_asked(tmp_path: Path) -> None:
    rig = Rig(tmp_path, language="zh")
    rig.live(0, 20, "collect", "judge")
    ((headline, _),) = rig.live(20, 40, "collect")
    assert headline == "pit：监测停滞。judge：11 s 无心跳"


def test_damaged_signs_are_no_signs(rig: Rig) -> None:
    rig.live(0, 5, "collect", "judge")
    for number in range(5, 30):
        rig.beat("collect")
        (alive_folder(rig.folder) / "judge.json").write_text('{"now": ' + "1" * number)
        rig.dog.look(float(number))
    assert "judge" in rig.voice.said[0][0]


@pytest.mark.parametrize("now", ["soon", None, -5, 1.5])
def test_a_sign_with_a_strange_now_does_not_stop_it(rig: Rig, now: object) -> None:
    alive_folder(rig.folder).mkdir()
    for number in range(30):
        rig.beat("collect", now=S)
        (alive_folder(rig.folder) / "judge.json").write_text(json.dumps({"now": now, "beat": number}))
        rig.dog.look(float(number))
    assert rig.voice.said == []


def test_it_pings_each_minute_while_all_is_well_and_not_while_not(tmp_path: Path, hook: Hook) -> None:
    rig = Rig(tmp_path)
    rig.dog.ping = hook.url
    rig.live(0, 121, "collect", "judge")
    assert len(hook.bodies) == 3
    rig.live(121, 300, "collect")
    assert len(hook.bodies) == 3, "nor while judge was still within its limit: the minute was not over"


def test_it_goes_on_when_the_ping_is_not_answered(rig: Rig) -> None:
    rig.dog.ping = "http://127.0.0.1:9/"
    rig.live(0, 20, "collect", "judge")
    assert [well for _, well in rig.live(20, 40, "collect")] == [False]


def test_it_shares_nothing_with_judging() -> None:
    """What the two modules import, read from their sources: the standard library and each other."""
    for module in (collector.watchdog, collector.heartbeat):
        assert module.__file__ is not None
        for node in ast.walk(ast.parse(Path(module.__file__).read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name == "collector.heartbeat" or name.partition(".")[0] in sys.stdlib_module_names, name


# -- ways -------------------------------------------------------------------------------------------------------------


@dataclass
class Hook:
    url: str
    bodies: list[Any]
    answer: list[int]


@pytest.fixture
def hook() -> Iterator[Hook]:
    bodies: list[Any] = []
    answer = [204]

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            bodies.append(json.loads(self.rfile.read(length)) if length else None)
            self.send_response(answer[0])
            self.end_headers()

        do_GET = do_POST = _take

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield Hook(f"http://127.0.0.1:{server.server_port}/secret", bodies, answer)
        server.shutdown()
        thread.join()


def test_a_command_gets_the_words_filled_in_without_a_shell(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = f"import sys; open({str(out)!r}, 'w').write(sys.argv[1] + '|' + sys.argv[2])"
    CommandVoice([sys.executable, "-c", script, "{headline}", "{text}"]).say("$(id); a", "b", well=False)
    assert out.read_text() == "$(id); a|b"


@pytest.mark.parametrize(
    ("words", "why"),
    [(["false"], "ended with 1"), (["/nowhere/horn"], "No such file")],
)
def test_a_command_that_fails_is_not_delivered(words: list[str], why: str) -> None:
    with pytest.raises(NotDelivered, match=why):
        CommandVoice(words).say("a", "b", well=False)


def test_a_command_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector.watchdog, "TIMEOUT", 0.2)
    with pytest.raises(NotDelivered, match="took longer"):
        CommandVoice(["sleep", "60"]).say("a", "b", well=False)


def test_a_webhook_gets_json_and_its_address_is_in_no_error(hook: Hook) -> None:
    WebhookVoice(hook.url).say("矿 stalled", "do", well=False)
    assert hook.bodies == [{"version": 1, "headline": "矿 stalled", "text": "do", "well": False}]
    hook.answer[0] = 503
    for speak in (lambda: WebhookVoice(hook.url).say("a", "b", True), lambda: ping(hook.url)):
        with pytest.raises(NotDelivered) as told:
            speak()
        assert str(told.value) == "it answered 503"
    assert "secret" not in repr(WebhookVoice(hook.url))


# -- signs of life ----------------------------------------------------------------------------------------------------


def test_a_sign_says_who_where_and_how_far(tmp_path: Path) -> None:
    Heartbeat(tmp_path, "judge").beat(5 * S, 7)
    said = read_heartbeats(tmp_path)["judge"]
    assert (said["role"], said["now"], said["cursor"]) == ("judge", 5 * S, 7)
    assert abs(said["wall"] - time.time_ns()) < 5 * S
    assert 5_000_000 < said["memory"] < 10**10
    assert [path.name for path in alive_folder(tmp_path).iterdir()] == ["judge.json"]


def test_it_beats_once_a_second_at_most(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path, "judge")
    for cursor in range(1000):
        heart.beat(1, cursor)
    assert read_heartbeats(tmp_path)["judge"]["cursor"] == 0


def test_a_disk_that_takes_nothing_costs_the_sign_and_not_the_role(tmp_path: Path) -> None:
    alive_folder(tmp_path).write_text("a file where the folder should be")
    Heartbeat(tmp_path, "judge").beat()
    assert read_heartbeats(tmp_path) == {}


def test_memory_grows_with_what_is_held() -> None:
    before = memory()
    held = bytearray(b"x" * 40_000_000)
    assert memory() - before > 30_000_000
    del held


# -- the verb ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Give --command, --webhook"),
        (["--command", "true", "--silent", "soon"], "no duration"),
        (["--webhook-file", "/nowhere/url"], "first line is to be the address"),
    ],
)
def test_wrong_use_is_told(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE)
    assert main(["watchdog", str(site), *words]) == 2
    assert said in capsys.readouterr().err


def test_no_site_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watchdog", str(tmp_path / "none.toml"), "--command", "true"]) == 2
    assert "give the site file" in capsys.readouterr().err


def eventually(condition: Callable[[], object], within: float = 20.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_a_frozen_judge_is_told_by_command_and_webhook_and_so_is_its_return(tmp_path: Path, hook: Hook) -> None:
    site, said = tmp_path / "site.toml", tmp_path / "said"
    site.write_text(SITE)
    write = f"import sys; open({str(said)!r}, 'a').write(sys.argv[1] + chr(10))"
    command = f'{sys.executable} -c "{write}" {{headline}}'
    words = ["watchdog", str(site), "--silent", "2s", "--command", command, "--webhook", hook.url, "--ping", hook.url]
    runs = [["run", str(site), "--role", "collect"], ["run", str(site), "--role", "judge"], words]
    processes = []
    for number, run in enumerate(runs):
        with (tmp_path / f"{number}.log").open("wb") as log:
            processes.append(subprocess.Popen([sys.executable, "-m", "collector.cli", *run], stderr=log))

    def told(well: bool) -> list[str]:
        return [body["headline"] for body in hook.bodies if body and body["well"] is well]

    try:
        eventually(lambda: {"collect", "judge"} <= read_heartbeats(tmp_path / "data").keys())
        eventually(lambda: None in hook.bodies or told(True))
        begun = len(told(False))
        processes[1].send_signal(signal.SIGSTOP)
        eventually(lambda: len(told(False)) > begun)
        assert "judge: no sign of life for" in told(False)[-1]
        ended = len(told(True))
        processes[1].send_signal(signal.SIGCONT)
        eventually(lambda: len(told(True)) > ended)
        assert told(True)[-1].startswith("pit: monitoring is well again after")
        assert said.read_text("utf-8").splitlines()[-1] == told(True)[-1]
        assert "watchdog=stalled" in (tmp_path / "2.log").read_text()
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)
