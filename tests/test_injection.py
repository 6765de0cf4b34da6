"""Texts of devices, people and files try to become code: HTML, JavaScript, SQL, InfluxQL, line protocol, topics, paths,
headers, CSV, shells, log lines. Each test fails when the escape, the pattern or the placeholder that it names is gone.
"""

from __future__ import annotations

import ast
import json
import logging
import re
import sqlite3
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from collector.beside import put_beside
from collector.calling import Command, Text
from collector.cli import main
from collector.decode import Decoder
from collector.explaining import Story, pack
from collector.inbox import put
from collector.judged import Judged
from collector.judging import Judging
from collector.lines import fields, head, tag, text_field
from collector.message import ACTION, MQTT, Message, Seal
from collector.spool import Spool
from dashboards.console.acting import Person
from dashboards.console.page import page
from dashboards.console.stream import Changes
from dashboards.query import quoted
from detectors.document import SiteMistakes
from detectors.site import read_site
from tests.dashboards.asking_http import ask, send
from tests.dashboards.people import Logins
from tests.dashboards.sample import METHANE, alarmed
from tests.small_log import START, S, document, reading, revision

ROOT = Path(__file__).parent.parent
ROOMS = ("detectors", "simulators", "dashboards", "collector", "scripts", "bench")
HTML = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'`</template>{{7*7}}{% raw %}"
SQL = "li'); DROP TABLE line; --"
EVIL = ("\x00", "\r\nSet-Cookie: a=b", "\u2028", "\x1b[2J", "\U0001f600", HTML, SQL, "../../etc/passwd", "%2e%2e%2f",
        "{sensor}", "${jndi:ldap://x}", "$(id)", "`id`", "; id", "=1+1", "@SUM(1)", "a,b=c d", 'a"b', "a\\",
        "a' OR '1'='1")  # fmt: skip


# -- SQL -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which evil names, notes and topics were spooled and judged."""
    folder = tmp_path_factory.mktemp("evil")
    spool = Spool(folder)
    spool.append([revision()], START, START)
    at = START
    for k, evil in enumerate(EVIL):
        at += S
        asked = {"id": f"a{k}", "kind": "comment", "rule": "gas", "subject": "ch4-1", "by": evil, "note": evil}
        actions = (asked, {**asked, "id": f"b{k}", "rule": evil, "subject": evil})
        messages = [reading(1, at, 1.2), Message(f"pit/face/{evil}", b'{"v": 1}', MQTT)]
        messages += [Message(evil, evil.encode(), MQTT)]
        messages += [Message("action", json.dumps(one).encode(), ACTION, id=one["id"]) for one in actions]
        spool.append(messages, at, at)
    spool.close()
    judging = Judging(folder)
    judging.catch_up()
    judging.close()
    return folder


def test_no_text_becomes_sql(judged: Path) -> None:
    read = Judged(judged)
    by = {line["by"] for line in map(json.loads, _journal(read)) if line["change"] == "commented"}
    assert {SQL, "a' OR '1'='1"} <= by
    for evil in EVIL:
        assert read.answer(f"{evil}' OR '1'='1") is None
    with sqlite3.connect(judged / "judged.db") as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _journal(read: Judged) -> Iterator[str]:
    from collector.explaining import every_line

    for _, text, _ in every_line(read):
        yield text


def test_every_statement_is_fixed_text_with_placeholders() -> None:
    """The first argument of execute is a constant, or an f-string whose holes are constants of the program."""
    allowed = {"version", "name", "table", "which", "between", "within", "column", "SEAL_BYTES", "VERSION"}
    holes = {}
    for file, call in _calls(("execute", "executemany", "executescript")):
        for node in ast.walk(call.args[0]) if call.args else ():
            if isinstance(node, ast.FormattedValue):
                holes[f"{file}:{node.lineno}"] = ast.unparse(node.value)
            if isinstance(node, ast.Mod) or (isinstance(node, ast.Attribute) and node.attr == "format"):
                holes[f"{file}:{call.lineno}"] = "% or format"
    strange = {where: hole for where, hole in holes.items() if hole not in allowed}
    assert strange == {}


