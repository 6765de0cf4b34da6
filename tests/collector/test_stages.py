"""The receipts of a book of calls written by hand."""

from __future__ import annotations

from typing import Any

from collector.stages import receipts


def line(wall: int, what: str, person: str = "li", **more: Any) -> dict[str, Any]:
    about = {"id": f"a#1:page:{person}", "kind": "page", "person": person, "channel": "sms", "occurrences": ["a#1"]}
    return {"wall": wall, "what": what, **about, **more}


def test_each_call_has_the_time_of_each_stage_it_reached() -> None:
    book = [
        line(1, "calling"), line(2, "taken", code=200), line(3, "delivered"),
        line(4, "calling", "wang"), line(5, "failed", "wang", problem="busy"),
        line(6, "calling", "chen"), line(7, "taken", "chen", code=200),
        line(8, "undelivered", "chen", problem="the gateway says failed"),
        {"wall": 9, "what": "answered", "occurrences": ["a#1"], "by": "li"},
    ]  # fmt: skip
    li, wang, chen = receipts(book)
    assert (li.sent, li.taken, li.delivered, li.answered, li.by, li.problem) == (1, 2, 3, 9, "li", "")
    assert (wang.taken, wang.problem, wang.by) == (0, "busy", "li"), "what one accepts calls nobody else any more"
    assert (chen.taken, chen.delivered, chen.problem) == (7, 0, "the gateway says failed")


def test_a_call_that_was_made_again_is_one_and_a_later_round_has_an_answer_of_its_own() -> None:
    answered = {"wall": 3, "what": "answered", "occurrences": ["a#1"], "by": "li"}
    book = [line(1, "calling"), line(2, "calling", again=True), answered, line(4, "calling", id="a#1:again"),
            {**answered, "wall": 5, "by": "wang"}]  # fmt: skip
    first, second = receipts(book)
    assert (first.sent, first.answered, first.by) == (1, 3, "li")
    assert (second.answered, second.by) == (5, "wang")


def test_the_weekly_question_has_an_answer_too() -> None:
    book = [line(1, "calling", kind="question"), {"wall": 2, "what": "answered", "occurrences": ["a#1"], "by": "li"}]
    assert (receipts(book)[0].answered, receipts(book)[0].by) == (2, "li")


def test_who_hears_of_a_return_has_nothing_to_answer() -> None:
    book = [line(1, "calling", kind="return"), {"wall": 2, "what": "answered", "occurrences": ["a#1"], "by": "li"}]
    assert receipts(book)[0].answered == 0
