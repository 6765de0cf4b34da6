"""Which passwords are taken, and how they are kept."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.passwords import BANNED, LONGEST, SHORTEST, Hashing, WeakPassword, check_password
from tests.cheap import CHEAP


def test_a_password_fits_what_was_kept_of_it_and_no_other_does() -> None:
    kept = CHEAP.keep("correct battery nobody horse")
    assert kept.startswith("$argon2id$")
    assert "battery" not in kept
    assert CHEAP.fits(kept, "correct battery nobody horse")
    for other in ("correct battery nobody hors", "Correct battery nobody horse", "", "x" * 10_000):
        assert not CHEAP.fits(kept, other)


def test_the_same_password_is_kept_differently_each_time() -> None:
    assert CHEAP.keep("correct battery nobody horse") != CHEAP.keep("correct battery nobody horse")


@pytest.mark.parametrize("damaged", ["", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA", "$2b$12$abcdefgh"])
def test_a_damaged_record_fits_nothing(damaged: str) -> None:
    assert not CHEAP.fits(damaged, "correct battery nobody horse")


def test_what_a_site_gets_costs_a_guesser() -> None:
    """RFC 9106's second choice: 64 MiB, 3 passes."""
    hasher = Hashing().hasher
    assert (hasher.memory_cost, hasher.time_cost, hasher.type.name) == (65536, 3, "ID")


def test_keyboards_may_differ_in_how_they_write_a_letter() -> None:
    kept = CHEAP.keep("caf\u00e9 nobody battery")
    assert CHEAP.fits(kept, "cafe\u0301 nobody battery")


@pytest.mark.parametrize(
    "weak",
    [
        "short",
        "elevenchars",
        "x" * (LONGEST + 1),
        "aaaaaaaaaaaaaaaa",
        "ababababababab",
        "123456789012",
        "987654321098",
        "qwertyuiopas",
        "PASSWORD1234",
        "Davylamp1234",
        "abcdefghijkl",
        "zhang1234567",
        "zhangzhangzhang",
        "ZHANG-zhang-1",
    ],
)
def test_what_everyone_tries_first_is_not_taken(weak: str) -> None:
    with pytest.raises(WeakPassword) as why:
        check_password(weak, "zhang")
    assert weak not in str(why.value)


@pytest.mark.parametrize("good", ["correct battery nobody horse", "kdjf82hgqpzm", "只有我知道的十二个字的密码"])
def test_length_is_enough_and_no_mixture_is_asked_for(good: str) -> None:
    check_password(good, "zhang")


def test_every_banned_one_is_long_enough_to_need_banning() -> None:
    assert all(len(one) >= SHORTEST - 1 and one == one.casefold() for one in BANNED)


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_is_taken_or_refused_in_words(password: str, name: str) -> None:
    try:
        check_password(password, name)
    except WeakPassword:
        return
    assert len(unicodedata.normalize("NFKC", password)) >= SHORTEST
