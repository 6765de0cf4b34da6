"""What travels to an open page: one message a second, with whatever changed since the last.

Constraints. A message each second even when nothing changed: the browser's own timer says NOT LIVE without it. A stream
that is opened again starts with everything. Not here: reading and drawing (board.py).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

from dashboards.console.acting import Access
from dashboards.console.board import Board, Watch
from dashboards.console.figures import Lang

VERSION = 1
"""Of every JSON answer and of the stream. It rises when a name changes its meaning or goes."""


class Changes:
    """What one reader has been sent, and what is new to it."""

    def __init__(self) -> None:
        self._keys: dict[str, object] = {}
        self._texts: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}

    def since_last(self, board: Board) -> dict[str, Any]:
        """The next message."""
        changed = {n: p for n, p in board.pieces.items() if n not in self._keys or self._keys[n] != p.key}
        message = {
            "version": VERSION,
            "now": board.look.local.clock(board.look.now),
            "live": board.live,
            "band": board.band,
            "title": board.title,
            "shape": board.shape,
            "pieces": {name: piece.draw() for name, piece in changed.items()},
            "texts": {n: t for n, t in board.texts.items() if self._texts.get(n) != t},
            "lists": {n: ids for n, ids in board.lists.items() if self._lists.get(n) != ids},
        }
        self._keys = {name: piece.key for name, piece in board.pieces.items()}
        self._texts, self._lists = board.texts, board.lists
        return message


async def messages(
    watch: Watch, lang: Lang, access: Access, still: Callable[[], bool] = lambda: True
) -> AsyncIterator[str]:
    """Server-sent events, until the reader goes, may not look as before (`still`), or the server is to end."""
    changes = Changes()
    yield "retry: 1000\n\n"
    while not watch.closed and await run_in_threadpool(still):
        board = await run_in_threadpool(watch.board, lang, access)
        message = await run_in_threadpool(changes.since_last, board)
        yield f"data: {json.dumps(message, ensure_ascii=False, separators=(',', ':'))}\n\n"
        await asyncio.sleep(1)
