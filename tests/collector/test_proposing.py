"""What is proposed for what was heard can be loaded, and reads each kind of message as what it is."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from collector.cli import main
from collector.listening import Heard, text
from collector.proposing import proposal

ISO = "2026-12-01T03:29:10.811Z"
GAS = {"v": 0.3, "u": "%vol", "ts": ISO}
WAVE = {"start": ISO, "rate": 100, "samples": [0.01] * 100}


def heard(topic: str, payload: Any, messages: int = 1) -> Heard:
    return Heard(topic, messages, 0.0, 10.0, text(json.dumps(payload).encode()))


def proposed(*all_heard: Heard) -> dict[str, Any]:
    return tomllib.loads(proposal(all_heard))


def test_a_geophone_beside_methane_has_a_table_of_its_own() -> None:
    found = proposed(heard("quarry/face-1/ch4-1", GAS), heard("waves/wall/geo-1", WAVE))
    assert found["payload"] == {
        "heard": {"topic": "quarry/face-1/{sensor}", "json": {"value": "v", "unit": "u", "time": "ts"}},
        "heard-2": {
            "topic": "waves/wall/{sensor}", "wave": {"samples": "samples", "rate": "rate", "start": "start"},
        },
    }  # fmt: skip
    assert found["sensor"]["geo-1"] == {"area": "wall", "quantity": "?", "unit": "?", "rate": 100}


def test_words_that_differ_within_one_kind_are_any_word() -> None:
    found = proposed(
        heard("q/face-1/ch4-1", GAS), heard("q/face-2/ch4-2", GAS), heard("q/gw/t-1", {"value": 3, "ts": 1767225600})
    )
    assert [table["topic"] for table in found["payload"].values()] == ["q/+/{sensor}", "q/gw/{sensor}"]


def test_a_long_waveform_is_recognised_by_the_beginning_that_was_kept() -> None:
    long = {"start": ISO, "rate": 500, "samples": [0.123456] * 2000}
    found = proposed(heard("waves/wall/geo-1", long))
    assert found["payload"]["heard"]["wave"] == {"samples": "samples", "rate": "rate", "start": "start"}
    assert found["sensor"]["geo-1"]["rate"] == 500


@pytest.mark.parametrize("when", [ISO, "2026-05-01T08:00:00+08:00", 1767225600, 1767225600.5, 1767225600123])
def test_a_time_is_recognised_as_text_and_as_number(when: object) -> None:
    assert proposed(heard("a/b", {"v": 1, "at": when}))["payload"]["heard"]["json"] == {"value": "v", "time": "at"}


@pytest.mark.parametrize("sample", ["open", "[", '{"a": [', "[1, 2", '{"name": "x"}', "null", "true", "", "83 a1 74"])
def test_what_has_no_number_is_a_remark_and_breaks_nothing(sample: str) -> None:
    said = proposal([Heard("a/b/c", 1, 0.0, 0.0, sample)])
    assert "# a/b/c: no number found" in said
    assert tomllib.loads(said) == {"sensor": {}}


def test_check_remarks_on_a_waveform_that_is_told_as_plain_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f"""
[site]
id = "q"
timezone = "UTC"
[payload.waves]
topic = "waves/{{sensor}}"
json = {{ samples = "samples", rate = "rate" }}
[sensor]
geo-1 = {{ area = "wall", quantity = "ground_velocity", unit = "mm/s", rate = {WAVE["rate"]} }}
""")
    assert main(["check", str(site)]) == 0
    assert "payload.waves: json does not read samples, rate; a waveform is wave = {" in capsys.readouterr().err
    site.write_text(site.read_text().replace("json =", "wave ="))
    assert main(["check", str(site)]) == 0
    assert "does not read" not in capsys.readouterr().err
