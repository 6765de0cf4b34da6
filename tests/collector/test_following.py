"""Whatever follows judging goes on, whatever one step does."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from collector.errors import Damaged, Rejected, Unavailable
from collector.following import follow


class Stop:
    """An event that is set after some waits, notes them, and never waits."""

    def __init__(self, after: int) -> None:
        self.waits: list[float] = []
        self._after = after

    def is_set(self) -> bool:
        return len(self.waits) >= self._after

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return self.is_set()


def play(*steps: float | Exception, longest: float = 4.0, **more: Any) -> list[float]:
    left = list(steps)

    def step() -> float:
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    stop = Stop(len(steps))
    follow("who=one", step, stop, longest, **more)  # type: ignore[arg-type]
    return stop.waits


def test_a_step_says_how_long_until_the_next() -> None:
    assert play(0.0, 0.2, 3.0) == [0.0, 0.2, 3.0]


def test_the_wait_grows_with_each_failure_in_a_row_up_to_the_longest_and_begins_anew_after_a_success() -> None:
    away = Unavailable("away")
    assert play(*[away] * 5, 0.2, away) == [0.5, 1.0, 2.0, 4.0, 4.0, 0.2, 0.5]
    assert play(away, longest=0.1) == [0.1]


def test_it_waits_as_long_as_the_other_side_asked_for() -> None:
    assert play(Unavailable("busy", after=30.0), Unavailable("busy", after=0.1)) == [30.0, 1.0]


def test_an_exception_that_nobody_thought_of_is_said_with_its_trace_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reasons: list[str] = []
    steps = (KeyError("odd"), 0.2, Damaged("x.db is torn"))
    assert play(*steps, failed=reasons.append, again_after=Exception) == [0.5, 0.2, 0.5]
    assert reasons == ["KeyError: 'odd'; please report it", "x.db is torn"]
    first, second = caplog.records
    assert first.getMessage() == "who=one again-in=0.5s reason=KeyError: 'odd'; please report it"
    assert first.exc_info is not None
    assert first.levelno == second.levelno == logging.WARNING
    assert second.exc_info is None


@pytest.mark.parametrize("error", [KeyError("odd"), Unavailable("away"), Damaged("x.db is torn")])
def test_what_is_not_to_be_tried_again_in_place_goes_to_the_caller(error: Exception) -> None:
    with pytest.raises(type(error)):
        play(error, again_after=Rejected)
