"""How long a login waits, and how often programs may ask."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from collector import throttle
from collector.throttle import BURST, EACH_SECOND, FORGET, FREE, LONGEST, Failures, Rate, delay


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_slows_from_the_fifth_on_and_never_more_than_the_longest() -> None:
    assert [delay(n) for n in range(11)] == [0, 0, 0, 0, 0, 1, 2, 4, 8, LONGEST, LONGEST]
    assert delay(10**9) == LONGEST


def test_failures_slow_what_they_were_tried_on_and_nothing_else() -> None:
    failures = Failures(Clock())
    for _ in range(FREE + 2):
        failures.failed("account li", "address 10.0.0.9")
    assert failures.wait("account li", "address 10.0.0.1") == 4
    assert failures.wait("account wang", "address 10.0.0.9") == 4
    assert failures.wait("account wang", "address 10.0.0.1") == 0
    assert failures.wait("known li's browser") == 0


def test_they_are_forgotten_some_time_after_the_last() -> None:
    clock = Clock()
    failures = Failures(clock)
    for _ in range(FREE):
        failures.failed("a")
    clock.now = FORGET - 1
    assert failures.wait("a") == 1
    assert failures.failed("a") == FREE + 1
    clock.now += FORGET
    assert failures.wait("a") == 0
    assert failures.failed("a") == 1


def test_success_forgets_what_it_is_told_to() -> None:
    failures = Failures(Clock())
    for _ in range(9):
        failures.failed("known b", "account li")
    failures.succeeded("known b")
    assert failures.wait("known b") == 0
    assert failures.wait("account li") > 0


def test_memory_is_bounded(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(throttle, "MOST", 50)
    failures, rate = Failures(Clock()), Rate(Clock())
    for k in range(500):
        failures.failed(f"address {k}")
        rate.wait(f"address {k}")
    assert len(failures._counts) == len(rate._left) == 50
    assert failures.failed("address 499") == 2
    assert failures.failed("address 0") == 1


@given(st.lists(st.floats(0, 5), min_size=1, max_size=400))
def test_no_more_is_let_through_than_the_burst_and_the_rate(gaps: list[float]) -> None:
    clock = Clock()
    rate, let = Rate(clock), 0
    for gap in gaps:
        clock.now += gap
        let += rate.wait("a") == 0
    assert let <= BURST + EACH_SECOND * clock.now + 1


def test_who_asks_too_often_is_told_when() -> None:
    clock = Clock()
    rate = Rate(clock)
    assert all(rate.wait("a") == 0 for _ in range(int(BURST)))
    seconds = rate.wait("a")
    assert 0 < seconds <= 1 / EACH_SECOND
    assert rate.wait("b") == 0
    clock.now += seconds + 1e-6
    assert rate.wait("a") == 0
