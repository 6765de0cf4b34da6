"""Which access may do what: DESIGN section 9, "Who"."""

from __future__ import annotations

from typing import get_args

import pytest

from dashboards.console.acting import Access, ActionKind
from dashboards.console.rights import ALL, may

EACH = {  # action: viewer, operator, engineer
    "acknowledge": (False, True, True), "accept": (False, True, True), "comment": (False, True, True),
    "shelve": (False, True, True), "unshelve": (False, True, True), "assign": (False, True, True),
    "did": (False, True, True), "out_of_service": (False, False, True), "in_service": (False, False, True),
    "reset": (False, False, True), "rezero": (False, False, True), "close": (False, False, True),
    "test": (False, False, True), "calibrate": (False, False, True), "blasting": (False, False, True),
}  # fmt: skip


@pytest.mark.parametrize("kind", EACH)
def test_as_the_design_says(kind: str) -> None:
    assert (may(kind, "viewer"), may(kind, "operator"), may(kind, "engineer")) == EACH[kind]


def test_every_kind_of_the_page_is_decided_above() -> None:
    assert set(get_args(ActionKind)) <= set(EACH)
    assert set(ALL) == set(get_args(Access))


@pytest.mark.parametrize("kind", ["", "explode", "Acknowledge", "acknowledge "])
def test_what_nobody_thought_of_is_an_engineer_s(kind: str) -> None:
    assert may(kind, "engineer")
    for access in ("viewer", "operator", "link"):
        assert not may(kind, access)  # type: ignore[arg-type]


@pytest.mark.parametrize("access", ["link", "reply"])
def test_a_link_and_a_reply_only_accept(access: str) -> None:
    assert [kind for kind in EACH if may(kind, access)] == ["accept"]  # type: ignore[arg-type]
