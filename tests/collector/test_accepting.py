"""Links that accept: only ours, only whole, only for a day, and the same for the same message."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from collector.accepting import FILE, Signer
from collector.errors import DavylampError
from collector.escalation import PAGE, Call
from dashboards.console.acting import BadLink

DAY = 24 * 3600 * 10**9
CALL = Call("wall/p1#1:page:li:sms:0.0", PAGE, "li", "sms", ("wall/p1#1", "墙/p2#7"))


def test_a_link_says_whom_it_was_sent_to_and_for_what(tmp_path: Path) -> None:
    link = Signer(tmp_path, "https://lamp.pit").link(CALL)
    assert link.startswith("https://lamp.pit/accept/")
    invitation = Signer(tmp_path, "").read(link.rsplit("/", 1)[1])
    assert (invitation.person, invitation.occurrences) == ("li", CALL.occurrences)


def test_any_other_letter_anywhere_makes_it_bad(tmp_path: Path) -> None:
    signer = Signer(tmp_path, "")
    token = signer.link(CALL).rsplit("/", 1)[1]
    for place, letter in enumerate(token):
        with pytest.raises(BadLink):
            signer.read(token[:place] + ("a" if letter != "a" else "b") + token[place + 1 :])
    for other in ("", ".", "a.b", token[:-1], token + "a"):
        with pytest.raises(BadLink):
            signer.read(other)


def test_another_folders_link_is_bad(tmp_path: Path) -> None:
    token = Signer(tmp_path, "").link(CALL).rsplit("/", 1)[1]
    (tmp_path / "b").mkdir()
    with pytest.raises(BadLink):
        Signer(tmp_path / "b", "").read(token)


def test_a_link_ends_after_a_day(tmp_path: Path) -> None:
    token = Signer(tmp_path, "", wall=lambda: 10 * DAY).link(CALL).rsplit("/", 1)[1]
    assert Signer(tmp_path, "", wall=lambda: 11 * DAY).read(token).person == "li"
    with pytest.raises(BadLink, match="older than a day"):
        Signer(tmp_path, "", wall=lambda: 11 * DAY + 2 * 10**9).read(token)


def test_a_link_made_under_a_clock_that_was_set_back_since_does_not_last_until_then(tmp_path: Path) -> None:
    token = Signer(tmp_path, "", wall=lambda: 400 * DAY).link(CALL).rsplit("/", 1)[1]
    assert Signer(tmp_path, "", wall=lambda: 399 * DAY).read(token).person == "li", "a step of hours keeps nobody out"
    with pytest.raises(BadLink, match="clock was set back"):
        Signer(tmp_path, "", wall=lambda: 398 * DAY).read(token)


def test_two_calls_have_two_marks(tmp_path: Path) -> None:
    signer = Signer(tmp_path, "", wall=lambda: DAY)
    other = Call("wall/p1#1:page:li:mail:0.0", PAGE, "li", "mail", CALL.occurrences)
    marks = {signer.read(signer.link(call).rsplit("/", 1)[1]).mark for call in (CALL, other, CALL)}
    assert len(marks) == 2


def test_the_key_is_only_its_owners_and_a_damaged_one_is_said(tmp_path: Path) -> None:
    Signer(tmp_path, "")
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    (tmp_path / FILE).write_bytes(b"short")
    with pytest.raises(DavylampError, match="5 bytes, 32 are right"):
        Signer(tmp_path, "")
