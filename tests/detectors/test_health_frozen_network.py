"""health.frozen_network. Oracle: a plain loop over time that counts who was heard within two intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.detector import NEVER, Finding, Subjects, Verdict
from detectors.health.frozen_network import FrozenNetwork
from detectors.reading import AFTER_ROWS, Batch, Quality
from detectors.state import take
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DETECTOR = FrozenNetwork()
MEMBERS = 5


def subjects(count: int, members: int = MEMBERS, interval: float = 1.0, first_seen: int = 0) -> Subjects:
    """Names that do not tell the group apart: what is said names them."""
    plain = Subjects.simple(count, members=members, interval=interval, first_seen=first_seen)
    return replace(plain, input_id=[f"m{k}" for k in range(members)] * count)


def stream(seed: int, inputs: int) -> Stream:
    """Two outages of whole groups, one of a member, and here and there a lost reading."""
    rng = np.random.default_rng(seed)
    whole = readings(seed, inputs, rng.random((150, inputs)))
    step = (whole.arrived - 1_700_000_000 * SECOND) // SECOND
    group, member = np.divmod(whole.sensor, MEMBERS)
    lost = ((step - 3 * group >= 40) & (step - 3 * group < 60)) | ((step >= 90) & (step < 97 + member))
    lost |= (member == 1) & (step >= 110) & (step < 120)
    keep = np.flatnonzero(~lost)
    return Stream(
        whole.sensor[keep], whole.time[keep], whole.arrived[keep], whole.value[keep], whole.quality[keep],
        until=whole.until,
    )  # fmt: skip


SAMPLE = Sample(DETECTOR, lambda n: subjects(n, first_seen=1_700_000_000 * SECOND), stream)


class Group:
    """One group of a detector, told second by second who speaks."""

    def __init__(self, members: int, detector: FrozenNetwork = DETECTOR, **more: Any) -> None:
        self.detector, self.members = detector, members
        self.state = detector.start(subjects(1, members, **more))
        self.found: list[Finding] = []
        self.drawn: list[float] = []

    def speak(self, second: float, who: Any = None, quality: int = 0) -> None:
        heard = np.arange(self.members) if who is None else np.array(list(who), np.intp)
        at = round(second * SECOND)
        flags = np.full(len(heard), quality)
        self.step(Batch.of(at, heard, np.full(len(heard), at), np.ones(len(heard)), quality=flags))

    def step(self, batch: Batch) -> None:
        outcome = self.detector.step(self.state, batch)
        self.found += outcome.findings
        self.drawn += [value for column in outcome.columns for value in column.value.tolist()]

    def until(self, second: float) -> list[tuple[float, str]]:
        self.step(Batch.of(round(second * SECOND)))
        return [(f.at / SECOND, f.verdict.name) for f in self.found]


def by_a_plain_loop(speaks: dict[float, set[int]], members: int, needed: int, end: float) -> list[tuple[float, str]]:
    """Half second by half second: who was heard within 2 s; an alarm ends 2 s after it fell below, or with nobody."""
    heard, silent, ends = dict.fromkeys(range(members), 0.5), set[int](), None
    active, out = False, [(0.5, "CLEAR")]
    for moment in np.arange(1.0, end, 0.5).tolist():
        spoke = speaks.get(moment, set())
        steps = [silent := silent - {m} for m in sorted(silent & spoke)]  # one reading after the other
        steps.append(silent := {m for m in range(members) if moment >= heard[m] + 2.0 and m not in spoke})
        for now_silent in steps:
            if not active and len(now_silent) >= needed:
                active = True
                out.append((moment, "ACTIVE"))
            back = active and len(now_silent) < needed
            ends = None if not back else (ends or moment + 2.0) if now_silent else moment
        if active and ends == moment:
            active, ends = False, None
            out.append((moment, "CLEAR"))
        heard.update(dict.fromkeys(spoke, moment))
    return out


@pytest.mark.parametrize("seed", range(8))
def test_it_says_what_a_plain_loop_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    group, speaks = Group(7), {0.5: set(range(7))}
    for moment in (np.flatnonzero(rng.random(400) < 0.7) / 2 + 1.0).tolist():
        often = 0.8 if moment % 40 < 25 else 0.15
        speaks[moment] = set(np.flatnonzero(rng.random(7) < often).tolist())
    for moment, who in speaks.items():
        group.speak(moment, sorted(who))
    expected = by_a_plain_loop(speaks, 7, 4, 202.0)
    assert group.until(201.6) == expected
    assert len(expected) > 6


def test_two_hundred_silent_sensors_are_one_alarm_that_names_the_first() -> None:
    group = Group(200, interval=10.0)
    order = np.random.default_rng(1).permutation(200).tolist()
    for place, member in enumerate(order):
        group.speak(1 + place / 100, [member])
    assert group.until(300) == [(2.0, "CLEAR"), (21.99, "ACTIVE")]
    active = group.found[-1]
    first = ", ".join(f"m{k}" for k in order[:6]) + " +94"
    assert active.why.numbers == {"silent": 100, "members": 200, "first": first}
    assert (active.value, active.limit, active.row) == (100.0, 100.0, AFTER_ROWS)
    assert max(group.drawn) == 200


def test_members_that_fall_silent_at_one_instant_are_counted_together() -> None:
    group = Group(5)
    group.speak(1)
    assert group.until(9) == [(1.0, "CLEAR"), (3.0, "ACTIVE")]
    assert group.found[-1].value == 5
    assert group.drawn == [0, 0, 0, 0, 0, 5]


def test_it_is_unknown_while_those_not_yet_heard_could_decide() -> None:
    group = Group(5)
    group.speak(1, [0, 1])
    assert group.until(1.5) == []
    group.speak(1.6, [2])
    assert group.until(1.7) == [(1.6, "CLEAR")]
    never = Group(5)
    assert never.until(2.1) == [(2.0, "ACTIVE")]


def test_on_the_way_back_the_last_are_waited_for_and_one_that_stays_silent_ends_it_late() -> None:
    group = Group(6)
    group.speak(1)
    for second in (8.0, 9.0, 10.0):
        group.speak(second + 0.1, [0, 1])
        group.speak(second + 0.2, [2, 3])
        if second >= 9:
            group.speak(second + 0.3, [4])
    assert group.until(10.4) == [(1.0, "CLEAR"), (3.0, "ACTIVE"), (10.2, "CLEAR")]
    assert group.found[-1].value == 1
    together = Group(6)
    together.speak(1)
    for member in range(6):
        together.speak(8 + member / 10, [member])
    assert together.until(8.6) == [(1.0, "CLEAR"), (3.0, "ACTIVE"), (8.5, "CLEAR")]


def test_a_gateway_that_fails_again_on_the_way_back_is_still_frozen() -> None:
    group = Group(6)
    group.speak(1)
    group.speak(8, range(4))
    assert group.until(30) == [(1.0, "CLEAR"), (3.0, "ACTIVE")]


def test_a_slow_member_that_was_silent_is_given_its_own_time() -> None:
    plain = subjects(1, 5)
    slow = replace(plain, interval=np.array([1.0, 1.0, 1.0, 1.0, 20.0]))
    state = DETECTOR.start(slow)
    DETECTOR.step(state, Batch.of(SECOND, range(5), [SECOND] * 5, np.ones(5)))
    found = list(DETECTOR.step(state, Batch.of(100 * SECOND)).findings)
    for second in range(100, 160):
        found += DETECTOR.step(state, Batch.of(second * SECOND, range(4), [second * SECOND] * 4, np.ones(4))).findings
    assert [(f.at // SECOND, f.verdict) for f in found] == [(3, Verdict.ACTIVE), (140, Verdict.CLEAR)]


def test_an_alarm_stands_where_those_not_yet_heard_could_decide() -> None:
    slow = replace(subjects(1, 7), interval=np.array([1.0] * 6 + [100.0]))
    state = DETECTOR.start(slow)
    found = list(DETECTOR.step(state, Batch.of(SECOND, range(6), [SECOND] * 6, np.ones(6))).findings)
    found += DETECTOR.step(state, Batch.of(8 * SECOND, range(5), [8 * SECOND] * 5, np.ones(5))).findings
    found += DETECTOR.step(state, Batch.of(9 * SECOND, range(3), [9 * SECOND] * 3, np.ones(3))).findings
    found += DETECTOR.step(state, Batch.of(10 * SECOND, range(3), [10 * SECOND] * 3, np.ones(3))).findings
    found += DETECTOR.step(state, Batch.of(11 * SECOND)).findings
    assert [(f.at // SECOND, f.verdict.name) for f in found] == [(1, "CLEAR"), (3, "ACTIVE")]
    for second in (11, 12):
        found += DETECTOR.step(state, Batch.of(second * SECOND, range(6), [second * SECOND] * 6, np.ones(6))).findings
    assert [(f.at // SECOND, f.verdict.name) for f in found][2:] == [(11, "CLEAR")]


def test_bad_readings_prove_life_and_retained_ones_do_not() -> None:
    group = Group(4)
    group.speak(1)
    for second in range(2, 8):
        group.speak(second, None, int(Quality.NO_VALUE if second % 2 else Quality.OUT_OF_SPAN))
    assert group.until(7.5) == [(1.0, "CLEAR")]
    for second in range(8, 12):
        group.speak(second, None, int(Quality.RETAINED))
    assert group.until(12) == [(1.0, "CLEAR"), (9.0, "ACTIVE")]


def test_time_that_nobody_listened_is_excused() -> None:
    group = Group(4)
    group.speak(1)
    DETECTOR.excuse(group.state, 2 * SECOND, 60 * SECOND)
    assert group.until(61) == [(1.0, "CLEAR")]
    assert group.until(61.1) == [(1.0, "CLEAR"), (61.0, "ACTIVE")]
    group.speak(70, range(3))
    DETECTOR.excuse(group.state, 71 * SECOND, 90 * SECOND)
    for second in (90.0, 91.0):
        group.speak(second, range(3))
    assert group.until(91.1)[-1] == (91.0, "CLEAR")


def test_members_without_an_interval_are_not_counted() -> None:
    plain = subjects(1, 5)
    some = replace(plain, interval=np.array([1.0, 1.0, 1.0, np.nan, np.nan]))
    state = DETECTOR.start(some)
    found = DETECTOR.step(state, Batch.of(9 * SECOND, [0, 3], [SECOND] * 2, [1.0, 1.0])).findings
    assert [(f.at // SECOND, f.verdict.name) for f in found] == [(1, "CLEAR"), (3, "ACTIVE")]
    assert found[1].why.numbers["members"] == 3


@pytest.mark.parametrize("parameters", [{"share": 0.0}, {"share": 1.5}, {"least": 1}, {"intervals": 0.5}])
def test_nonsense_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        FrozenNetwork(**parameters)


def test_a_group_that_is_too_small_or_of_verdicts_is_refused() -> None:
    with pytest.raises(ValueError, match="s0 has 2 members with `every`, give"):
        DETECTOR.start(subjects(1, 2))
    with pytest.raises(ValueError, match="s0 has 0 members with `every`, give"):
        DETECTOR.start(subjects(1, 5, interval=np.nan))


def retimed(group: Group, interval: Any, members: list[str], now: float) -> Group:
    """The group as a revision makes it: other intervals (s), and these members in this order."""
    plain = replace(subjects(1, len(members)), input_id=members, interval=np.broadcast_to(interval, len(members)))
    after = Group(len(members))
    before, index = group.state, np.zeros(1, np.intp)
    after.state = take(before, index, subjects(1, group.members), DETECTOR.start(plain))
    DETECTOR.retime(after.state, before, index, round(now * SECOND))
    return after


def test_members_are_given_their_new_interval_from_when_they_were_heard_last() -> None:
    group = Group(4)
    group.speak(1)
    assert group.until(1.5) == [(1.0, "CLEAR")]

    assert retimed(group, 5.0, ["m0", "m1", "m2", "m3"], 1.75).until(30) == [(11.0, "ACTIVE")]
    assert retimed(group, 0.25, ["m0", "m1", "m2", "m3"], 1.75).until(30) == [(1.75, "ACTIVE")]


def test_each_member_keeps_its_own_time_where_others_come_and_go() -> None:
    group = Group(4)
    for member in range(4):
        group.speak(10 + member / 10, [member])

    after = retimed(group, [3.0, 3.0, 3.0, 3.0, 3.0], ["new", "m3", "m2", "m1", "other"], 11)

    due = dict(zip(after.state.input_id.tolist(), (after.state.until / SECOND).tolist(), strict=True))
    assert {name: due[name] for name in ("m1", "m2", "m3")} == {"m1": 16.1, "m2": 16.2, "m3": 16.3}
    assert due["new"] == 6.0


def test_a_member_that_is_silent_stays_so_and_one_that_is_no_longer_asked_for_is_not_waited_for() -> None:
    group = Group(5)
    group.speak(1)
    group.speak(2.5, range(3))
    assert group.until(4)[-1] == (1.0, "CLEAR")

    after = retimed(group, [60.0, 60.0, 60.0, 60.0, np.nan], [f"m{k}" for k in range(5)], 4)

    assert (after.state.until[3:] == NEVER).all()
    assert after.state.said.tolist() == [Verdict.CLEAR] * 3 + [Verdict.ACTIVE] * 2
