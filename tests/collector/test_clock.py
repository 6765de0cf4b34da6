"""`now` over steps, drifts, stops and sleeps of the machine's clocks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.clock import JUMP, SECOND, SLEW, Blind, Clock


class Machine:
    def __init__(self, wall: int = 1_000 * SECOND) -> None:
        self.up = 5 * SECOND
        self.time = wall

    def run(self, seconds: float, step: float = 0.0) -> None:
        self.up += int(seconds * SECOND)
        self.time += int((seconds + step) * SECOND)

    def clock(self, last: int = 0) -> Clock:
        return Clock(last, monotonic=lambda: self.up, wall=lambda: self.time)


def test_an_empty_log_begins_at_the_wall_clock_and_is_not_blind() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.now() == machine.time
    assert clock.take_blind() == []


def test_a_start_jumps_over_the_time_it_was_down_and_says_so_once() -> None:
    machine = Machine(wall=1_000 * SECOND)
    clock = machine.clock(last=400 * SECOND)
    assert clock.now() == 1_000 * SECOND
    assert clock.take_blind() == [Blind(400 * SECOND, 1_000 * SECOND)]
    assert clock.take_blind() == []


def test_a_restart_within_two_seconds_is_not_blind() -> None:
    machine = Machine(wall=1_000 * SECOND)
    assert machine.clock(last=999 * SECOND).take_blind() == []


def test_a_wall_clock_set_back_while_down_does_not_take_now_back() -> None:
    machine = Machine(wall=1_000 * SECOND)
    clock = machine.clock(last=2_000 * SECOND)
    assert clock.now() == 2_000 * SECOND
    assert clock.take_blind() == []
    assert clock.offset() == -1_000 * SECOND


def test_a_step_back_is_slewed_away_at_one_percent() -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock.now()
    machine.run(100, step=-10)
    assert clock.now() - before == 99 * SECOND
    for _ in range(2_000):
        machine.run(1)
        clock.now()
    assert clock.offset() == 0


def test_a_small_step_ahead_is_slewed_and_a_sleep_is_jumped_over() -> None:
    machine = Machine()
    clock = machine.clock()
    start = clock.now()
    machine.run(100, step=30)
    assert clock.now() - start == 101 * SECOND
    assert clock.take_blind() == []
    machine.run(1, step=3_600)
    assert clock.now() == machine.time
    (blind,) = clock.take_blind()
    assert blind == Blind(start + 102 * SECOND, machine.time)


steps = st.lists(st.tuples(st.floats(0, 1_000), st.floats(-10_000, 10_000)), max_size=30)


@given(steps)
def test_now_never_goes_back_and_runs_right_to_one_percent_but_for_what_it_calls_blind(
    steps: list[tuple[float, float]],
) -> None:
    machine = Machine(wall=10**9 * SECOND)
    clock = machine.clock()
    before = clock.now()
    for seconds, step in steps:
        up = machine.up
        machine.run(seconds, step)
        now = clock.now()
        blind = sum(gap.end - gap.start for gap in clock.take_blind())
        assert now >= before
        assert blind == 0 or blind > JUMP
        elapsed = machine.up - up
        assert abs(now - before - blind - elapsed) <= elapsed * SLEW + 1
        before = now
