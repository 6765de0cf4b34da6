"""Passwords: which are taken, how they are kept, and whether one fits.

Constraints. Argon2id (RFC 9106, its second choice: 64 MiB, 3 passes). Length alone is asked for, and not one of the
first that everyone tries (NIST SP 800-63B 5.1.1.2): no mixture of letters, digits and signs, and no end of a password's
time. A password is compared in Unicode's NFKC, so that keyboards may differ. None is ever printed.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200
"""Characters."""
FEW = 5
"""Different characters below which a password is a pattern."""
BESIDE_NAME = 8
"""Characters that must be left without the owner's name."""
BANNED = frozenset({
    "password1234", "password12345", "password123456", "passw0rd1234", "password@123", "passwordpassword",
    "administrator", "adminadmin123", "admin123456!", "qwertyuiop12", "qwertyuiop123", "qwerty123456", "1qaz2wsx3edc",
    "1q2w3e4r5t6y", "zaq12wsxcde3", "abcdefghijkl", "abcd1234abcd", "iloveyou1234", "welcome12345", "welcome123456",
    "letmein12345", "changeme1234", "changemenow1", "monkey123456", "dragon123456", "football1234", "baseball1234",
    "trustno1trustno1", "correcthorsebatterystaple", "correct horse battery staple", "woaini520520", "woaini1314520",
    "woaini5201314", "5201314woaini", "a1b2c3d4e5f6", "asdfghjkl123", "zxcvbnm12345", "aa123456789", "q1w2e3r4t5y6",
    "p@ssw0rd1234", "p@ssword1234", "davylamp1234", "davylamp12345", "davylampdavylamp", "methane12345", "operator1234",
    "engineer1234", "minesafety123", "letmeinplease", "defaultpassword", "temporary123", "temppassword1",
    "supervisor12", "gasdetector1", "northpit1234", "controlroom1", "controlroom12",
})  # fmt: skip
_ROWS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


class WeakPassword(ValueError):
    """A password that is not taken; the message says why, never what it was."""


@dataclass(frozen=True, slots=True)
class Hashing:
    """How passwords are kept. Tests give a hasher that costs little."""

    hasher: PasswordHasher = field(default_factory=PasswordHasher)

    def keep(self, password: str) -> str:
        """What is stored of a password."""
        return self.hasher.hash(_plain(password))

    def fits(self, kept: str, password: str) -> bool:
        """True if this is the password that was kept. A damaged record fits none."""
        if len(password) > LONGEST:
            return False
        try:
            return self.hasher.verify(kept, _plain(password))
        except (VerificationError, InvalidHashError):
            return False


def check_password(password: str, name: str) -> None:
    """Raises WeakPassword for one that is too short or too easily guessed; `name` is its owner's."""
    plain = _plain(password)
    low = plain.casefold()
    if len(plain) < SHORTEST:
        raise WeakPassword(f"{len(plain)} characters; give {SHORTEST} or more: four words that nobody says together do")
    if len(plain) > LONGEST:
        raise WeakPassword(f"{len(plain)} characters; give {LONGEST} or fewer")
    if low in BANNED or len(set(low)) < FEW or any(low in row + row or low in row[::-1] * 2 for row in _ROWS):
        raise WeakPassword("it is one of the first that everyone tries; give another")
    if name and len(low.replace(name.casefold(), "")) < BESIDE_NAME:
        raise WeakPassword("it is little more than the name; give another")


def _plain(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
