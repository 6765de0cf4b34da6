"""The page in a real browser: what is seen, at three widths, calm and in alarm, live and not."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from dashboards.console.page import page
from tests.browser.chromium import FLAGS, Tab, find
from tests.dashboards.sample import Sample, alarmed, behind, calm
from tests.page_server import running

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find() is None, reason="chromium is not installed; apt install chromium"),
]

CUT = """[...document.querySelectorAll('.alarm *, h1, .counts, h2, #said')].filter(e => !e.closest('svg')).filter(
    e => e.clientWidth && (e.scrollWidth > e.clientWidth + 1 || e.id == 'said' && e.scrollHeight > e.clientHeight + 9)
).map(e => e.className + ': ' + e.textContent)"""
"""What is cut off: wider than its place, or the band higher."""


@contextmanager
def served(sample: Sample, port: int = 0) -> Iterator[str]:
    """The page on loopback."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        app = page(sample, sample)
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=5, lifespan="off")
        with running(uvicorn.Server(config), app, [listening]):
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with Tab(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("width", [360, 1280, 2560])
@pytest.mark.parametrize("make", [calm, alarmed, behind], ids=lambda m: str(m.__name__))
def test_nothing_overflows_and_nothing_is_complained_of(tab: Tab, tmp_path: Path, make: object, width: int) -> None:
    tab.messages.clear()
    tab.size(width, 1000)
    with served(make()) as url:  # type: ignore[operator]
        for path in ("", "sensor/ch4-2105", "?lang=zh", "act?kind=shelve&rule=fan-stopped&subject=fan-2105"):
            tab.open(url + path)
            tab.wait_for("document.getElementById('now').textContent != ''")
            assert tab.value("document.documentElement.scrollWidth") == width, path
            cut = tab.value(CUT)
            assert cut == [], path
        tab.picture(tmp_path / "page.png")
        assert tab.messages == []
        tab.open("about:blank#")
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_the_plain_dump_of_the_page_has_the_alarm(tmp_path: Path) -> None:
    browser = find()
    assert browser is not None
    flags = [f for f in FLAGS if "pipe" not in f]
    with served(alarmed()) as url:
        command = [browser, *flags, f"--user-data-dir={tmp_path}", "--window-size=360,900", "--dump-dom", url]
        dump = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    assert "at or above the limit of 1.5 %vol" in dump
    assert "Confirm power cut, withdraw 2105, call 2100" in dump


def test_a_value_that_changes_moves_nothing(tab: Tab) -> None:
    sample = alarmed()
    places = "[...document.querySelectorAll('.alarm, .cell, h3')].map(e => { const r = e.getBoundingClientRect();" \
        " return [r.x, r.y, r.width, r.height].join() }).join(' ')"  # fmt: skip
    tab.size(1280, 900)
    with served(sample) as url:
        tab.open(url)
        tab.wait_for("document.title.startsWith('(4)')")
        before = tab.value(places)
        sample.moves = True
        first = tab.value("document.getElementById('now').textContent")
        tab.wait_for(f"document.getElementById('now').textContent != '{first}'")
        tab.wait_for("document.querySelector('.cell .figure span').textContent != '1.52'", 30)

        assert tab.value(places) == before


def test_acknowledging_asks_for_a_name_and_tells_what_became_of_it(tab: Tab) -> None:
    sample = alarmed()
    tab.size(1280, 900)
    with served(sample) as url:
        tab.open(url)
        tab.value("document.querySelector('#alarms a.acknowledge').click()")
        tab.wait_for("document.getElementById('ask').open")
        assert "ch4-2105" in tab.value("document.getElementById('ask').textContent")
        tab.value("document.querySelector('#ask [name=by]').value = 'Li Wei'")
        tab.value("document.querySelector('#ask button').click()")
        tab.wait_for("document.getElementById('answer').textContent.startsWith('Taken')")
        tab.wait_for("document.title.startsWith('(3)')")

        assert [(a.kind, a.subject, a.by, a.occurrence) for a in sample.asked] == [
            ("acknowledge", "ch4-2105", "Li Wei", 3)
        ]
        order = "[...document.querySelectorAll('#alarms .where a')].map(a => a.textContent)"
        assert tab.value(order) == ["fan-2105", "dust-belt-3", "co-2105", "ch4-2105", "prism-17"]
        tab.value("document.querySelector('#alarms a.comment').click()")
        tab.wait_for("document.getElementById('ask').open")
        assert tab.value("document.querySelector('#ask [name=by]').value") == "Li Wei"


def test_symbols_blink_at_most_once_a_second(tab: Tab) -> None:
    with served(alarmed()) as url:
        tab.open(url)

        blinking = tab.value(
            "document.getAnimations().map(a => [a.effect.target.tagName, a.effect.getComputedTiming().duration])"
        )

    assert blinking
    assert all(tag == "svg" and duration >= 1000 for tag, duration in blinking)


def test_a_server_that_goes_is_told_by_the_browsers_own_clock_and_its_return_too(tab: Tab) -> None:
    sample = calm()
    tab.size(1280, 900)
    with served(sample) as url:
        tab.open(url)
        tab.wait_for("document.getElementById('said').textContent == 'live'")
        time.sleep(1.5)
        port = int(url.rsplit(":", 1)[1].strip("/"))
    began = time.monotonic()
    tab.wait_for("document.getElementById('said').textContent.includes('no word from the server')", 12)
    took = time.monotonic() - began
    said = tab.value("document.getElementById('said').textContent")

    assert said == "NOT LIVE SINCE 10:31:07 +08:00 · no word from the server · watch the site by other means"
    assert tab.value("document.querySelector('#standing .calm').innerText") == "No alarm stood when this was last live."
    assert 2 < took < 8
    assert tab.value("getComputedStyle(document.querySelector('.figure')).opacity") < "0.6"
    with served(sample, port):
        tab.wait_for("document.getElementById('said').textContent == 'live'", 15)


def test_a_new_sensor_loads_the_page_anew(tab: Tab) -> None:
    sample = calm()
    with served(sample) as url:
        tab.open(url)
        tab.wait_for("document.querySelectorAll('.cell').length > 10")
        before = tab.value("document.querySelectorAll('.cell').length")
        sample.rows = [r for r in sample.rows if r.subject != sample.known[-1].sensor]
        sample.known = sample.known[:-1]
        tab.wait_for(f"document.querySelectorAll('.cell').length == {before - 1}")