@cache
def _nodes() -> list[tuple[str, ast.Call | ast.Import | ast.ImportFrom]]:
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    trees = ((str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))) for path in paths)
    return [(file, node) for file, tree in trees for node in ast.walk(tree)
            if isinstance(node, ast.Call | ast.Import | ast.ImportFrom)]  # fmt: skip


def _calls(names: tuple[str, ...]) -> Iterator[tuple[str, ast.Call]]:
    for file, node in _nodes():
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in names:
                yield file, node


# -- HTML and JavaScript ---------------------------------------------------------------------------------------------


def test_pieces_that_the_browser_puts_in_place_are_escaped() -> None:
    """page.js sets innerHTML to these."""
    from dataclasses import replace

    from dashboards.console.page import Console

    sample = alarmed()
    sample.rows = [replace(METHANE, area=HTML, note=HTML, accepted_by=HTML, guidance=HTML, why_key=HTML, unit=HTML)]
    message = Changes().since_last(Console(sample, sample).watch.board("en", "typed"))
    pieces = "".join(message["pieces"].values())
    assert "&lt;script&gt;" in pieces
    assert "<script" not in pieces
    assert "<img" not in pieces
    assert "{{7*7}}" in pieces, "a template in a note stays what it is"


def test_what_a_request_says_comes_back_as_text_only() -> None:
    sample = alarmed()
    app = page(sample, sample)
    for path in ("/sensor/x", "/act", "/nowhere", "/"):
        reply = ask(app, path, params={"kind": HTML, "rule": HTML, "subject": HTML, "lang": HTML, "span": HTML})
        assert "<script>alert" not in reply.text
        assert "<img" not in reply.text


def test_a_script_of_anybody_else_is_not_run_at_all() -> None:
    sample = alarmed()
    policy = ask(page(sample, sample), "/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    for directive in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert directive in policy


# -- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/static/../page.py", "/static/..%2fpage.py", "/static/%2e%2e/page.py", "/static/..%5cpage.py",
     "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/sensor/../../static/../page.py", "/static/page.js%00.css",
     "/static/../templates/base.html"],
)  # fmt: skip
def test_no_file_beside_the_static_ones_is_served(path: str) -> None:
    sample = alarmed()
    reply = _raw(page(sample, sample), path)
    assert reply.status_code in (404, 400)
    for inside in ("root:", "from __future__", "{% block"):
        assert inside not in reply.text


def _raw(app: Starlette, path: str) -> httpx.Response:
    """The path as it is written, which clients would tidy up."""
    import asyncio

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            request = client.build_request("GET", "/")
            request.url = request.url.copy_with(raw_path=path.encode())
            return await client.send(request)

    return asyncio.run(asked())


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "..", ".", "x\x00", "x\n", "", ".hidden"])
def test_no_message_s_name_leads_out_of_the_inbox(tmp_path: Path, name: str) -> None:
    data = tmp_path / "data"
    if name == "":
        put(data, Message("t", b"", ACTION, id=name))  # it is given a name of its own
    else:
        with pytest.raises(ValueError, match="message id"):
            put(data, Message("t", b"", ACTION, id=name))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.parent == data / "inbox" for path in written)


def test_a_payload_too_large_is_named_by_its_content_never_by_its_sender(tmp_path: Path) -> None:
    assert re.fullmatch("[0-9a-f]{64}", put_beside(tmp_path, b"../../x"))


def test_the_evidence_pack_holds_only_its_own_names(judged: Path, tmp_path: Path) -> None:
    story = Story.of(judged, "gas", "ch4-1", None)
    assert story is not None
    pack(judged, story, tmp_path / "pack.zip")
    with zipfile.ZipFile(tmp_path / "pack.zip") as packed:
        names = packed.namelist()
        rows = packed.read("readings.csv").decode().splitlines()
    assert "readings.csv" in names
    assert [name for name in names if not re.fullmatch(r"[a-z][\w-]*(/[\w-]+)?\.[a-z]+", name)] == []
    assert all(row.split(",")[1][0] not in "=+-@\t" for row in rows[1:])


