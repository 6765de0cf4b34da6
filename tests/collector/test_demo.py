"""The demo as a process: it ends by itself, leaves nothing, resumes, and judges itself honestly."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from collector.config import load
from collector.demo import free_port
from collector.judged import Judged
from collector.outcome import Expected
from collector.verbs_alarms import stands
from simulators.scenario import Scenario, Truth, north_pit_site, read_scenario

pytestmark = pytest.mark.broker


def _demo(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "collector.cli", "demo", "--data", str(folder), "--port", "8450", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _processes(folder: Path) -> list[str]:
    """Command lines of all processes that name this folder, or were started in it."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = place.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in line and int(place.parent.name) != os.getpid():
            found.append(line)
    return found


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"Page: (http://\S+)", line):
            return found[1]
    raise AssertionError(f"no address was printed: {process.stderr.read() if process.stderr else ''}")


def test_it_ends_by_itself_leaves_nothing_and_resumes_with_the_same_alarms(tmp_path: Path) -> None:
    first = _demo(tmp_path, "--for", "12s")
    out, err = first.communicate(timeout=90)
    assert first.returncode == 0, err
    assert "wall-moving" in out
    assert "history.written" in out
    assert "NOT AS EXPECTED" not in err
    assert _processes(tmp_path) == []
    judged = Judged(tmp_path)
    standing = {(a["rule"], a["subject"]): a["occurrence"] for a in judged.alarms() if stands(a)}
    by_time = {(a["rule"], a["subject"]) for a in judged.alarms() if a["kind"] == "health.silent"}
    revision = judged.status()["revision"]
    assert standing["wall-moving", "radar-2"] == 1

    again = _demo(tmp_path)
    try:
        address = _address(again)
        page = _get(address + "/api/alarms")
        resumed = {(a["rule"], a["subject"]): a["occurrence"] for a in page["alarms"]}
        assert all(resumed.get(pair) == standing[pair] for pair in standing.keys() - by_time)
        # On a busy machine a simulated sensor is late, and may have spoken and fallen silent again meanwhile.
        assert all(resumed[pair] >= standing[pair] for pair in standing.keys() & resumed.keys() & by_time)
        assert Judged(tmp_path).status()["revision"] == revision
    finally:
        again.send_signal(signal.SIGINT)
        began = time.monotonic()
        again.communicate(timeout=30)
    assert time.monotonic() - began < 15
    assert _processes(tmp_path) == []


def _get(url: str) -> dict[str, list[dict[str, object]]]:
    end = time.monotonic() + 15
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return dict(json.loads(answer.read()))
        except OSError:
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.2)


def test_a_port_that_is_taken_is_passed_over() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port


def test_only_truths_that_had_time_are_expected(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(north_pit_site(), encoding="utf-8")
    site, scenario = load(file).site, read_scenario("demo")
    assert Expected.of(scenario, 10, site) == []
    some, every = Expected.of(scenario, 60, site), Expected.of(scenario, 150, site)
    assert 0 < len(some) < len(every)
    assert {one.rule for one in every} <= {rule.name for rule in site.rules}


def test_a_rule_on_its_sensor_must_be_raised_there_and_one_on_a_group_anywhere() -> None:
    on_sensor, on_group = Expected("high", "ch4-1", "peak"), Expected("wall", None, "wall")
    line = {"change": "raised", "rule": "high", "sensor": "ch4-1"}
    assert on_sensor.met_by(line)
    assert not on_sensor.met_by({**line, "sensor": "ch4-2"})
    assert not on_sensor.met_by({**line, "change": "returned"})
    assert on_group.met_by({**line, "rule": "wall", "sensor": "north-wall"})


def test_a_truth_nobody_raised_is_said(tmp_path: Path) -> None:
    from collector.outcome import Outcome

    problems = Outcome(tmp_path).problems([Expected("high", "ch4-1", "methane peak")], 0)
    assert problems == ["methane peak: high was not raised on ch4-1"]


def test_what_began_before_the_scenario_has_all_of_it_to_be_found(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(north_pit_site(), encoding="utf-8")
    truth = Truth("wall", "radar-2", -1000.0, float("inf"), ("wall-moving",))
    scenario = Scenario("x", "north-pit", 1, 150.0, {}, (), (truth,))
    site = load(file).site
    assert Expected.of(scenario, 149, site) == []
    assert [one.subject for one in Expected.of(scenario, 150, site)] == ["radar-2"]
