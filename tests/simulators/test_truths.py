"""The file of truths: a scenario's come back as they were, and what is wrong is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.instrument import SECOND
from simulators.scenario import north_pit_site, read_registry, read_scenario
from simulators.truths import BadTruth, lines, read_truths, truths_of

START = 1_767_225_600 * SECOND
SITE = read_registry(north_pit_site())
HEAD = '{"start":0,"end":10}\n'


def test_a_scenarios_truths_come_back_from_the_file(tmp_path: Path) -> None:
    truths = truths_of(read_scenario("demo"), SITE, START)
    file = tmp_path / "t.jsonl"
    file.write_text("".join(lines(truths)), encoding="utf-8")
    assert read_truths(file) == truths
    assert (truths.head.start, truths.head.end) == (START, START + 150 * SECOND)
    assert truths.head.sensors["ch4-2105"] == 2 * SECOND


def test_each_truth_has_its_times_its_kind_and_what_it_warns_of() -> None:
    truths = {truth.kind: truth for truth in truths_of(read_scenario("demo"), SITE, START).all}
    peak, wall, stuck = (truths[kind] for kind in ("methane peak that returns", "wall accelerating", "stuck"))
    assert (peak.start, peak.end, peak.fault) == (START + 15 * SECOND, START + 38 * SECOND, False)
    assert wall.failure == START + 600 * SECOND
    assert peak.failure is None
    assert (stuck.end, stuck.fault, stuck.event) == (None, True, "stuck")
    spike = truths["single spike"]
    assert spike.end == spike.start + 5 * SECOND, "the one wrong reading is within an interval"
    assert spike.expect == ()


def test_within_is_read_from_the_scenario(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        '[scenario]\nname = "s"\nsite = "x"\nseed = 1\nlasts = "1h"\n[[event]]\n'
        'kind = "plume"\nsensors = ["ch4-2105"]\n'
        'start = 5\nto = 2\nwithin = "2min"\nexpect = ["face-methane.warn"]\n',
        encoding="utf-8",
    )
    (truth,) = truths_of(read_scenario(file), SITE, START).all
    assert truth.within == 120 * SECOND


def test_what_may_be_left_out_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text(HEAD + '\n{"sensor":"a","start":3,"expect":["r"]}\n', encoding="utf-8")
    (truth,) = read_truths(file).all
    assert (truth.end, truth.fault, truth.failure, truth.within) == (None, False, None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty file"),
        ('{"start":5,"end":5}\n', "an end after its start"),
        ('{"start":0,"end":9,"version":2}\n', "version 2"),
        ("nonsense\n", ":1: found JSON is malformed"),
        (HEAD + '{"sensor":"a","start":3}\n', ":2: found .*expect"),
        (HEAD + '{"sensor":"a","start":3,"expect":[],"ende":4}\n', ":2: found .*ende"),
        (HEAD + '{"sensor":"a","start":"3","expect":[]}\n', ":2: found .*int"),
        (HEAD + '{"sensor":"a","start":3,"end":2,"expect":[]}\n', ":2: found the end 2"),
        (HEAD + '{"sensor":"a","start":3,"within":-2,"expect":[]}\n', ":2: found within -2"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadTruth, match=said):
        read_truths(file)