# -- topics, names, CSV ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("evil", EVIL)
def test_a_topic_names_a_sensor_of_the_site_or_is_a_dead_letter(evil: str) -> None:
    decoder = Decoder(read_site(document()))
    good = json.dumps({"v": 1.0, "u": "%vol", "ts": START}).encode()
    out = decoder.decode([Seal(1, START, START, (Message(f"pit/{evil}/{evil}", good, MQTT), reading(1, START, 0.5)))])
    assert out.value.tolist() == [0.5]
    assert len(out.dead) == 1


@pytest.mark.parametrize(
    "topic", ["pit/(.*)/{sensor}", "pit/.*/{sensor}", "pit/[a]/{sensor}", "pit/a|b/{sensor}", "a{1,3}/{sensor}"]
)
def test_a_template_s_topic_is_no_pattern_of_ours(topic: str) -> None:
    from collector.known import topic_pattern

    named = topic.replace("{sensor}", "ch4-1")
    assert topic_pattern(topic).fullmatch(named)
    for other in ("pit/face/ch4-1", "pit/a/ch4-1", "pit/x/y/ch4-1", "aaa/ch4-1", "a/ch4-1"):
        assert other == named or not topic_pattern(topic).fullmatch(other)


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "@x", "a,b", "a\nb", "a\n", "a b", 'a"b', "a'b", "a/b", "../x", "{x}", "<b>", "a\x1b"],
)
def test_no_sensor_or_rule_has_a_name_that_is_more_than_one(name: str) -> None:
    """So CSV, paths and queries made of names need no escape that could be forgotten."""
    good = document()
    sensor = next(iter(good["sensor"].values()))
    with pytest.raises(SiteMistakes):
        read_site({**good, "sensor": {**good["sensor"], name: sensor}})
    with pytest.raises(SiteMistakes):
        read_site({**good, "rule": {**good["rule"], name: good["rule"]["gas"]}})


def test_a_detector_s_kind_is_looked_up_and_never_imported() -> None:
    good = document()
    for kind in ("os.system", "collector.running", "signal.limit; import os", "../signal/limit", "__import__('os')"):
        rule = {**good["rule"]["gas"], "detector": {"kind": kind}}
        before = set(sys.modules)
        with pytest.raises(SiteMistakes, match="kind"):
            read_site({**good, "rule": {"evil": rule}})
        assert "collector.running" in before or "collector.running" not in sys.modules


# -- InfluxDB --------------------------------------------------------------------------------------------------------


@given(st.text(), st.text())
def test_a_tag_or_field_never_ends_early(one: str, two: str) -> None:
    """Read back by a reader of line protocol's own rules: the texts are one tag and one field, on one line."""
    line = head("reading", (("area", one), ("site", "pit"))) + b" " + fields([("by", two)]) + b" 1"
    assert b"\n" not in line
    assert line.endswith(b",site=pit " + b"by=" + text_field(two) + b" 1")
    inner = text_field(two)[1:-1].decode()
    assert re.fullmatch(r'(?:[^"\\]|\\["\\])*', inner, re.DOTALL)
    assert re.fullmatch(rb"(?:[^,= \\\n]|\\[,= ]|\\(?![,= ]))*(?:\\ )?", tag(one), re.DOTALL)


@given(st.text())
def test_a_text_in_a_query_never_ends_early(text: str) -> None:
    inside = quoted(text)
    assert re.fullmatch(r"(?:[^'\\]|\\['\\])*", inside, re.DOTALL)
    assert re.sub(r"\\(['\\])", r"\1", inside) == text


# -- programs, headers, logs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "evil", ["; touch {out}", "$(touch {out})", "`touch {out}`", "| touch {out}", "\n touch {out}", "{to}{id}"]
)
def test_a_channel_s_program_gets_words_and_no_shell_reads_them(tmp_path: Path, evil: str) -> None:
    out, said = tmp_path / "out", tmp_path / "said"
    evil = evil.replace("{out}", str(out))
    script = f"import sys, json; open({str(said)!r}, 'w').write(json.dumps(sys.argv[1:]))"
    Command((sys.executable, "-c", script, "{headline}", "{text}")).send("+86 1", Text("id-1", evil, evil))
    assert not out.exists()
    words = json.loads(said.read_text())
    assert len(words) == 2
    assert words[0] == evil, "what a text says is not filled in again"


