"""Texts of others made safe to print: what steers a terminal, or begins a line of its own, is shown and not obeyed.

Constraints. Only for screens and logs; what is stored and sent stays as it came. Letters of every script stay.
"""

from __future__ import annotations

import logging
import re

_STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""C0 and C1 controls but tab and line feed, line separators, and what turns the direction of writing."""


def visible(text: str) -> str:
    """The text with controls as \\x1b or \\u202e; tabs and line feeds stay."""
    return _STEERS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """The same on one line."""
    return visible(text).replace("\n", "\\n").replace("\t", " ")


class OneLine(logging.Formatter):
    """One line of log a decision, whatever a device or a person wrote into it; a traceback follows on its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line."""
        return one_line(super().formatMessage(record))
