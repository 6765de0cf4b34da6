"""Passwords that cost little to keep, for tests."""

from __future__ import annotations

from argon2 import PasswordHasher

from collector.passwords import Hashing

CHEAP = Hashing(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
PASSWORD = "four words nobody says"
