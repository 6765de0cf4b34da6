"""On which line of a TOML text each key stands, so that a mistake of meaning can be shown where it was written.

Constraints. The text has been parsed by tomllib already, so it is valid TOML 1.0; this only walks it. Not a parser.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]


def places(text: str) -> dict[Path, int]:
    """Line (from 1) of every key path; of an array's items too."""
    walker = _Walker(text.replace("\r\n", "\n") + "\n")
    walker.walk()
    return walker.lines


def line_of(path: Path, lines: Mapping[Path, int]) -> int:
    """Line of a path, or of the nearest table around it that is written in the file."""
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), 1)


class _Walker:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.lines: dict[Path, int] = {}
        self.count: dict[Path, int] = {}

    def walk(self) -> None:
        table: Path = ()
        self._space()
        while self.at < len(self.text):
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)
            self._space()

    def _peek(self, length: int = 1) -> str:
        return self.text[self.at : self.at + length]

    def _step(self, length: int = 1) -> None:
        self.line += self.text.count("\n", self.at, self.at + length)
        self.at += length

    def _space(self) -> None:
        """Over white space, line ends and comments."""
        while self.at < len(self.text):
            if self._peek() == "#":
                self._step(self.text.index("\n", self.at) - self.at)
            elif self._peek().isspace():
                self._step()
            else:
                return

    def _header(self) -> Path:
        many = self._peek(2) == "[["
        line = self.line
        self._step(2 if many else 1)
        key = self._resolve(self._key())
        self._step(2 if many else 1)
        if many:
            number = self.count.get(key, -1) + 1
            self.count[key] = number
            self._note(key, line)
            key = (*key, number)
        self._note(key, line)
        return key

    def _resolve(self, key: Path) -> Path:
        """A header below an array of tables means its newest item."""
        out: Path = ()
        for place, part in enumerate(key):
            out = (*out, part)
            if out in self.count and place < len(key) - 1:
                out = (*out, self.count[out])
        return out

    def _note(self, path: Path, line: int) -> None:
        for end in range(1, len(path) + 1):
            self.lines.setdefault(path[:end], line)

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._space()
            parts.append(self._quoted() if self._peek() in "\"'" else self._bare())
            self._space()
            if self._peek() != ".":
                return tuple(parts)
            self._step()

    def _bare(self) -> str:
        start = self.at
        while self._peek().isalnum() or self._peek() in "-_":
            self._step()
        return self.text[start : self.at]

    def _quoted(self) -> str:
        mark = self._peek(3) if self._peek(3) in ('"""', "'''") else self._peek()
        self._step(len(mark))
        start = self.at
        while self._peek(len(mark)) != mark:
            self._step(2 if self._peek() == "\\" and mark[0] == '"' else 1)
        inside = self.text[start : self.at]
        while self._peek(len(mark) + 1) == mark + mark[0] and len(mark) == 3:
            self._step()
        self._step(len(mark))
        return inside

    def _pair(self, table: Path) -> None:
        line = self.line
        path = (*table, *self._key())
        self._note(path, line)
        self.lines[path] = line
        self._step()  # =
        self._value(path)

    def _value(self, path: Path) -> None:
        self._space()
        first = self._peek()
        if first in "\"'":
            self._quoted()
        elif first == "{":
            self._items(path, "}")
        elif first == "[":
            self._items(path, "]")
        else:
            while self._peek() not in ",]}#\n":
                self._step()

    def _items(self, path: Path, end: str) -> None:
        self._step()
        number = 0
        self._space()
        while self._peek() != end:
            if end == "}":
                self._pair(path)
            else:
                self._note((*path, number), self.line)
                self._value((*path, number))
            number += 1
            self._space()
            if self._peek() == ",":
                self._step()
                self._space()
        self._step()