def test_nothing_is_started_through_a_shell() -> None:
    shells = [f"{file}:{call.lineno}" for file, call in _calls(("run", "Popen", "call", "check_call", "check_output"))
              for word in call.keywords if word.arg == "shell"]  # fmt: skip
    assert shells == []
    others = _calls(("system", "popen", "getoutput", "spawnl", "execl", "execvp"))
    assert [f"{file}:{call.lineno}" for file, call in others] == []


def test_no_text_ends_a_header() -> None:
    sample = alarmed()
    app = page(sample, sample, entering=Logins(Person("li", "operator")))
    for path in ("/login", "/", "/act"):
        reply = ask(app, path, params={"to": "/\r\nX-Evil: 1", "lang": "zh\r\nX-Evil: 1", "kind": "\r\nX-Evil: 1"})
        assert "x-evil" not in reply.headers
    assert "x-evil" not in send(app, kind="acknowledge", rule="\r\nX-Evil: 1", subject="a\r\nX-Evil: 1").headers


def test_what_is_logged_and_printed_is_on_its_own_line(
    judged: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for verb in (["alarms", "--all"], ["journal"], ["ledger"], ["explain", "gas/ch4-1"], ["handover"], ["hazards"]):
            main([verb[0], *verb[1:], "--data", str(judged)])
            said = capsys.readouterr()
            for steers in ("\x1b", "\x00", "\r"):
                assert steers not in said.out + said.err, verb


# -- code from data --------------------------------------------------------------------------------------------------

CODE = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "ruamel", "jsonpickle", "code"}


def test_no_format_that_runs_code_is_read_and_nothing_is_evaluated() -> None:
    found = []
    for file, node in _nodes():
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found += [f"{file}: {name}" for name in names if name.partition(".")[0] in CODE]
    assert found == []
    evaluated = [f"{file}:{call.lineno}" for file, call in _calls(("eval", "exec", "compile", "__import__"))
                 if isinstance(call.func, ast.Name)]  # fmt: skip
    assert evaluated == []
    loads = [call for _, call in _calls(("load",)) if ast.unparse(call.func) in ("np.load", "numpy.load")]
    assert loads
    for call in loads:
        assert any(word.arg == "allow_pickle" and ast.unparse(word.value) == "False" for word in call.keywords)


def test_a_pickle_in_any_of_our_formats_is_never_opened(tmp_path: Path) -> None:
    """Seen from inside the interpreter: nothing looks up a class by a name that came with data."""
    import pickle
    import subprocess

    (tmp_path / "bomb").write_bytes(pickle.dumps(Path("x")))
    script = """
import sys
from pathlib import Path
from tests.small_log import S, START, fill
from collector.judging import Judging
from collector.spool import Spool
from collector.message import MQTT, Message
def hook(event, _):
    if event == "pickle.find_class":
        print("OPENED"); sys.stdout.flush(); raise SystemExit(3)
sys.addaudithook(hook)
folder = Path(sys.argv[1]) / "data"
fill(folder, 40)
bomb = (Path(sys.argv[1]) / "bomb").read_bytes()
spool = Spool(folder)
topics = ("pit/face/ch4-1", "x", "revision", "action", "own/alarm")
spool.append([Message(topic, bomb, MQTT) for topic in topics], START + 60 * S, START)
spool.close()
judging = Judging(folder); judging.catch_up(); judging.close()
for snapshot in folder.rglob("*.npz"):
    snapshot.write_bytes(bomb)
judging = Judging(folder); judging.catch_up(); judging.close()
print("DONE")
"""
    command = [sys.executable, "-c", script, tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout.split(), done.returncode) == (["DONE"], 0), done.stderr[-2000:]


def test_what_decodes_the_log_makes_plain_values_only() -> None:
    """msgpack's extension types could name classes: the inbox and the log know none."""
    packed = msgspec.msgpack.encode(msgspec.msgpack.Ext(5, b"x"))
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(packed, type=Message)


def test_secrets_of_a_site_file_are_not_in_its_revision() -> None:
    from collector.config import SETTING_TABLES

    for table in ("mqtt", "influx", "channel", "grafana", "page"):
        assert table in SETTING_TABLES
    kept: dict[str, Any] = document()
    assert not set(kept) & set(SETTING_TABLES)
